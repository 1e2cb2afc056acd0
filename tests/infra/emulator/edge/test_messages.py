"""Events and answers: what HTTP becomes for a function, and a function's result for HTTP."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.emulator.edge.messages import BadResultError, HttpRequest, RouteContext, answer_of, event_of

CONTEXT = RouteContext(
    account_id="123456789012",
    api_id="abc",
    stage="v1",
    route_key="POST /x/{id}",
    parameters={"id": "7"},
    stage_variables={},
    request_id="r",
    moment=datetime(2026, 2, 24, 6, 3, 11, tzinfo=UTC),
)


def request(**changes) -> HttpRequest:
    given_ = {
        "method": "POST",
        "path": "/v1/x/7",
        "query": "",
        "headers": {"host": "abc.execute-api.eu-west-2.amazonaws.com", "content-type": "application/json"},
        "body": b"{}",
        "domain": "abc.execute-api.eu-west-2.amazonaws.com",
        "source_ip": "127.0.0.1",
    }
    return HttpRequest(**(given_ | changes))


def test_an_event_has_the_form_of_payload_format_2() -> None:
    event = event_of(request(query="a=1&a=2&b=", headers={"cookie": "x=1; y=2", "content-type": "text/plain"}), CONTEXT)
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /x/{id}"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/v1/x/7"
    assert event["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert event["cookies"] == ["x=1", "y=2"]
    assert "cookie" not in event["headers"]
    assert event["pathParameters"] == {"id": "7"}
    assert event["requestContext"]["stage"] == "v1"
    assert event["requestContext"]["domainPrefix"] == "abc"
    assert event["requestContext"]["time"] == "24/Feb/2026:06:03:11 +0000"
    assert event["requestContext"]["timeEpoch"] == 1771912991000


@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "image/png", "text/html", ""]))
def test_a_body_arrives_whole_whatever_it_is(body, kind) -> None:
    event = event_of(request(body=body, headers={"content-type": kind}), CONTEXT)
    if not body:
        assert "body" not in event
    elif event["isBase64Encoded"]:
        assert base64.b64decode(event["body"]) == body
    else:
        assert event["body"].encode() == body


def test_a_result_without_a_status_is_the_body_of_a_200() -> None:
    answer = answer_of(b'{"a": 1}')
    assert (answer.status, json.loads(answer.body)) == (200, {"a": 1})
    assert answer_of(b'"text"').body == b"text"


def test_a_result_with_a_status_is_the_answer() -> None:
    result = {"statusCode": "202", "headers": {"X-A": "1", "Content-Length": "9"}, "cookies": ["a=1"], "body": "é"}
    answer = answer_of(json.dumps(result).encode())
    assert answer.status == 202
    assert ("X-A", "1") in answer.headers
    assert ("set-cookie", "a=1") in answer.headers
    assert not any(name.lower() == "content-length" for name, _ in answer.headers)
    assert answer.body == "é".encode()
    coded = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b"\x00\xff").decode()}
    assert answer_of(json.dumps(coded).encode()).body == b"\x00\xff"


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 99},
        {"statusCode": "two hundred"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 200, "headers": {"X-A": "1\r\nSet-Cookie: stolen=1"}},
        {"statusCode": 200, "headers": {"X A": "1"}},
        {"statusCode": 200, "headers": ["X-A"]},
        {"statusCode": 200, "cookies": ["a=1\n"]},
        {"statusCode": 200, "isBase64Encoded": True, "body": "no base64!"},
    ],
)
def test_what_cannot_be_an_answer_is_refused(result) -> None:
    with pytest.raises(BadResultError):
        answer_of(json.dumps(result).encode())


@given(
    st.binary(max_size=100)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_result_is_an_answer_or_refused(result) -> None:
    try:
        answer = answer_of(result)
    except BadResultError:
        return
    assert 100 <= answer.status <= 599
