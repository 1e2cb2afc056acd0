"""The data plane as the substrate's server uses it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from infra.emulator.aws_request import AwsRequest
from infra.emulator.dispatch import Answer, Environ
from infra.emulator.edge.control_plane import ControlPlane
from infra.emulator.edge.gateway import Gateway, request_of, too_large
from infra.emulator.edge.invoke_api import InvokeApi
from infra.emulator.edge.invoker import Invoker
from infra.emulator.edge.logs import LogPump
from infra.emulator.edge.messages import MAX_REQUEST_BYTES, HttpAnswer
from infra.emulator.httpd import Room
from infra.endpoints import api_host


class DataPlane:
    """HTTP APIs and functions of every world.

    Args:
        folder: Where deployment packages are unpacked.
        endpoint_url: The substrate.
        turn: Lets one at a time into a service of an account of the emulator.
    """

    def __init__(
        self, folder: Path, endpoint_url: str, turn: Callable[[str, str], AbstractContextManager[Any]]
    ) -> None:
        control_plane = ControlPlane()

        def put_logs(account_id: str, region: str, group: str, stream: str, events: list[dict[str, Any]]) -> None:
            with turn(account_id, "logs"):
                control_plane.put_logs(account_id, region, group, stream, events)

        logs = LogPump(put_logs)
        invoker = Invoker(folder, endpoint_url, logs)
        logs.each_second(invoker.expire)
        self._gateway = Gateway(control_plane, invoker)
        self._invoke_api = InvokeApi(control_plane, invoker)

    def room(self, environ: Environ) -> Room | None:
        """How much a request to an HTTP API may bring; None where the request's host is none of one."""
        if api_host(environ.get("HTTP_HOST", "")) is None:
            return None
        return Room(MAX_REQUEST_BYTES, _plain(too_large()))

    def serve(self, environ: Environ, body: bytes) -> Answer | None:
        """The answer of an HTTP API; None where the request's host is none of one."""
        host = api_host(environ.get("HTTP_HOST", ""))
        return None if host is None else _plain(self._gateway.answer(host, request_of(environ, body)))

    def invoke(self, request: AwsRequest, account_id: str, environ: Environ, body: bytes) -> Answer | None:
        """The answer to an invocation of a function; None where the request is none."""
        return self._invoke_api.answer(request, account_id, environ, body)


def _plain(answer: HttpAnswer) -> Answer:
    return Answer(answer.status, answer.headers, answer.body)
