"""The ingress handler's contract, event by event, against real SSM, DynamoDB and SQS of the substrate."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.clients import Clients
from infra.emulator.faults import Fault
from infra.emulator.process import SubstrateProcess
from infra.ingress import ig_handler
from infra.ingress.package import ENTRYPOINT, build_zip
from infra.stacks import ensure_all

NAME = "fraud-platform-dev-full"
TABLE = f"{NAME}-ig-idempotency"
RUN = "platform_20260223T184232Z"


@pytest.fixture(scope="module")
def clients(shared_substrate: SubstrateProcess) -> Clients:
    clients = shared_substrate.clients(shared_substrate.worlds.fresh_account())
    ensure_all(clients)
    return clients


@pytest.fixture(scope="module")
def key(clients: Clients) -> str:
    found = clients.client("ssm").get_parameter(Name="/fraud-platform/dev_full/ig/api_key", WithDecryption=True)
    return found["Parameter"]["Value"]


@pytest.fixture(autouse=True)
def environment(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The function's environment as it is deployed, in this process."""
    deployed = clients.client("lambda").get_function_configuration(FunctionName=f"{NAME}-ig-handler")
    for name, value in (deployed["Environment"]["Variables"] | clients.environment()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ig_handler, "_clients", {})
    monkeypatch.setattr(ig_handler, "_keys", {})
    yield
    for client in ig_handler._clients.values():
        client.close()


def event(method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> dict[str, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["x-ig-api-key"] = key
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": sent,
        "requestContext": {"stage": "v1", "http": {"method": method, "path": path}},
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def strict(text: str) -> Any:
    """JSON as a parser reads it that takes nothing else: no NaN, no lone surrogates."""
    text.encode()

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    value = json.loads(text, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def call(sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = ig_handler.lambda_handler(sent)
    assert answer["headers"] == {"Content-Type": "application/json"}
    return answer["statusCode"], strict(answer["body"])


def ingest(payload: Any, key: str, **headers: str) -> tuple[int, dict[str, Any]]:
    return call(event("POST", "/v1/ingest/push", payload, key=key, **headers))


def stored(clients: Clients) -> int:
    return clients.client("dynamodb").scan(TableName=TABLE, Select="COUNT")["Count"]


@pytest.mark.parametrize("path", ["/v1/ops/health", "/ops/health", "/v1/ops/health/"])
def test_health_says_the_envelope(key, path) -> None:
    status, body = call(event("get", path, key=key))
    assert status == 200
    assert (body["status"], body["service"], body["mode"]) == ("ok", "ig-edge", "apigw_lambda_ddb")
    assert body["envelope"] == {
        "max_request_bytes": 1_048_576,
        "request_timeout_seconds": 30,
        "internal_retry_max_attempts": 3,
        "internal_retry_backoff_ms": 250,
        "idempotency_ttl_seconds": 259_200,
        "dlq_mode": "sqs",
        "dlq_queue_name": f"{NAME}-ig-dlq",
        "replay_mode": "dlq_replay_workflow",
        "rate_limit_rps": 200.0,
        "rate_limit_burst": 400,
    }


def test_an_event_is_admitted_echoed_logged_and_stored(key, clients, capsys) -> None:
    fields = {name: f"{name}-1" for name in ig_handler.ECHO_FIELDS} | {
        "platform_run_id": RUN,
        "secret_note": "classified",
    }
    status, body = ingest(fields, key, traceparent="00-abc", x_fp_event_id="e")
    assert status == 202
    assert body["admitted"] is True
    assert body["ingress_mode"] == "managed_edge"
    assert body["correlation_echo"] == {name: fields[name] for name in ig_handler.ECHO_FIELDS}
    assert body["dedupe_key"] == hashlib.sha256(f"{RUN}:unknown_event_class:event_id-1".encode()).hexdigest()
    assert "duplicate" not in body
    log = capsys.readouterr().out
    record = json.loads(log)
    assert record["event"] == "ig_ingest_boundary"
    assert record["correlation_echo"] == body["correlation_echo"]
    assert record["correlation_headers"]["traceparent"] == "00-abc"
    assert record["correlation_headers"]["tracestate"] is None
    assert "classified" not in log
    assert key not in log
    item = clients.client("dynamodb").get_item(TableName=TABLE, Key={"dedupe_key": {"S": body["dedupe_key"]}})["Item"]
    assert item["state"] == {"S": "ADMITTED"}
    assert int(item["ttl_epoch"]["N"]) - int(item["admitted_at_epoch"]["N"]) == 259_200


def test_a_repeat_is_told_apart_and_another_payload_under_the_key_is_a_conflict(key) -> None:
    first = ingest({"platform_run_id": RUN, "event_id": "repeat", "n": 1}, key)
    again = ingest({"n": 1, "event_id": "repeat", "platform_run_id": RUN}, key)
    other = ingest({"platform_run_id": RUN, "event_id": "repeat", "n": 2}, key)
    assert (first[0], again[0], other[0]) == (202, 202, 409)
    assert again[1]["duplicate"] is True
    assert again[1]["dedupe_key"] == first[1]["dedupe_key"]
    assert other[1] == {"error": "idempotency_conflict", "dedupe_key": first[1]["dedupe_key"]}


def test_an_item_whose_time_has_passed_counts_as_absent(key, clients) -> None:
    status, body = ingest({"platform_run_id": RUN, "event_id": "expired"}, key)
    assert status == 202
    clients.client("dynamodb").update_item(
        TableName=TABLE,
        Key={"dedupe_key": {"S": body["dedupe_key"]}},
        UpdateExpression="SET ttl_epoch = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert "duplicate" not in ingest({"platform_run_id": RUN, "event_id": "expired", "n": 3}, key)[1]


def test_one_event_sent_many_times_at_once_is_admitted_once(key) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ingest({"platform_run_id": RUN, "event_id": "storm"}, key), range(64)))
    assert {status for status, _ in answers} == {202}
    assert sum("duplicate" not in body for _, body in answers) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/ops/health"), ("POST", "/ingest/push")])
def test_no_key_or_a_wrong_one_is_refused_on_both_routes(method, path, key) -> None:
    assert call(event(method, path, "{}")) == (401, {"error": "unauthorized", "reason": "missing_api_key"})
    assert call(event(method, path, "{}", key="")) == (401, {"error": "unauthorized", "reason": "missing_api_key"})
    for wrong in ("wrong", key + "x", key[:-1], key.upper(), "ключ"):
        assert call(event(method, path, "{}", key=wrong)) == (
            401,
            {"error": "unauthorized", "reason": "invalid_api_key"},
        )


def test_auth_closes_where_its_backend_fails(key, clients, shared_substrate, monkeypatch) -> None:
    with shared_substrate.faults.injected(
        Fault(account_id=clients.account_id, service="ssm", operation="GetParameter", status=500)
    ):
        status, body = ingest({}, key)
    assert (status, body["error"]) == (503, "auth_backend_unavailable")
    assert body["reason"].startswith("ssm_get_parameter_failed:")
    monkeypatch.setenv("IG_API_KEY_PATH", "")
    assert ingest({}, key)[1]["reason"] == "ig_api_key_path_missing"
    monkeypatch.setenv("IG_AUTH_MODE", "none")
    assert ingest({}, key) == (500, {"error": "auth_mode_invalid", "auth_mode": "none"})


def test_a_store_that_fails_admits_nothing_and_leaves_the_identity_for_replay(key, shared_substrate, clients) -> None:
    before = stored(clients)
    fault = Fault(account_id=clients.account_id, service="dynamodb", operation="PutItem", status=403)
    with shared_substrate.faults.injected(fault):
        status, body = ingest({"platform_run_id": RUN, "event_id": "lost", "card": "4111"}, key)
    assert (status, body["error"], body["idempotency_table"]) == (503, "idempotency_backend_unavailable", TABLE)
    assert stored(clients) == before
    queue = os.environ["IG_DLQ_URL"]
    (message,) = clients.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=1)["Messages"]
    assert json.loads(message["Body"])["event_id"] == "lost"
    assert "4111" not in message["Body"]


def test_a_passing_fault_of_the_store_is_ridden_out(key, clients, shared_substrate, monkeypatch) -> None:
    monkeypatch.setenv("IG_INTERNAL_RETRY_BACKOFF_MS", "1")
    fault = Fault(
        account_id=clients.account_id,
        service="dynamodb",
        operation="PutItem",
        status=500,
        code="InternalServerError",
        times=2,
    )
    with shared_substrate.faults.injected(fault):
        assert ingest({"platform_run_id": RUN, "event_id": "bumpy"}, key)[0] == 202


def test_the_size_limit_is_exact_and_comes_before_parsing(key, monkeypatch) -> None:
    monkeypatch.setenv("IG_MAX_REQUEST_BYTES", "100")
    fitting = json.dumps({"event_id": "fits"}).ljust(100)
    assert call(event("POST", "/ingest/push", fitting, key=key))[0] == 202
    status, body = call(event("POST", "/ingest/push", fitting + " ", key=key))
    assert (status, body) == (
        413,
        {"error": "payload_too_large", "body_size_bytes": 101, "max_request_bytes": 100},
    )
    coded = event("POST", "/ingest/push", base64.b64encode(fitting.encode()).decode(), key=key)
    assert call(coded | {"isBase64Encoded": True})[0] == 202
    assert call(event("POST", "/ingest/push", "é" * 51, key=key))[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "not json",
        "[1,2]",
        "null",
        '{"a":1,"a":2}',
        "[" * 100_000,
        '{"event_id":NaN}',
        '{"event_id":"e","trace_id":Infinity}',
        '{"event_id":"e","trace_id":-Infinity}',
        '{"event_id":"e","amounts":[{"deep":NaN}]}',
        '{"event_id":"e","trace_id":1e400}',
        '{"event_id":"e","trace_id":-1e400}',
        '{"event_id":"e","trace_id":' + "9" * 5_000 + "}",
        "1e999999",
    ],
)
def test_a_body_that_is_no_object_counts_as_empty_and_never_crashes(key, body, capsys) -> None:
    status, answer = call(event("POST", "/ingest/push", body, key=key))
    assert status == 202
    assert answer["correlation_echo"] == dict.fromkeys(ig_handler.ECHO_FIELDS)
    assert "duplicate" not in answer
    assert strict(capsys.readouterr().out)["correlation_echo"] == answer["correlation_echo"]


@pytest.mark.parametrize("trace_id", ["\ud800", "a\ud83d", 1e308, 5e-324, 10**300, -0.0, "\u2028\0\n", True, None])
def test_answer_and_log_can_be_read_by_any_parser(key, trace_id, capsys) -> None:
    status, answer = ingest({"event_id": f"strict-{trace_id!r}", "trace_id": trace_id}, key)
    assert status == 202
    assert strict(capsys.readouterr().out)["correlation_echo"] == answer["correlation_echo"]


def test_events_without_an_id_are_never_taken_for_one_another(key, monkeypatch) -> None:
    monkeypatch.setattr(ig_handler.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    bodies = [{"n": 1}, {"n": 2}, {"n": 1}, {}, {}, {"event_id": ""}, {"event_id": 1.5}, {"event_id": " "}]
    answers = [ingest(body, key) for body in bodies]
    answers += [call(event("POST", "/ingest/push", text, key=key)) for text in ("", "", "no json")]
    assert {status for status, _ in answers} == {202}
    assert not any("duplicate" in answer for _, answer in answers)
    assert len({answer["dedupe_key"] for _, answer in answers}) == len(answers)


identity_parts = st.text(st.sampled_from("a:\\ \ud800\ud801?"), min_size=1, max_size=4).filter(
    lambda text: text.strip()
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(identity_parts, identity_parts, identity_parts), min_size=2, max_size=6, unique=True))
def test_different_identities_have_different_keys(identities) -> None:
    def key_of(run: str, kind: str, event_id: str) -> str:
        payload = {"platform_run_id": run, "event_type": kind, "event_id": event_id}
        return ig_handler._admission(payload, {}, b"", lambda value: value)["dedupe_key"]

    assert len({key_of(*identity) for identity in identities}) == len(identities)


def test_two_events_that_read_alike_joined_are_both_admitted(key) -> None:
    first = ingest({"platform_run_id": "r1", "event_type": "payment", "event_id": "eu:1"}, key)
    second = ingest({"platform_run_id": "r1", "event_type": "payment:eu", "event_id": "1", "n": 2}, key)
    assert (first[0], second[0]) == (202, 202)
    assert first[1]["dedupe_key"] == hashlib.sha256(b"r1:payment:eu:1").hexdigest()


@pytest.mark.parametrize(
    "hide",
    [
        str,
        lambda key: f"a {key} b",
        lambda key: "x" * 1_010 + key,
        str.upper,
        lambda key: "".join(f"%{byte:02x}" for byte in key.encode()),
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: key.encode().hex(),
    ],
    ids=["plain", "inside", "at the cut", "other case", "percent", "base64", "hex"],
)
def test_the_key_is_withheld_wherever_an_event_carries_it(key, clients, capsys, hide) -> None:
    secret = hide(key)
    fields = dict.fromkeys((*ig_handler.ECHO_FIELDS, "event_type"), secret)
    status, answer = ingest(fields, key, traceparent=secret, x_fp_event_id=secret, tracestate="kept")
    log = capsys.readouterr().out
    found = clients.client("dynamodb").get_item(TableName=TABLE, Key={"dedupe_key": {"S": answer["dedupe_key"]}})
    assert status == 202
    for text in (log, json.dumps(answer), json.dumps(found["Item"])):
        assert secret not in text
        assert key not in text
        assert key[:20] not in text
    assert strict(log)["correlation_headers"]["tracestate"] == "kept"
    assert set(answer["correlation_echo"].values()) == {"[withheld]"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/v1/ops/health"), ("POST", "/ops/health"), ("GET", "/"), ("PUT", "/x")]
)
def test_what_is_no_route_is_not_found(method, path) -> None:
    status, body = call(event(method, path))
    assert (status, body["error"], body["method"]) == (404, "route_not_found", method)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*ig_handler.ECHO_FIELDS, "type", "id", "event_class", "other"])
bodies = (
    st.none()
    | st.text()
    | st.dictionaries(names, json_values, max_size=6).map(json.dumps)
    | json_values.map(json.dumps)
)
EXAMPLES = int(os.environ.get("PHASEGATE_FUZZ_EXAMPLES", "300"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "post", "DELETE", ""]) | st.text(max_size=5),
    path=st.sampled_from(["/v1/ingest/push", "/ingest/push/", "/ops/health", "/v1", "/"]) | st.text(max_size=12),
    body=bodies,
    coded=st.booleans(),
    headers=st.dictionaries(
        st.sampled_from(["x-ig-api-key", "X-IG-API-KEY", "traceparent"]) | st.text(max_size=9), st.text(max_size=20)
    ),
    authentic=st.booleans(),
)
def test_no_event_crashes_the_handler_and_none_is_admitted_without_the_key(
    key, method, path, body, coded, headers, authentic
) -> None:
    sent = event(method, path, body)
    sent["headers"] = headers | ({"x-ig-api-key": key} if authentic else {})
    sent["isBase64Encoded"] = coded
    status, answer = call(sent)
    assert status in {200, 202, 401, 404, 409, 413}
    held = [value for name, value in sent["headers"].items() if name.lower() == "x-ig-api-key"]
    if key not in held:
        assert status in {401, 404}
        assert "admitted" not in answer


def test_the_package_is_the_same_bytes_everywhere_and_serves_an_event(tmp_path, clients, key) -> None:
    data = build_zip()
    assert data == build_zip.__wrapped__()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["ig_handler.py"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        archive.extractall(tmp_path)
    module, function = ENTRYPOINT.split(".")
    sent = event("GET", "/v1/ops/health", key=key)
    code = f"import json, {module}; print(json.dumps({module}.{function}({sent!r}, None)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["statusCode"] == 200
