"""Lambda's Invoke and the tasks of state machines run the very code that the edge runs."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

SOURCE = """
def handler(event, context):
    if event.get('fail'):
        raise ValueError('as told')
    print('got', event)
    return {'name': context.function_name, 'event': event, 'ms': context.get_remaining_time_in_millis() > 0}
"""


@pytest.fixture(scope="module")
def function(edge) -> str:
    return edge.function("invoked", SOURCE)


def test_a_function_returns_what_its_handler_returns(edge, function) -> None:
    answer = edge.clients.client("lambda").invoke(FunctionName=function, Payload=b'{"a": 1}')
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"name": "invoked", "event": {"a": 1}, "ms": True}


def test_an_error_is_told_apart_from_a_result(edge, function) -> None:
    answer = edge.clients.client("lambda").invoke(FunctionName="invoked", Payload=b'{"fail": true}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    told = json.load(answer["Payload"])
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "as told")


def test_an_event_is_accepted_and_runs_and_a_dry_run_does_not(edge, function) -> None:
    functions = edge.clients.client("lambda")
    dry = functions.invoke(FunctionName="invoked", InvocationType="DryRun", Payload=b'{"n": "dry"}')
    assert dry["StatusCode"] == 204
    sent = functions.invoke(FunctionName="invoked", InvocationType="Event", Payload=b'{"n": "later"}')
    assert sent["StatusCode"] == 202
    lines = edge.log("invoked", "later")
    assert any("'later'" in line for line in lines)
    assert not any("'dry'" in line for line in lines)


def test_errors_of_the_call_are_those_of_the_service(edge, function) -> None:
    functions = edge.clients.client("lambda")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke(FunctionName="nobody")
    with pytest.raises(functions.exceptions.InvalidRequestContentException):
        functions.invoke(FunctionName="invoked", Payload=b"no json")
    functions.put_function_concurrency(FunctionName="invoked", ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(functions.exceptions.TooManyRequestsException):
            functions.invoke(FunctionName="invoked", Payload=b"{}")
    finally:
        functions.delete_function_concurrency(FunctionName="invoked")


def test_a_runtime_that_does_not_run_here_is_unsupported_rather_than_invented(edge, function) -> None:
    functions = edge.clients.client("lambda")
    functions.update_function_configuration(FunctionName="invoked", Runtime="nodejs20.x")
    try:
        with pytest.raises(ClientError) as caught:
            functions.invoke(FunctionName="invoked", Payload=b"{}")
        assert caught.value.response["Error"]["Code"] == "UnsupportedByEmulator"
    finally:
        functions.update_function_configuration(FunctionName="invoked", Runtime="python3.12")


def test_a_state_machine_runs_the_same_code(edge, function) -> None:
    machines = edge.clients.client("stepfunctions")
    definition = {
        "StartAt": "Task",
        "States": {
            "Task": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function, "Payload.$": "$"},
                "ResultSelector": {"result.$": "$.Payload"},
                "End": True,
            }
        },
    }
    machine = machines.create_state_machine(name="runs-code", definition=json.dumps(definition), roleArn=edge.role)
    started = machines.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"from": "machine"}')
    deadline = time.monotonic() + 10
    while True:
        found = machines.describe_execution(executionArn=started["executionArn"])
        if found["status"] != "RUNNING" or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["result"]["event"] == {"from": "machine"}
