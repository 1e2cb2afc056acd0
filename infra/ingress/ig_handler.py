"""The ingress Lambda: API-key auth, size limit, idempotent admission, correlation echo and log, health.

One module, because it is deployed as one: standard library and boto3 alone, both part of the runtime. Events are
HTTP API payload format 2.0.

Where it is stricter than an unconditional put: an admission is a conditional write, so that an event is admitted
once however many copies arrive at once. A repeat with the same payload is answered 202 like the first, with
`duplicate: true`, and overwrites nothing; a repeat of the same key with another payload is answered 409
`idempotency_conflict`, because admitting it would replace what was admitted, and a 202 would claim that it was not.
An item whose TTL has passed counts as absent even before DynamoDB sweeps it. Events without an id never share one.

JSON is strict both ways: `NaN`, `Infinity` and numbers that no double holds are none, and what is answered and logged
can be read by any parser. A value that holds the API key is withheld wherever an event's own values go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

SERVICE = "ig-edge"
HEALTH_MODE = "apigw_lambda_ddb"
INGRESS_MODE = "managed_edge"
ECHO_FIELDS = ("platform_run_id", "scenario_run_id", "phase_id", "event_id", "runtime_lane", "trace_id")
LOGGED_HEADERS = ("traceparent", "tracestate", "x-fp-platform-run-id", "x-fp-phase-id", "x-fp-event-id")
PROTECTED = frozenset({("GET", "/ops/health"), ("POST", "/ingest/push")})
_MIN_TTL_SECONDS = 60
_MAX_ECHO_CHARS = 1_024
_WITHHELD = "[withheld]"
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)

_lock = threading.Lock()
_clients: dict[str, Any] = {}
_keys: dict[str, tuple[float, str]] = {}


class Refusal(Exception):  # noqa: N818 - an answer, not a malfunction
    """An answer other than success."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, **more}


def lambda_handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """Answers one request of the HTTP API."""
    try:
        return _dispatch(event, context)
    except Refusal as refusal:
        return _answer(refusal.status, refusal.body)


def _dispatch(event: dict[str, Any], context: Any) -> dict[str, Any]:
    method, path = _route(event)
    key = _authorise(_headers(event)) if (method, path) in PROTECTED else ""
    if (method, path) == ("GET", "/ops/health"):
        return _answer(200, _health())
    if (method, path) == ("POST", "/ingest/push"):
        return _answer(202, _ingest(event, context, _cleaner(key)))
    raise Refusal(404, "route_not_found", path=_storable(path), method=_storable(method))


def _route(event: dict[str, Any]) -> tuple[str, str]:
    request = event.get("requestContext") or {}
    http = request.get("http") or {}
    method = str(http.get("method") or "").upper()
    path = str(http.get("path") or event.get("rawPath") or "/")
    stage = request.get("stage")
    if stage and stage != "$default" and (path == f"/{stage}" or path.startswith(f"/{stage}/")):
        path = path[len(stage) + 1 :] or "/"
    if len(path) > 1 and path.endswith("/"):
        path = path[:-1]
    return method, path


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body, sort_keys=True, allow_nan=False),
    }


def _authorise(headers: dict[str, str]) -> str:
    """Lets in who sent the API key; returns it."""
    mode = os.environ.get("IG_AUTH_MODE", "api_key").strip().lower()
    if mode != "api_key":
        raise Refusal(500, "auth_mode_invalid", auth_mode=mode)
    name = (os.environ.get("IG_AUTH_HEADER_NAME") or "X-IG-Api-Key").lower()
    given = headers.get(name, "")
    if not given:
        raise Refusal(401, "unauthorized", reason="missing_api_key")
    expected = _expected_key()
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace")):
        raise Refusal(401, "unauthorized", reason="invalid_api_key")
    return expected


def _expected_key() -> str:
    path = os.environ.get("IG_API_KEY_PATH", "")
    if not path:
        raise Refusal(503, "auth_backend_unavailable", reason="ig_api_key_path_missing")
    now = time.monotonic()
    cached = _keys.get(path)
    if cached is not None and cached[0] > now:
        return cached[1]
    try:
        found = _client("ssm").get_parameter(Name=path, WithDecryption=True)
        key = str(found["Parameter"]["Value"]).strip()
    except Exception as error:
        reason = f"ssm_get_parameter_failed:{type(error).__name__}"
        raise Refusal(503, "auth_backend_unavailable", reason=reason) from error
    if not key:
        raise Refusal(503, "auth_backend_unavailable", reason="ig_api_key_empty")
    _keys[path] = (now + _number("IG_API_KEY_CACHE_SECONDS", 300), key)
    return key


def _health() -> dict[str, Any]:
    return {
        "status": "ok",
        "service": SERVICE,
        "mode": HEALTH_MODE,
        "timestamp_epoch": int(time.time()),
        "envelope": {
            "max_request_bytes": int(_number("IG_MAX_REQUEST_BYTES", 1_048_576)),
            "request_timeout_seconds": int(_number("IG_REQUEST_TIMEOUT_SECONDS", 30)),
            "internal_retry_max_attempts": int(_number("IG_INTERNAL_RETRY_MAX_ATTEMPTS", 3)),
            "internal_retry_backoff_ms": int(_number("IG_INTERNAL_RETRY_BACKOFF_MS", 250)),
            "idempotency_ttl_seconds": int(_number("IG_IDEMPOTENCY_TTL_SECONDS", 259_200)),
            "dlq_mode": os.environ.get("IG_DLQ_MODE", "sqs"),
            "dlq_queue_name": os.environ.get("IG_DLQ_QUEUE_NAME", ""),
            "replay_mode": os.environ.get("IG_REPLAY_MODE", "dlq_replay_workflow"),
            "rate_limit_rps": float(_number("IG_RATE_LIMIT_RPS", 200.0)),
            "rate_limit_burst": int(_number("IG_RATE_LIMIT_BURST", 400)),
        },
    }


def _ingest(event: dict[str, Any], context: Any, clean: Callable[[Any], Any]) -> dict[str, Any]:
    raw = _body(event)
    limit = int(_number("IG_MAX_REQUEST_BYTES", 1_048_576))
    if len(raw) > limit:
        raise Refusal(413, "payload_too_large", body_size_bytes=len(raw), max_request_bytes=limit)
    headers = _headers(event)
    payload = _parse(raw)
    admission = _admission(payload, headers, raw, clean)
    duplicate = _admit(admission, context)
    echo = {name: _plain(clean(payload.get(name))) for name in ECHO_FIELDS}
    _log(echo, {name: _plain(clean(headers.get(name))) for name in LOGGED_HEADERS}, admission["dedupe_key"])
    body: dict[str, Any] = {
        "admitted": True,
        "ingress_mode": INGRESS_MODE,
        "idempotency_table": os.environ.get("IG_IDEMPOTENCY_TABLE", ""),
        "dedupe_key": admission["dedupe_key"],
        "body_size_bytes": len(raw),
        "correlation_echo": echo,
        "note": "repeat of an admitted event" if duplicate else "admitted",
    }
    if duplicate:
        body["duplicate"] = True
    return body


def _body(event: dict[str, Any]) -> bytes:
    """The body's bytes as they were sent: decoded where the edge encoded them."""
    body = event.get("body")
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body)
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(text, validate=False)
        except (binascii.Error, ValueError):
            return text.encode("utf-8", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def _parse(raw: bytes) -> dict[str, Any]:
    """The body as a JSON object; anything else counts as empty, and the gate, not the handler, rejects it."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _finite(text: str) -> float:
    """A number of JSON; `NaN` and `Infinity` are none, and what no double holds cannot be one here."""
    value = float(text)
    if value - value != 0:
        raise ValueError(text)
    return value


def _admission(
    payload: dict[str, Any], headers: dict[str, str], raw: bytes, clean: Callable[[Any], Any]
) -> dict[str, str]:
    run = _first(payload, "platform_run_id") or headers.get("x-fp-platform-run-id") or "missing_platform_run_id"
    kind = _first(payload, "event_class", "event_type", "type") or "unknown_event_class"
    event_id = _first(payload, "event_id", "id", "message_id") or _new_event_id()
    # No two identities are one text: what separates them is marked in all parts but the last, and no character is lost.
    identity = f"{_part(run)}:{_part(kind)}:{event_id}".encode("utf-8", "surrogatepass")
    try:
        canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")
    except (RecursionError, ValueError):
        canonical = raw
    return {
        "dedupe_key": hashlib.sha256(identity).hexdigest(),
        "platform_run_id": _storable(clean(run)),
        "event_class": _storable(clean(kind)),
        "event_id": _storable(clean(event_id)),
        "payload_hash": hashlib.sha256(canonical).hexdigest(),
    }


def _new_event_id() -> str:
    """An id for an event that has none: of its moment, and of no other event."""
    return f"missing_event_id:{time.time_ns() // 1_000_000}:{uuid.uuid4().hex}"


def _part(text: str) -> str:
    """A part of an identity, in which no colon stands for itself."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _admit(admission: dict[str, str], context: Any) -> bool:
    """Writes the admission; tells whether the event had been admitted before.

    Raises:
        Refusal: 503 where nothing could be written, 409 where the key is taken by another payload.
    """
    table = os.environ.get("IG_IDEMPOTENCY_TABLE", "")
    if not table:
        raise Refusal(
            503, "idempotency_backend_unavailable", reason="ig_idempotency_table_unset", idempotency_table=table
        )
    try:
        held = _put_if_absent(table, admission, context)
    except Refusal:
        raise
    except Exception as error:
        reason = f"dynamodb_put_item_failed:{type(error).__name__}"
        _dead_letter(admission, reason)
        raise Refusal(503, "idempotency_backend_unavailable", reason=reason, idempotency_table=table) from error
    if held is None:
        return False
    if held != admission["payload_hash"]:
        raise Refusal(409, "idempotency_conflict", dedupe_key=admission["dedupe_key"])
    return True


def _put_if_absent(table: str, admission: dict[str, str], context: Any) -> str | None:
    """Puts the item unless a live one is there; returns the payload hash of the one that is."""
    key = os.environ.get("IG_HASH_KEY") or "dedupe_key"
    ttl = os.environ.get("IG_TTL_ATTRIBUTE") or "ttl_epoch"
    now = int(time.time())
    lifetime = max(_MIN_TTL_SECONDS, int(_number("IG_IDEMPOTENCY_TTL_SECONDS", 259_200)))
    item = {name: {"S": value} for name, value in admission.items() if name != "dedupe_key"}
    item |= {
        key: {"S": admission["dedupe_key"]},
        ttl: {"N": str(now + lifetime)},
        "state": {"S": "ADMITTED"},
        "admitted_at_epoch": {"N": str(now)},
    }
    client = _client("dynamodb")
    attempts = max(1, int(_number("IG_INTERNAL_RETRY_MAX_ATTEMPTS", 3)))
    for attempt in range(1, attempts + 1):
        try:
            client.put_item(
                TableName=table,
                Item=item,
                ConditionExpression="attribute_not_exists(#key) OR #ttl < :now",
                ExpressionAttributeNames={"#key": key, "#ttl": ttl},
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            held = _held_hash(client, table, key, admission["dedupe_key"])
            if held or attempt == attempts:
                return held
            # It was swept meanwhile, so the key is free after all.
        except Exception as error:
            backoff = _number("IG_INTERNAL_RETRY_BACKOFF_MS", 250) / 1_000 * attempt
            if attempt == attempts or not _is_transient(error) or backoff >= _seconds_left(context):
                raise
            time.sleep(backoff)
        else:
            return None
    raise AssertionError("unreachable: the last attempt returns or raises")


def _held_hash(client: Any, table: str, key: str, dedupe_key: str) -> str:
    found = client.get_item(TableName=table, Key={key: {"S": dedupe_key}}, ConsistentRead=True)
    return str(found.get("Item", {}).get("payload_hash", {}).get("S", ""))


def _is_transient(error: Exception) -> bool:
    response = getattr(error, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") in _TRANSIENT


def _seconds_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return float(_number("IG_REQUEST_TIMEOUT_SECONDS", 30))
    return float(remaining()) / 1_000


def _dead_letter(admission: dict[str, str], reason: str) -> None:
    """Leaves what could not be admitted for replay: its identity and hash, never its payload."""
    url = os.environ.get("IG_DLQ_URL", "")
    if not url or os.environ.get("IG_DLQ_MODE", "sqs") != "sqs":
        return
    message = {**admission, "reason": reason, "failed_at_epoch": int(time.time())}
    try:
        _client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message, sort_keys=True))
    except Exception as error:  # noqa: BLE001 - the caller gets its 503 either way, and tries again
        _write({"event": "ig_dlq_failed", "reason": type(error).__name__, "dedupe_key": admission["dedupe_key"]})


def _log(echo: dict[str, Any], headers: dict[str, Any], dedupe_key: str) -> None:
    _write(
        {
            "event": "ig_ingest_boundary",
            "timestamp_epoch": int(time.time()),
            "correlation_echo": echo,
            "correlation_headers": headers,
            "dedupe_key": dedupe_key,
        }
    )


def _write(record: dict[str, Any]) -> None:
    # One line on standard output is one log event; json.dumps escapes every line break in it.
    sys.stdout.write(json.dumps({"level": "INFO", **record}, sort_keys=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def _cleaner(key: str) -> Callable[[Any], Any]:
    """Withholds a value that holds the API key, as it is or as base64 or hexadecimal, percent-encoded or not."""
    data = key.encode("utf-8", "replace")
    forms = {key.lower(), data.hex(), base64.b64encode(data).decode().rstrip("=").lower()}

    def clean(value: Any) -> Any:
        if not isinstance(value, str | int | float):
            return value
        seen = f"{value}\n{unquote(str(value))}".lower()
        return _WITHHELD if key and any(form in seen for form in forms) else value

    return clean


def _plain(value: Any) -> Any:
    """A correlation value as it may be echoed: text and numbers as they came, anything else not at all."""
    if isinstance(value, str):
        return _storable(value)
    return value if isinstance(value, int | float | bool) else None


def _first(payload: dict[str, Any], *names: str) -> str:
    for name in names:
        value = payload.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return ""


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")[:_MAX_ECHO_CHARS]


def _number(name: str, default: float) -> float:
    """A number of the environment; what is no finite number counts as not set."""
    try:
        value = float(os.environ.get(name, ""))
    except ValueError:
        return default
    return value if value - value == 0 else default


def _client(service: str) -> Any:
    with _lock:
        if service not in _clients:
            import boto3  # noqa: PLC0415 - a request that is refused before any call needs none of it
            from botocore.config import Config  # noqa: PLC0415

            config = Config(
                connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, max_pool_connections=32
            )
            _clients[service] = boto3.client(service, config=config)
        return _clients[service]
