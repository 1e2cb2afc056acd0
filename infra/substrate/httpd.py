"""The HTTP server of the substrate: keep-alive, whole messages, a private path beside the emulated AWS.

Werkzeug's own server closes every connection and waits ten milliseconds for leftovers of the request; an AWS
client that makes a thousand calls would spend most of its time on that. Here a request is read whole by its length
before it is answered, so nothing is left over and the connection stays open.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from infra.substrate.dispatch import Answer, Environ

LOG = logging.getLogger("phasegate.substrate")

Application = Callable[[Environ, bytes], Answer]


class RequestHandler(MotoRequestHandler):  # type: ignore[misc]
    """Reads a request whole, asks the application, writes the answer whole, keeps the connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: head and body leave in one packet

    def run_wsgi(self) -> None:
        """Answer one request; werkzeug's handler calls this for every method."""
        self.environ: Environ = self.make_environ()
        body = self._read_body()
        if body is None:
            self.send_error(HTTPStatus.BAD_REQUEST, "the request has no usable length")
            self.close_connection = True
            return
        answer: Answer = self.server.app(self.environ, body)
        self.send_response(answer.status)
        has_length = False
        for name, value in answer.headers:
            has_length = has_length or name.lower() == "content-length"
            self.send_header(name, value)
        if not has_length and answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def handle_expect_100(self) -> bool:
        """Let the client send its body now, not when the answer is flushed."""
        go_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of single requests; a busy test session makes thousands."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Send what the server has to say to the substrate's log."""
        LOG.log(logging.ERROR if type == "error" else logging.DEBUG, message, *args)

    def _read_body(self) -> bytes | None:
        if "chunked" in self.environ.get("HTTP_TRANSFER_ENCODING", ""):
            return bytes(self.environ["wsgi.input"].read())
        length = self.environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return None
        return bytes(self.rfile.read(int(length)))


class Server(ThreadedWSGIServer):  # type: ignore[misc]
    """A threaded server on a socket that is bound already."""

    daemon_threads = True

    def __init__(self, bound: socket.socket, app: Application) -> None:
        host, port = bound.getsockname()[:2]
        super().__init__(host, port, app, handler=RequestHandler, fd=bound.fileno())
        bound.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Log what broke outside the application, without a word on the terminal."""
        LOG.exception("a connection from %s broke", client_address)
