"""The edge of HTTP APIs: from a request to the answer of the function behind its route.

Statuses are those of API Gateway's HTTP APIs. Where public sources disagree the first of a set is answered, and
whoever checks accepts the set: a function that is throttled or clamped gives 503 (429 by some), an integration that
takes too long 504 (503 by some), an API that does not exist 404 (403 by some).
"""

from __future__ import annotations

import json
import logging
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from infra.emulator.edge.control_plane import Api, ControlPlane, Integration
from infra.emulator.edge.functions import Function
from infra.emulator.edge.invoker import Ending, Invoker
from infra.emulator.edge.messages import (
    FORMAT,
    MAX_EVENT_BYTES,
    MAX_HEADER_BYTES,
    BadResultError,
    HttpAnswer,
    HttpRequest,
    RouteContext,
    answer_of,
    event_of,
)
from infra.emulator.edge.routing import Match, match, source_arn, strip_stage
from infra.emulator.edge.throttle import Throttle
from infra.endpoints import ApiHost
from infra.names import UNSUPPORTED_HEADER

LOG = logging.getLogger("phasegate.substrate")

REQUEST_ID_HEADER: Final = "apigw-requestid"

MESSAGES: Final = {
    HTTPStatus.NOT_FOUND: "Not Found",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request Header Fields Too Large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "Endpoint request timed out",
}


class Refused(Exception):  # noqa: N818 - an answer of the edge, not a malfunction
    """The edge answers itself.

    Attributes:
        status: With this status.
        lacks: What the edge cannot do, where that is the reason.
    """

    def __init__(self, status: HTTPStatus, lacks: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.lacks = lacks


class Gateway:
    """Answers requests to HTTP APIs.

    Args:
        control_plane: Knows APIs and functions.
        invoker: Runs functions.
    """

    def __init__(self, control_plane: ControlPlane, invoker: Invoker) -> None:
        self._control_plane = control_plane
        self._invoker = invoker
        self._throttle = Throttle()

    def answer(self, host: ApiHost, request: HttpRequest) -> HttpAnswer:
        """The answer of an API to a request."""
        request_id = str(uuid.uuid4())
        try:
            answer = self._answer(host, request, request_id)
        except Refused as refused:
            answer = _refusal(refused.status)
            if refused.lacks:
                LOG.warning("the edge lacks what %s %r needs: %s", request.method, request.path, refused.lacks)
                answer.headers.append((UNSUPPORTED_HEADER, refused.lacks))
        answer.headers.append((REQUEST_ID_HEADER, request_id))
        return answer

    def _answer(self, host: ApiHost, request: HttpRequest, request_id: str) -> HttpAnswer:
        if sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_HEADER_BYTES:
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        api = self._control_plane.api(host.api_id)
        if api is None or not api.answers_for(host):
            raise Refused(HTTPStatus.NOT_FOUND)
        found = strip_stage(request.path, api.stages)
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        stage, path = found
        route = match(request.method, path, api.route_keys)
        if route is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        if not self._throttle.admits((api.api_id, stage, route.key), api.limit(stage, route.key)):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS)
        integration = self._integration(api, route)
        function = self._function(api, stage, route, integration)
        context = RouteContext(
            account_id=api.account_id,
            api_id=api.api_id,
            stage=stage,
            route_key=route.key,
            parameters=route.parameters,
            stage_variables=api.stage_variables(stage),
            request_id=request_id,
            moment=datetime.now(UTC),
        )
        payload = json.dumps(event_of(request, context)).encode()
        if len(payload) > MAX_EVENT_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self._invoke(function, payload, request_id, integration.timeout_s)

    def _integration(self, api: Api, route: Match) -> Integration:
        if (wanted := api.authorization(route.key)) != "NONE":
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"{wanted} authorisation")
        integration = api.integration(route.key)
        if integration is None:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR)
        if integration.kind != "AWS_PROXY":
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"an integration of type {integration.kind}")
        if integration.payload_format != FORMAT:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"payload format {integration.payload_format}")
        return integration

    def _function(self, api: Api, stage: str, route: Match, integration: Integration) -> Function:
        function = self._control_plane.function(api.account_id, api.region, integration.function_arn)
        if function is None:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR)
        source = source_arn(region=api.region, account_id=api.account_id, api_id=api.api_id, stage=stage, key=route.key)
        if not integration.has_role and not self._control_plane.lets_gateway_invoke(function, source):
            LOG.info("the policy of %s does not let %s invoke it", function.name, source)
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR)
        if not function.runnable:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"a function with the runtime {function.runtime!r}")
        return function

    def _invoke(self, function: Function, payload: bytes, request_id: str, wait_s: float) -> HttpAnswer:
        outcome = self._invoker.invoke(function, payload, request_id, wait_s)
        if outcome.ending is Ending.THROTTLED:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)
        if outcome.ending is Ending.LEFT:
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT)
        if outcome.ending is Ending.FAILED:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            return answer_of(outcome.payload)
        except BadResultError as error:
            LOG.info("what %s returned is no answer: %s", function.name, error)
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR) from error


def _refusal(status: HTTPStatus) -> HttpAnswer:
    body = json.dumps({"message": MESSAGES[status]}).encode()
    return HttpAnswer(status, [("content-type", "application/json")], body)


def too_large() -> HttpAnswer:
    """The answer to a request of more than `MAX_REQUEST_BYTES`, which is not read to its end."""
    answer = _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    answer.headers.append((REQUEST_ID_HEADER, str(uuid.uuid4())))
    return answer


def request_of(environ: dict[str, Any], body: bytes) -> HttpRequest:
    """The request of a WSGI environment."""
    headers = {
        name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    for key, name in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length")):
        if environ.get(key):
            headers[name] = str(environ[key])
    return HttpRequest(
        method=str(environ["REQUEST_METHOD"]).upper(),
        path=str(environ.get("PATH_INFO", "/")).encode("latin-1", "replace").decode("utf-8", "replace") or "/",
        query=str(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=body,
        domain=headers.get("host", "").partition(":")[0],
        source_ip=str(environ.get("REMOTE_ADDR", "127.0.0.1")),
        protocol=str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
    )
