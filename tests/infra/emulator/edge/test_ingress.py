"""The platform's own ingress by HTTP: what reaches it, and what it answers, whatever is sent."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.emulator.faults import Fault
from infra.emulator.process import SubstrateProcess
from infra.stacks import ensure_all, handles_of
from tests.infra.emulator.edge.conftest import Edge, Reply

HANDLER = "fraud-platform-dev-full-ig-handler"
TABLE = "fraud-platform-dev-full-ig-idempotency"
KEY_PATH = "/fraud-platform/dev_full/ig/api_key"
LIMIT = 1_048_576


@dataclass
class Ingress:
    """The deployed ingress of a world."""

    edge: Edge
    api: str
    key: str

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Sends a request with the right key, unless another is given."""
        sent = {"X_IG_Api_Key": self.key, "Content_Type": "application/json", **headers}
        return self.edge.call(self.api, method, path, body=body, **sent)

    def push(self, body: bytes | dict[str, Any], **headers: str) -> Reply:
        """Pushes an event."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", "/v1/ingest/push", data, **headers)

    @property
    def stored(self) -> int:
        """How many events are admitted."""
        return self.edge.clients.client("dynamodb").scan(TableName=TABLE, Select="COUNT")["Count"]


@pytest.fixture(scope="module")
def ingress(shared_substrate: SubstrateProcess) -> Ingress:
    clients = shared_substrate.clients(shared_substrate.worlds.fresh_account())
    handles = handles_of(ensure_all(clients))
    found = clients.client("ssm").get_parameter(Name=KEY_PATH, WithDecryption=True)
    clients.client("apigatewayv2").update_stage(
        ApiId=handles["APIGW_IG_API_ID"],
        StageName="v1",
        DefaultRouteSettings={"ThrottlingRateLimit": 5_000, "ThrottlingBurstLimit": 5_000},
    )
    return Ingress(Edge(clients), handles["APIGW_IG_API_ID"], found["Parameter"]["Value"])


def test_health_and_an_event_are_answered_as_the_contract_says(ingress) -> None:
    health = ingress.send("GET", "/v1/ops/health")
    assert health.status == 200
    assert health.headers["content-type"] == "application/json"
    assert (health.json["status"], health.json["service"], health.json["mode"]) == ("ok", "ig-edge", "apigw_lambda_ddb")
    assert len(health.json["envelope"]) == 10
    reply = ingress.push({"platform_run_id": "p", "event_id": "first", "trace_id": "t-first"}, traceparent="tp")
    assert reply.status == 202
    assert reply.json["admitted"] is True
    assert reply.json["correlation_echo"]["trace_id"] == "t-first"
    assert reply.json["correlation_echo"]["phase_id"] is None
    records = [json.loads(line) for line in ingress.edge.log(HANDLER, "t-first") if "t-first" in line]
    assert records[0]["event"] == "ig_ingest_boundary"
    assert records[0]["correlation_headers"]["traceparent"] == "tp"
    assert records[0]["dedupe_key"] == reply.json["dedupe_key"]


@pytest.mark.parametrize("path", ["/v1/v1/ingest/push", "/ingest/push", "/v1/ingest", "/v1/ingest/push/x"])
def test_another_path_is_the_edges_404(ingress, path) -> None:
    reply = ingress.send("POST", path, b"{}")
    assert (reply.status, reply.json) == (404, {"message": "Not Found"})


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "missing_api_key"), ("", "missing_api_key"), ("wrong", "invalid_api_key"), ("é" * 10, "invalid_api_key")],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/ops/health"), ("POST", "/v1/ingest/push")])
def test_without_the_key_nothing_is_told_or_admitted(ingress, key, reason, method, path) -> None:
    before = ingress.stored
    sent = {} if key is None else {"X_IG_Api_Key": key}
    body = b"{}" if method == "POST" else None
    reply = ingress.edge.call(ingress.api, method, path, body=body, **sent)
    assert (reply.status, reply.json) == (401, {"error": "unauthorized", "reason": reason})
    assert ingress.stored == before


def test_the_size_limit_is_exact_and_stands_before_parsing(ingress) -> None:
    fits = b'{"event_id":"big","x":"' + b"x" * (LIMIT - 25) + b'"}'
    assert len(fits) == LIMIT
    assert ingress.push(fits).status == 202
    over = ingress.push(fits + b" ")
    assert over.status == 413
    assert over.json == {"error": "payload_too_large", "body_size_bytes": LIMIT + 1, "max_request_bytes": LIMIT}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"event_id": "\\ud800"}',
        b'{"event_id": NaN, "platform_run_id": {"deep": []}}',
    ],
    ids=["empty", "malformed", "array", "string", "no UTF-8", "deep", "lone surrogate", "odd values"],
)
def test_a_body_that_is_no_object_is_admitted_as_an_empty_one(ingress, body) -> None:
    reply = ingress.push(body)
    assert reply.status == 202, reply.body
    assert reply.json["body_size_bytes"] == len(body)


def test_the_last_of_duplicate_keys_counts_and_another_content_type_changes_nothing(ingress) -> None:
    reply = ingress.push(b'{"event_id":"dup-a","event_id":"dup-b"}', Content_Type="image/png")
    assert reply.status == 202
    assert reply.json["correlation_echo"]["event_id"] == "dup-b"


def raw(ingress: Ingress, data: bytes) -> bytes:
    """What the edge answers to raw bytes, to the end of the connection."""
    here = urlsplit(str(ingress.edge.clients.endpoint_url))
    with socket.create_connection((str(here.hostname), int(here.port or 0)), timeout=30) as wire:
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer


def test_an_event_is_admitted_whole_or_not_at_all(ingress) -> None:
    """In chunks of any spelling it is; cut short, or beside another request in its body, it is not."""
    head = (
        f"POST /v1/ingest/push HTTP/1.1\r\nHost: {ingress.api}.execute-api.eu-west-2.amazonaws.com\r\n"
        f"X-IG-Api-Key: {ingress.key}\r\nContent-Type: application/json\r\n"
    ).encode()
    event = b'{"event_id":"in-chunks"}'
    chunked = b"Transfer-Encoding: CHUNKED\r\nConnection: close\r\n\r\n18;x=y\r\n" + event + b"\r\n0\r\nX: y\r\n\r\n"
    admitted = json.loads(raw(ingress, head + chunked).partition(b"\r\n\r\n")[2])
    assert (admitted["body_size_bytes"], admitted["correlation_echo"]["event_id"]) == (len(event), "in-chunks")
    before = ingress.stored
    for body in (
        b"Content-Length: 5000\r\n\r\n" + event,
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + head + b"Content-Length: 2\r\n\r\n{}",
        b"\r\n" + event,
    ):
        answer = raw(ingress, head + body)
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 411 "))
        assert answer.count(b"HTTP/1.1 ") == 1
    assert ingress.stored == before


def test_no_header_gets_into_answer_or_log_as_another(ingress) -> None:
    """Line breaks in a header, raw on the wire, are no second header of the event and no second log record."""
    body = json.dumps({"event_id": "inject", "trace_id": 't-inject\n{"event": "ig_ingest_boundary"}'}).encode()
    head = (
        f"POST /v1/ingest/push HTTP/1.1\r\nHost: {ingress.api}.execute-api.eu-west-2.amazonaws.com\r\n"
        f"X-IG-Api-Key: {ingress.key}\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n"
        "traceparent: a\r\n folded: X-IG-Auth: no\r\nConnection: close\r\n\r\n"
    )
    answer = raw(ingress, head.encode() + body)
    top = answer.split(b"\r\n\r\n")[0].decode()
    assert "folded" not in top
    lines = [line for line in ingress.edge.log(HANDLER, "t-inject") if "t-inject" in line]
    if b" 202 " in answer.split(b"\r\n")[0]:
        assert len(lines) == 1
        assert json.loads(lines[0])["correlation_echo"]["trace_id"].startswith("t-inject\n")


def test_a_thousand_posts_of_one_event_admit_it_once(ingress) -> None:
    event = json.dumps({"platform_run_id": "p", "event_type": "t", "event_id": "thousand"}).encode()
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda _: ingress.push(event), range(1_000)))
    assert Counter(reply.status for reply in replies) == {202: 1_000}
    assert sum("duplicate" not in reply.json for reply in replies) == 1
    assert len({reply.json["dedupe_key"] for reply in replies}) == 1


def test_another_payload_under_an_admitted_key_is_a_conflict(ingress) -> None:
    first = {"platform_run_id": "p", "event_id": "conflict", "amount": 1}
    assert ingress.push(first).status == 202
    reply = ingress.push(first | {"amount": 2})
    assert (reply.status, reply.json["error"]) == (409, "idempotency_conflict")


def test_a_store_that_is_down_admits_nothing(ingress, shared_substrate) -> None:
    account = ingress.edge.clients.account_id
    with shared_substrate.faults.injected(Fault(account_id=account, service="dynamodb", operation="PutItem")):
        reply = ingress.push({"event_id": "store-down"})
    assert reply.status == 503
    assert reply.json["error"] == "idempotency_backend_unavailable"
    assert reply.json["reason"].startswith("dynamodb_put_item_failed:")


def test_an_auth_backend_that_is_down_lets_nobody_in(ingress, shared_substrate) -> None:
    functions = ingress.edge.clients.client("lambda")
    kept = functions.get_function_configuration(FunctionName=HANDLER)["Environment"]["Variables"]
    functions.update_function_configuration(  # another environment is another process, with no key in its memory
        FunctionName=HANDLER, Environment={"Variables": kept | {"IG_API_KEY_CACHE_SECONDS": "0"}}
    )
    try:
        account = ingress.edge.clients.account_id
        with shared_substrate.faults.injected(Fault(account_id=account, service="ssm", operation="GetParameter")):
            reply = ingress.push({"event_id": "auth-down"})
        assert reply.status == 503
        assert reply.json["error"] == "auth_backend_unavailable"
        assert ingress.push({"event_id": "auth-down"}).status == 202
    finally:
        functions.update_function_configuration(FunctionName=HANDLER, Environment={"Variables": kept})


def test_no_answer_and_no_log_of_it_holds_the_key_or_the_payload(ingress) -> None:
    ingress.push({"event_id": "quiet", "trace_id": "t-quiet", "card": "4111-secret-1111"})
    lines = ingress.edge.log(HANDLER, "t-quiet")
    time.sleep(0.1)
    assert not any(ingress.key in line or "4111-secret" in line for line in lines)
