"""What a request passes on its way in: its caller, the edge of HTTP APIs, the private path, its signature, AWS."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from infra.emulator import aws_errors
from infra.emulator.aws_request import AwsRequest
from infra.emulator.callers import objection
from infra.emulator.control import ControlPlane
from infra.emulator.credentials import Credentials, Keys
from infra.emulator.dispatch import Answer, Dispatcher, Environ
from infra.emulator.edge.data_plane import DataPlane
from infra.emulator.httpd import Room
from infra.emulator.signatures import SignatureError, claimed, verify
from infra.names import CONTROL_PATH, ERROR_HEADER

LOG = logging.getLogger("phasegate.substrate")

REFUSED: Final = "CallerRefused"
"""The code of a request that is refused for where it comes from."""
MAX_AWS_BODY_BYTES: Final = 256 << 20
"""What a request to the emulated AWS may bring; an object of S3 lies in memory here."""


@dataclass(frozen=True, slots=True)
class Application:
    """Answers every request of the process.

    Attributes:
        control: The private path.
        data_plane: HTTP APIs.
        dispatcher: The emulated AWS.
        keys: The access keys that it accepts.
    """

    control: ControlPlane
    data_plane: DataPlane
    dispatcher: Dispatcher
    keys: Keys

    def admit(self, environ: Environ) -> Room | Answer:
        """Room for a request's body, by its head alone; or the answer that refuses it."""
        if (reason := objection(environ)) is not None:
            LOG.warning("refused %s %r: %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], reason)
            refused = json.dumps({"message": f"Forbidden: {reason}"}).encode()
            headers = [("content-type", "application/json"), (ERROR_HEADER, REFUSED)]
            return Answer(HTTPStatus.FORBIDDEN, headers, refused)
        if (room := self.data_plane.room(environ)) is not None:
            return room
        if _is_private(environ):
            return self.control.admit(environ)
        try:
            claimed(environ, self._find)
        except SignatureError as error:
            return _refused(environ, error)
        request = AwsRequest.parse(environ, b"")
        headers, text = aws_errors.render(
            request.protocol,
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            code="EntityTooLarge",
            message=f"a request to the embedded AWS may have {MAX_AWS_BODY_BYTES} bytes",
        )
        return Room(MAX_AWS_BODY_BYTES, Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers, text))

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """Answers one request that was admitted, and whose body has been read."""
        if (served := self.data_plane.serve(environ, body)) is not None:
            return served
        if _is_private(environ):
            return self.control.answer(environ, body)
        try:
            verify(environ, body, self._find)
        except SignatureError as error:
            return _refused(environ, error, body)
        return self.dispatcher.answer(environ, body)

    def _find(self, access_key: str) -> Credentials | None:
        return self.keys.find(access_key, self.dispatcher.account_of(access_key))


def _is_private(environ: Environ) -> bool:
    return f"{environ['PATH_INFO']}/".startswith(CONTROL_PATH)


def _refused(environ: Environ, error: SignatureError, body: bytes = b"") -> Answer:
    """The answer to a request that is not signed as it must be."""
    request = AwsRequest.parse(environ, body)
    headers, text = aws_errors.render(
        request.protocol,
        status=HTTPStatus.FORBIDDEN,
        code=error.code(request.protocol),
        message=str(error),
        is_head=request.method == "HEAD",
    )
    return Answer(HTTPStatus.FORBIDDEN, headers, text)
