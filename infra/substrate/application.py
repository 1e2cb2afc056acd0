"""What a request passes on its way in: its caller, the edge of HTTP APIs, the private path, its signature, AWS."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from infra.edge.data_plane import DataPlane
from infra.substrate import aws_errors
from infra.substrate.aws_request import AwsRequest
from infra.substrate.callers import objection
from infra.substrate.control import PREFIX, ControlPlane
from infra.substrate.credentials import Keys
from infra.substrate.dispatch import Answer, Dispatcher, Environ
from infra.substrate.signatures import SignatureError, verify

LOG = logging.getLogger("phasegate.substrate")

REFUSED: Final = "CallerRefused"
"""The code of a request that is refused for where it comes from."""


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

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """Answers one request whose body has been read."""
        if (reason := objection(environ)) is not None:
            LOG.warning("refused %s %s: %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], reason)
            refused = json.dumps({"message": f"Forbidden: {reason}"}).encode()
            headers = [("content-type", "application/json"), (aws_errors.ERROR_HEADER, REFUSED)]
            return Answer(HTTPStatus.FORBIDDEN, headers, refused)
        served = self.data_plane.serve(environ, body)
        if served is not None:
            return served
        path = environ["PATH_INFO"]
        if path.startswith(PREFIX) or f"{path}/" == PREFIX:
            return self.control.answer(environ, body)
        return self._refusal(environ, body) or self.dispatcher.answer(environ, body)

    def _refusal(self, environ: Environ, body: bytes) -> Answer | None:
        """The answer to a request that is not signed as it must be."""
        try:
            verify(environ, body, lambda key: self.keys.find(key, self.dispatcher.account_of(key)))
        except SignatureError as error:
            request = AwsRequest.parse(environ, body)
            headers, text = aws_errors.render(
                request.protocol,
                status=HTTPStatus.FORBIDDEN,
                code=error.code(request.protocol),
                message=str(error),
                is_head=request.method == "HEAD",
            )
            return Answer(HTTPStatus.FORBIDDEN, headers, text)
        return None
