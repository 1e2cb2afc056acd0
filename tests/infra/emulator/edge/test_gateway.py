"""The edge by HTTP: routes, stages, limits, and functions that misbehave."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.emulator.process import ensure_running
from infra.liveness import is_alive, start_mark, wait_for_end
from tests.infra.emulator.edge.conftest import Edge, package


def test_an_event_reaches_the_function_and_its_answer_the_client(edge, echo) -> None:
    api = echo("POST /things/{id}", "GET /all/{proxy+}")
    reply = edge.call(api, "POST", "/v1/things/7?x=1", body=b'{"a":1}', Content_Type="application/json", X_Own="v")
    assert reply.status == 200
    event = reply.json
    assert event["body"] == '{"a":1}'
    assert event["headers"]["x-own"] == "v"
    assert event["pathParameters"] == {"id": "7"}
    assert event["requestContext"]["accountId"] == edge.clients.account_id
    assert event["requestContext"]["requestId"] == reply.headers["apigw-requestid"]
    assert edge.call(api, "GET", "/v1/all/a/b").json["pathParameters"] == {"proxy": "a/b"}
    assert edge.call(api, "GET", "/v1/all/%C3%A9").json["rawPath"] == "/v1/all/é"


def test_what_has_no_api_stage_or_route_is_not_found(edge, echo) -> None:
    api = echo("GET /ops/health")
    for target in ("/ops/health", "/v1/v1/ops/health", "/v2/ops/health", "/v1/other", "/"):
        reply = edge.call(api, "GET", target)
        assert (reply.status, reply.json) == (404, {"message": "Not Found"}), target
    assert edge.call(api, "POST", "/v1/ops/health").status == 404
    assert edge.call("nosuchapi1", "GET", "/v1/ops/health").status in {403, 404}


def test_the_default_stage_has_no_prefix_and_a_local_name_answers(edge, echo) -> None:
    api = echo("GET /x", stage="$default")
    assert edge.call(api, "GET", "/x").status == 200
    assert edge.call(api, "GET", "/x", host=f"{api}.execute-api.localhost:1234").status == 200


def test_a_changed_route_counts_at_the_next_request(edge, echo) -> None:
    api = echo("GET /v1/x")
    assert edge.call(api, "GET", "/v1/x").status == 404
    assert edge.call(api, "GET", "/v1/v1/x").status == 200
    gateway = edge.clients.client("apigatewayv2")
    route = gateway.get_routes(ApiId=api)["Items"][0]
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], RouteKey="GET /x")
    assert edge.call(api, "GET", "/v1/x").status == 200


def test_a_throttled_stage_answers_429(edge, echo) -> None:
    api = echo("GET /x", "GET /free")
    edge.clients.client("apigatewayv2").update_stage(
        ApiId=api, StageName="v1", DefaultRouteSettings={"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 2}
    )
    statuses = [edge.call(api, "GET", "/v1/x").status for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert edge.call(api, "GET", "/v1/x").json == {"message": "Too Many Requests"}
    assert edge.call(api, "GET", "/v1/free").status == 200


def test_an_api_answers_in_its_own_region_and_while_its_endpoint_is_enabled(edge, echo) -> None:
    api = echo("GET /x")
    assert edge.call(api, "GET", "/v1/x").status == 200
    assert edge.call(api, "GET", "/v1/x", host=f"{api}.execute-api.localhost").status == 200
    elsewhere = edge.call(api, "GET", "/v1/x", host=f"{api}.execute-api.us-west-1.amazonaws.com")
    assert (elsewhere.status, elsewhere.json) == (404, {"message": "Not Found"})
    edge.clients.client("apigatewayv2").update_api(ApiId=api, DisableExecuteApiEndpoint=True)
    assert edge.call(api, "GET", "/v1/x").status == 404
    assert edge.call(api, "GET", "/v1/x", host=f"{api}.execute-api.localhost").status == 404
    edge.clients.client("apigatewayv2").update_api(ApiId=api, DisableExecuteApiEndpoint=False)
    assert edge.call(api, "GET", "/v1/x").status == 200


def test_limits_of_size_are_the_edges_own(edge, echo) -> None:
    api = echo("POST /x")
    assert edge.call(api, "POST", "/v1/x", body=b"x" * (10 * 1024 * 1024 + 1)).status == 413
    assert edge.call(api, "POST", "/v1/x", body=b"x" * (6 * 1024 * 1024)).status == 413
    assert edge.call(api, "POST", "/v1/x", X_Big="x" * 10_241).status == 431


def test_a_function_that_the_gateway_may_not_invoke_is_an_internal_error(edge) -> None:
    arn = edge.function("closed", "def handler(event, context):\n    return {}\n")
    api = edge.api(arn, permit=False)
    assert edge.call(api, "GET", "/v1/x").status == 500
    edge.clients.client("lambda").add_permission(
        FunctionName="closed",
        StatementId="another",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{edge.clients.region}:{edge.clients.account_id}:anotherapi/*/*",
    )
    assert edge.call(api, "GET", "/v1/x").status == 500


MISBEHAVING = {
    "raises": "raise ValueError('no')",
    "exits": "import sys; sys.exit(3)",
    "exits hard": "import os; os._exit(4)",
    "is killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "eats memory": "x = [bytearray(1 << 20) for _ in range(4096)]",
    "recurses": "handler(event, context)",
    "returns no JSON": "return {1, 2}",
    "returns a broken answer": "return {'statusCode': 200, 'headers': {'A': 'x\\r\\ny: z'}}",
    "returns cookies that are no list": "return {'statusCode': 200, 'cookies': 5}",
    "switches the protocol": "return {'statusCode': 101}",
}


@pytest.mark.parametrize("body", MISBEHAVING.values(), ids=MISBEHAVING.keys())
def test_a_function_that_breaks_is_an_internal_error_and_the_next_request_is_served(edge, body) -> None:
    name = f"bad{abs(hash(body))}"
    source = f"def handler(event, context):\n    if event['rawPath'] == '/v1/ok':\n        return 'fine'\n    {body}\n"
    api = edge.api(edge.function(name, source))
    reply = edge.call(api, "GET", "/v1/bad")
    assert (reply.status, reply.json) == (500, {"message": "Internal Server Error"})
    assert edge.call(api, "GET", "/v1/ok").body == b"fine"
    for word in ("ValueError", "Traceback", "f.py"):
        assert word not in reply.body.decode()


def test_a_broken_module_and_a_missing_handler_are_internal_errors(edge) -> None:
    assert edge.call(edge.api(edge.function("syntax", "def handler(:\n")), "GET", "/v1/x").status == 500
    assert edge.call(edge.api(edge.function("empty", "")), "GET", "/v1/x").status == 500
    assert any("AttributeError" in line for line in edge.log("empty", "AttributeError"))


def test_a_function_that_outlives_its_timeout_is_ended_and_logged(edge) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(30 if event['rawPath'] == '/v1/slow' else 0)\n"
    api = edge.api(edge.function("sleeper", source, Timeout=1))
    start = time.monotonic()
    assert edge.call(api, "GET", "/v1/slow").status == 500
    assert time.monotonic() - start < 5
    assert any("Task timed out after 1.00 seconds" in line for line in edge.log("sleeper", "Task timed out"))
    assert edge.call(api, "GET", "/v1/fast").status == 200


def test_an_integration_that_takes_too_long_is_left_and_its_function_goes_on(edge) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(0.6)\n    print('done after all')\n"
    api = edge.api(edge.function("lingers", source), TimeoutInMillis=100)
    reply = edge.call(api, "GET", "/v1/x")
    assert reply.status in {503, 504}
    assert any("done after all" in line for line in edge.log("lingers", "done after all"))


def test_reserved_concurrency_is_kept_and_zero_clamps(edge) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(0.8)\n    return 'ok'\n"
    api = edge.api(edge.function("narrow", source))
    functions = edge.clients.client("lambda")
    assert edge.call(api, "GET", "/v1/x").status == 200
    functions.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(pool.map(lambda _: edge.call(api, "GET", "/v1/x").status, range(3)))
    assert statuses == [200, 503, 503]
    functions.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=0)
    reply = edge.call(api, "GET", "/v1/x")
    assert (reply.status, reply.json) == (503, {"message": "Service Unavailable"})
    functions.delete_function_concurrency(FunctionName="narrow")
    assert edge.call(api, "GET", "/v1/x").status == 200


def test_new_code_and_new_variables_count_at_the_next_request(edge) -> None:
    source = "import os\ndef handler(event, context):\n    return os.environ.get('WORD', 'none')\n"
    api = edge.api(edge.function("changing", source, Environment={"Variables": {"WORD": "one"}}))
    functions = edge.clients.client("lambda")
    assert edge.call(api, "GET", "/v1/x").body == b"one"
    functions.update_function_configuration(FunctionName="changing", Environment={"Variables": {"WORD": "two"}})
    assert edge.call(api, "GET", "/v1/x").body == b"two"
    functions.update_function_code(FunctionName="changing", ZipFile=package("def handler(e, c):\n    return 'new'\n"))
    assert edge.call(api, "GET", "/v1/x").body == b"new"


def test_a_warm_process_is_used_again_and_what_it_prints_is_logged_in_order(edge) -> None:
    source = (
        "import os\nn = 0\ndef handler(e, c):\n    global n\n    n += 1\n"
        "    print('line', n)\n    return {'pid': os.getpid()}\n"
    )
    api = edge.api(edge.function("warm", source))
    pids = {edge.call(api, "GET", "/v1/x").json["pid"] for _ in range(5)}
    assert len(pids) == 1
    lines = [line for line in edge.log("warm", "line 5") if line.startswith("line")]
    assert lines == [f"line {n}" for n in range(1, 6)]


def test_a_function_acts_in_its_own_account(edge) -> None:
    source = "import boto3\ndef handler(e, c):\n    return boto3.client('sts').get_caller_identity()['Account']\n"
    api = edge.api(edge.function("who", source, Timeout=30))
    assert edge.call(api, "GET", "/v1/x").body.decode() == edge.clients.account_id


def test_many_clients_at_once_all_get_their_own_answer(edge, echo) -> None:
    api = echo("POST /x")
    with ThreadPoolExecutor(16) as pool:
        bodies = [json.dumps({"n": n}) for n in range(200)]
        replies = list(
            pool.map(
                lambda body: edge.call(api, "POST", "/v1/x", body=body.encode(), Content_Type="application/json"),
                bodies,
            )
        )
    assert [reply.json["body"] for reply in replies] == bodies


def test_what_the_edge_lacks_says_so(edge) -> None:
    arn = edge.function("old", "def handler(e, c):\n    return 1\n")
    api = edge.api(arn, PayloadFormatVersion="1.0")
    reply = edge.call(api, "GET", "/v1/x")
    assert reply.status == 500
    assert "payload format 1.0" in reply.headers["x-phasegate-unsupported"]


def test_the_processes_of_functions_end_with_the_substrate(tmp_path) -> None:
    process = ensure_running(tmp_path / "own", owner_pid=os.getpid())
    edge = Edge(process.clients(process.worlds.fresh_account()))
    source = (
        "import os, time\ndef handler(e, c):\n"
        "    open(e['rawPath'][3:], 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
    )
    api = edge.api(edge.function("busy", source, Timeout=60), TimeoutInMillis=1_000)
    word = tmp_path / "pid"
    assert edge.call(api, "GET", f"/v1{word}").status in {503, 504}
    pid = int(word.read_text())
    mark = start_mark(pid)
    assert is_alive(pid, mark)
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    wait_for_end(pid, mark, gave_up=lambda: time.monotonic() > deadline)
    assert not is_alive(pid, mark)
