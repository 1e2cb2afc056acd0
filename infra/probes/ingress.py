"""Requests to the platform's ingress, as a producer makes them: with the API key, under the pinned URL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final

from infra.clients import Clients
from infra.http import BadUrlError, HttpResponse, request
from infra.names import UNSUPPORTED_HEADER
from infra.probes.model import ErrorClass, ProbeFailure

DEFAULT_KEY_HEADER: Final = "X-IG-Api-Key"
"""The header of the API key where no handle names another."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """The platform's ingress as the registry names it.

    Attributes:
        clients: The account's clients.
        handles: The resolved values of the registry, by name.
        secret: Reports the API key, as name and value, to who keeps it out of what probes say.
        timeout_s: How long a request may take.
    """

    clients: Clients
    handles: Mapping[str, Any]
    secret: Callable[[str, str], None] = lambda _name, _value: None
    timeout_s: float = 10.0

    def health(self) -> HttpResponse:
        """Asks for the health of the ingress.

        Raises:
            ProbeFailure: A handle has no value, or what answers does not speak HTTP.
        """
        return self._request("GET", "IG_HEALTHCHECK_PATH", {}, None)

    def ingest(self, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Pushes one event.

        Raises:
            ProbeFailure: A handle has no value, or what answers does not speak HTTP.
        """
        body = json.dumps(payload, sort_keys=True).encode()
        return self._request("POST", "IG_INGEST_PATH", {"Content-Type": "application/json", **(headers or {})}, body)

    def _request(self, method: str, path_handle: str, headers: dict[str, str], body: bytes | None) -> HttpResponse:
        base, path = self._text("IG_BASE_URL").rstrip("/"), self._text(path_handle)
        if not path.startswith("/"):
            raise ProbeFailure(ErrorClass.BAD_FORM, f"{path_handle} does not begin with a slash")
        name = str(self.handles.get("IG_AUTH_HEADER_NAME") or DEFAULT_KEY_HEADER)
        sent = {name: self._key(), **headers}
        try:
            answer = request(self.clients, method, base + path, headers=sent, body=body, timeout_s=self.timeout_s)
        except BadUrlError as error:
            raise ProbeFailure(ErrorClass.BAD_FORM, str(error)) from error
        except HTTPException as error:
            raise ProbeFailure(ErrorClass.SERVICE_ERROR, f"it does not speak HTTP: {type(error).__name__}") from error
        if UNSUPPORTED_HEADER in answer.headers:
            lacks = answer.headers[UNSUPPORTED_HEADER]
            raise ProbeFailure(ErrorClass.UNSUPPORTED_BY_SUBSTRATE, f"the embedded edge lacks {lacks}")
        return answer

    def _key(self) -> str:
        path = self._text("SSM_IG_API_KEY_PATH")
        found = self.clients.client("ssm").get_parameter(Name=path, WithDecryption=True)
        key = str(found["Parameter"]["Value"]).strip()
        self.clients.secret(path, key)
        self.secret(path, key)
        if not key or not key.isascii() or not key.isprintable():
            raise ProbeFailure(ErrorClass.BAD_FORM, "the API key cannot stand in a header")
        return key

    def _text(self, name: str) -> str:
        value = self.handles.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ProbeFailure(ErrorClass.UNRESOLVED_HANDLE, f"{name} has no value")
        return value


def require_status(answer: HttpResponse, wanted: HTTPStatus) -> None:
    """Makes sure of a status.

    Raises:
        ProbeFailure: The answer has another one; what it says is told, for it holds no secret of its own.
    """
    if answer.status != wanted:
        said = answer.body[:200].decode("utf-8", "replace")
        raise ProbeFailure(_class_of(answer.status), f"HTTP {answer.status}, not {wanted.value}: {said}")


def json_object(answer: HttpResponse) -> dict[str, Any]:
    """The JSON object that an answer holds; empty where it holds none."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _class_of(status: int) -> ErrorClass:
    known = {
        HTTPStatus.UNAUTHORIZED: ErrorClass.ACCESS_DENIED,
        HTTPStatus.FORBIDDEN: ErrorClass.ACCESS_DENIED,
        HTTPStatus.NOT_FOUND: ErrorClass.NOT_FOUND,
        HTTPStatus.TOO_MANY_REQUESTS: ErrorClass.THROTTLED,
        HTTPStatus.GATEWAY_TIMEOUT: ErrorClass.TIMEOUT,
    }
    if status in known:
        return known[HTTPStatus(status)]
    return ErrorClass.SERVICE_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ErrorClass.BAD_STATE
