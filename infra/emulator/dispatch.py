"""From a request to its answer: fault rules, the right backend of the emulator, and honest errors.

The emulator's own application answers an operation that it lacks with an HTML page, and imports a backend while it
holds up all the others. This one tells substrate errors from AWS errors, imports a backend beside running requests,
and lets one request at a time into one service of one world, because the emulator's dictionaries are not made for
several.
"""

# ruff: noqa: PLC0415 - the emulator is imported by the process that runs it, and as late as it can be

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from io import BytesIO
from typing import Any

from infra.emulator import aws_errors
from infra.emulator.aws_request import AwsRequest
from infra.emulator.faults import FaultBook, corrupted
from infra.emulator.ownership import foreign_bucket
from infra.emulator.patches import apply_for
from infra.errors import InfraError
from infra.names import FAILED, UNSUPPORTED

Invoke = Callable[[AwsRequest, str, "Environ", bytes], "Answer | None"]
"""Answers the invocation of a function; None for every other request."""

LOG = logging.getLogger("phasegate.substrate")

Environ = dict[str, Any]

# These wait inside a request (long polling, a synchronous execution whose tasks call back), so they hold no lock.
CONCURRENT_SERVICES = frozenset({"sqs", "states"})
CHECKSUM_HEADER = "x-amz-checksum-"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """A header's value by its lower-case name; empty if it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Unrouted(Exception):  # noqa: N818 - it says where a request went, it is caught and never shown
    """No URL of a backend fits the request."""


class Dispatcher:
    """Answers AWS requests out of the emulator, in one process, for all worlds."""

    def __init__(self, faults: FaultBook) -> None:
        from moto.iam import models
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication

        self._faults = faults
        self._iam_models = models
        self._naming = DomainDispatcherApplication(_make_app)
        self._backend_of_host: dict[str, str] = {}
        self._apps: dict[str, Any] = {}
        self._defects: dict[str, str] = {}
        self._guard = threading.Lock()
        self._creation: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._turns: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._seen: set[str] = set()
        self._invoke: Invoke = lambda *_: None

    @property
    def defects(self) -> dict[str, str]:
        """Backends that cannot be used, and why (a patch that does not fit the emulator)."""
        return dict(self._defects)

    @property
    def accounts_seen(self) -> list[str]:
        """Every account that a request acted in."""
        return sorted(self._seen)

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """Answer one request whose body has been read."""
        request = AwsRequest.parse(environ, body)
        account_id = self.account_of(request.access_key or "")
        self._seen.add(account_id)
        fault = self._faults.take(request, account_id, lambda: self._operation(request, environ, body))
        if fault is not None:
            time.sleep(fault.delay_seconds)
            if fault.kind == "error":
                return _error(request, fault.status, fault.error_code, fault.message)
            if fault.kind == "ignore":
                return Answer(HTTPStatus.OK, [("content-type", "application/json")], b"{}")
        # A function may call back into the service that invokes it, so an invocation holds no lock either.
        answer = self._invoke(request, account_id, environ, body)
        if answer is None and request.service in CONCURRENT_SERVICES:
            answer = self._emulate(request, account_id, environ, body)
        elif answer is None:
            with self.turn(account_id, request.service):
                answer = self._emulate(request, account_id, environ, body)
        if fault is not None and fault.kind == "corrupt" and request.method != "HEAD":
            return _altered(answer)
        return answer

    def account_of(self, access_key: str) -> str:
        """The account that an access key acts in, whether or not the key is valid."""
        return str(self._iam_models.get_account_id_from(access_key))

    def run_functions(self, invoke: Invoke) -> None:
        """Leaves the invocation of functions to a data plane."""
        self._invoke = invoke

    def prepare(self, backend: str) -> None:
        """Import a backend before the first request for it comes; a defect is kept for those who then come."""
        try:
            self._app(backend)
        except InfraError:
            LOG.exception("the backend %s cannot be used", backend)

    def turn(self, account_id: str, service: str) -> threading.Lock:
        """The lock that lets one at a time into a service of an account."""
        with self._guard:
            return self._turns[account_id, service]

    def _emulate(self, request: AwsRequest, account_id: str, environ: Environ, body: bytes) -> Answer:
        environ["wsgi.input"] = BytesIO(body)
        try:
            backend = self._backend(request, environ)
            if backend == "s3" and (bucket := foreign_bucket(request, account_id, environ)) is not None:
                message = f"the bucket {bucket} is another account's"
                return _error(request, HTTPStatus.FORBIDDEN, "AccessDenied", message)
            answer = _call(self._app(backend), environ)
        except (NotImplementedError, Unrouted) as error:
            LOG.warning("not in the emulator: %s %s %r (%r)", request.service, request.method, request.path, error)
            return _unsupported(request)
        except InfraError as error:
            return _error(request, 500, FAILED, str(error))
        except Exception as error:
            # The edge of the emulator: any crash of it is an answer, and an error of the substrate.
            LOG.exception("the emulator failed on %s %s %r", request.service, request.method, request.path)
            return _error(request, 500, FAILED, f"{type(error).__name__}: {error}")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and "html" in answer.header("content-type"):
            return _error(request, 500, FAILED, "the emulator answered with an error page")
        if (
            answer.status == HTTPStatus.NOT_FOUND
            and not answer.body
            and request.method != "HEAD"
            and request.protocol != "rest-xml"
        ):
            # No AWS service says "not found" without a word; the emulator does where it knows no operation.
            return _unsupported(request)
        return answer

    def _backend(self, request: AwsRequest, environ: Environ) -> str:
        if request.service == "apigateway" and request.path.startswith("/v2/"):
            # The emulator's REST API backend serves this path as well, at the price of an OpenAPI library.
            return "apigatewayv2"
        if "HTTP_AUTHORIZATION" not in environ and request.service != "s3":
            # The emulator looks for the scope of a presigned URL (an EKS token, say) in the header alone.
            scope = f"{request.access_key}/00000000/{request.region}/{request.service}/aws4_request"
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        host = self._naming.infer_service_region_host(environ, request.path) or "s3.us-east-1.amazonaws.com"
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].getvalue())
        backend = self._backend_of_host.get(host)
        if backend is None:
            backend = self._naming.get_backend_for_host(host)
            if backend is None:
                raise Unrouted(host)
            self._backend_of_host[host] = backend
        return backend

    def _app(self, backend: str) -> Any:
        app = self._apps.get(backend)
        if app is None:
            with self._guard:
                creation = self._creation[backend]
            with creation:
                app = self._apps.get(backend)
                if app is None:
                    try:
                        apply_for(backend)
                    except InfraError as error:
                        self._defects[backend] = str(error)
                        raise
                    app = self._apps[backend] = _make_app(backend)
        return app

    def _operation(self, request: AwsRequest, environ: Environ, body: bytes) -> str | None:
        """The operation of a request; a REST request only shows it by method and path."""
        if request.operation is not None:
            return request.operation
        from botocore.exceptions import UnknownServiceError
        from moto.core.request import Request
        from moto.core.routing import get_service_router
        from werkzeug.exceptions import HTTPException

        name = "apigatewayv2" if request.path.startswith("/v2/") else request.service
        probe = Request({**environ, "wsgi.input": BytesIO(body)})
        try:
            operation, _ = get_service_router(name).match(probe)
        except (HTTPException, NotImplementedError, UnknownServiceError):
            return None
        return str(operation.name)


def _make_app(backend: str) -> Any:
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.exceptions import HTTPException

    app = create_backend_app(backend)
    app.debug = False
    app.config["PROPAGATE_EXCEPTIONS"] = True

    def tell_unrouted(error: HTTPException) -> HTTPException:
        import flask

        if flask.request.routing_exception is error:
            raise Unrouted(flask.request.path)
        return error

    app.register_error_handler(HTTPException, tell_unrouted)
    return app


def _call(app: Callable[..., Iterable[bytes]], environ: Environ) -> Answer:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        started[:] = [(status, headers)]

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    return Answer(int(status.split(" ", 1)[0]), headers, body)


def _unsupported(request: AwsRequest) -> Answer:
    named = request.operation or f"{request.method} {request.path}"
    message = f"the embedded substrate does not implement {request.service} {named}"
    return _error(request, 500, UNSUPPORTED, message)


def _error(request: AwsRequest, status: int, code: str, message: str) -> Answer:
    headers, body = aws_errors.render(
        request.protocol, status=status, code=code, message=message, is_head=request.method == "HEAD"
    )
    return Answer(status, headers, body)


def _altered(answer: Answer) -> Answer:
    """A good answer with other bytes, as if they had been stored so: without the checksums of the right ones."""
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return answer
    kept = [
        (name, value)
        for name, value in answer.headers
        if not name.lower().startswith(CHECKSUM_HEADER) and name.lower() != "content-length"
    ]
    return replace(answer, headers=kept, body=corrupted(answer.body))
