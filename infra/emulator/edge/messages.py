"""Between HTTP and a function: events in payload format 2.0, and what a function's result means as an answer."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

FORMAT: Final = "2.0"
MAX_REQUEST_BYTES: Final = 10 * 1024 * 1024
MAX_HEADER_BYTES: Final = 10_240
MAX_EVENT_BYTES: Final = 6 * 1024 * 1024
MAX_RESULT_BYTES: Final = 6 * 1024 * 1024

_TEXT_TYPES: Final = re.compile(r"text/|application/(?:[\w.+-]*\+)?(?:json|xml|javascript)\b", re.IGNORECASE)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_STATUS_MIN, _STATUS_MAX = 200, 599  # an informational status would leave the client waiting for an answer
_NEVER_PASSED_ON: Final = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it reached the edge.

    Attributes:
        method: Its method.
        path: Its decoded path, with the stage.
        query: Its query string, as it was sent.
        headers: Its headers by lower-case name; several of one name are joined by commas.
        body: Its body.
        domain: The host that it was sent to.
        source_ip: Where it came from.
        protocol: The HTTP version.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    domain: str
    source_ip: str
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class RouteContext:
    """Which way a request goes.

    Attributes:
        account_id: The API's account.
        api_id: The API.
        stage: The stage.
        route_key: The route.
        parameters: Path parameters.
        stage_variables: Variables of the stage.
        request_id: The request's id.
        moment: When it came, in UTC.
    """

    account_id: str
    api_id: str
    stage: str
    route_key: str
    parameters: dict[str, str]
    stage_variables: dict[str, str]
    request_id: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to the client."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class BadResultError(Exception):
    """A function's result is no answer of HTTP."""


def event_of(request: HttpRequest, route: RouteContext) -> dict[str, Any]:
    """The event that a function gets for a request, in payload format 2.0."""
    moment = route.moment.astimezone(UTC)
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    event: dict[str, Any] = {
        "version": FORMAT,
        "routeKey": route.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": route.account_id,
            "apiId": route.api_id,
            "domainName": request.domain,
            "domainPrefix": request.domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": route.request_id,
            "routeKey": route.route_key,
            "stage": route.stage,
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(moment.timestamp() * 1_000),
        },
        "isBase64Encoded": False,
    }
    if "cookie" in request.headers:
        event["cookies"] = [part.strip() for part in request.headers["cookie"].split(";")]
    if request.query:
        event["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    if route.parameters:
        event["pathParameters"] = route.parameters
    if route.stage_variables:
        event["stageVariables"] = route.stage_variables
    if request.body:
        event["body"], event["isBase64Encoded"] = _body_text(request)
    return event


def answer_of(result: bytes) -> HttpAnswer:
    """The answer that a function's result stands for.

    A result without a status code is the body of a 200, as payload format 2.0 has it.

    Args:
        result: The result as JSON.

    Raises:
        BadResultError: It cannot be sent as an answer.
    """
    if len(result) > MAX_RESULT_BYTES:
        raise BadResultError(f"the result has {len(result)} bytes, and may have {MAX_RESULT_BYTES}")
    try:
        value = json.loads(result)
    except (ValueError, RecursionError) as error:
        raise BadResultError("the result is no JSON") from error
    if not isinstance(value, dict) or "statusCode" not in value:
        body = value if isinstance(value, str) else json.dumps(value)
        return HttpAnswer(200, [("content-type", "application/json")], body.encode())
    status = value["statusCode"]
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not _STATUS_MIN <= status <= _STATUS_MAX:
        raise BadResultError(f"its status code is {status!r}")
    cookies = value.get("cookies") or []
    if not isinstance(cookies, list):
        raise BadResultError("its cookies are no list")
    headers = [*_headers(value), *(("set-cookie", _header_text(cookie)) for cookie in cookies)]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return HttpAnswer(status, headers, _body_bytes(value))


def _headers(value: dict[str, Any]) -> list[tuple[str, str]]:
    given = value.get("headers") or {}
    if not isinstance(given, dict):
        raise BadResultError("its headers are no object")
    found = []
    for name, text in given.items():
        if not _HEADER_NAME.fullmatch(name):
            raise BadResultError(f"{name!r} is no name of a header")
        if name.lower() not in _NEVER_PASSED_ON:
            found.append((name, _header_text(text)))
    return found


def _header_text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not _HEADER_VALUE.fullmatch(text):
        raise BadResultError("a header's value would break the answer apart")
    return text


def _body_bytes(value: dict[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body)
    if not value.get("isBase64Encoded"):
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadResultError("its body is not the base64 that it is said to be") from error


def _body_text(request: HttpRequest) -> tuple[str, bool]:
    if _TEXT_TYPES.match(request.headers.get("content-type", "")):
        try:
            return request.body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), True


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
