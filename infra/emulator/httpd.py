"""The HTTP server of the substrate: whole messages, keep-alive, and bounds on what a client can hold or grow.

h11 reads and writes the messages, so that a request is framed in one way or refused: what frames it ambiguously, or
not at all, gets an answer and the end of its connection, and no byte of it is read as another request. A request is
admitted by its head, before its body is read, and its body only so far as it was admitted for.
"""

from __future__ import annotations

import json
import logging
import socket
import socketserver
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses
from typing import Any, Final, Protocol

import h11

from infra.emulator.dispatch import Answer, Environ
from infra.emulator.wsgi import environ_of

LOG = logging.getLogger("phasegate.substrate")

MAX_HEAD_BYTES: Final = 64 << 10
MAX_BODIES_BYTES: Final = 512 << 20
"""How much all bodies together may hold that are being read or answered."""
MAX_CONNECTIONS: Final = 1_000
IDLE_SECONDS: Final = 60.0
"""How long a connection may wait for its next request."""
HEAD_SECONDS: Final = 10.0
"""How long a head may take, from its first byte."""
BODY_SECONDS: Final = 60.0
STALL_SECONDS: Final = 10.0
"""How long a body may take, and how long it may stand still."""
SEND_SECONDS: Final = 60.0
LINGER_SECONDS: Final = 2.0
"""How long a client that is refused may go on sending, so that it reads its answer before the connection ends."""

_CHUNK: Final = 1 << 16
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"})
_WITH_BODY: Final = frozenset({b"POST", b"PUT", b"PATCH"})
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Room:
    """What a request is admitted for.

    Attributes:
        max_bytes: How large its body may be.
        over: The answer to a larger one.
    """

    max_bytes: int
    over: Answer


class Application(Protocol):
    """What the server asks."""

    def admit(self, environ: Environ) -> Room | Answer:
        """Room for a request's body, by its head alone; or the answer that refuses it."""

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """The answer to a request whose body was read."""


class RefusedError(Exception):
    """A request gets an answer of the server's own, and its connection ends.

    Attributes:
        answer: The answer.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class GoneError(Exception):
    """The client left, or said nothing: there is nobody to answer."""


class Server(socketserver.ThreadingTCPServer):
    """A threaded server on a socket that is bound already."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, bound: socket.socket, application: Application) -> None:
        super().__init__(bound.getsockname()[:2], Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = bound
        self.application = application
        self.bodies = Budget(MAX_BODIES_BYTES)
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, if there is a place for it."""
        if not self._places.acquire(blocking=False):
            LOG.warning("more than %d connections: one is turned away", MAX_CONNECTIONS)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Log what broke outside the application, without a word on the terminal."""
        LOG.exception("a connection from %s broke", client_address)


class Budget:
    """How many bytes may be held at once by all connections.

    Args:
        most: That many.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Takes bytes; False where fewer are left."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give_back(self, count: int) -> None:
        """Gives bytes back."""
        with self._lock:
            self._left += count


class Connection(socketserver.BaseRequestHandler):
    """One connection: its requests, one behind the other."""

    request: socket.socket
    server: Server

    def setup(self) -> None:
        """Starts with nothing read."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)

    def handle(self) -> None:
        """Serves requests until either side ends it."""
        with suppress(GoneError, OSError):
            try:
                while self._serve():
                    self._http.start_next_cycle()
            except RefusedError as refused:
                self._send(refused.answer, method="", closing=True)
                self._linger()

    def _serve(self) -> bool:
        """Serves one request; tells whether the connection stays."""
        head = self._head()
        method = head.method.decode("ascii")
        environ = environ_of(head, self.client_address, self.server.server_address)
        self._require_one_framing(head)
        room = self.server.application.admit(environ)
        if isinstance(room, Answer):
            raise RefusedError(room)
        if int(environ.get("CONTENT_LENGTH", 0)) > room.max_bytes:
            raise RefusedError(room.over)
        body = bytearray()
        try:
            self._read_body(room, body)
            environ["CONTENT_LENGTH"] = str(len(body))
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            answer = self._answer(environ, bytes(body))
        finally:
            self.server.bodies.give_back(len(body))
        self._send(answer, method, closing=False)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def _head(self) -> h11.Request:
        until = time.monotonic() + IDLE_SECONDS
        begun = bool(self._http.trailing_data[0])
        if begun:
            until = time.monotonic() + HEAD_SECONDS
        while True:
            event = self._next()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                raise GoneError
            self._receive(until, begun=begun)
            if not begun:
                begun, until = True, time.monotonic() + HEAD_SECONDS

    def _require_one_framing(self, head: h11.Request) -> None:
        """A body has one length (RFC 9112, 6.3); with two or none, a part of it could be read as a request."""
        if head.method == b"CONNECT":
            raise RefusedError(_said(HTTPStatus.NOT_IMPLEMENTED, "this is no proxy"))
        names = {name for name, _ in head.headers}
        is_chunked = b"transfer-encoding" in names
        if is_chunked and (b"content-length" in names or head.http_version < b"1.1"):
            raise RefusedError(_said(HTTPStatus.BAD_REQUEST, "the length of the body is ambiguous"))
        if not is_chunked and b"content-length" not in names and head.method in _WITH_BODY:
            raise RefusedError(_said(HTTPStatus.LENGTH_REQUIRED, "the length of the body is not stated"))

    def _read_body(self, room: Room, body: bytearray) -> None:
        """Reads a body to its end, part by part, each of which is accounted for.

        Parts are joined as they come: kept one by one, the smallest chunks take 28 times the room of their bytes.
        """
        begun = time.monotonic()
        while True:
            event = self._next()
            if isinstance(event, h11.Data):
                if len(body) + len(event.data) > room.max_bytes:
                    raise RefusedError(room.over)
                if not self.server.bodies.take(len(event.data)):
                    raise RefusedError(_said(HTTPStatus.SERVICE_UNAVAILABLE, "too many large requests at once"))
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return
            elif event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self.request.sendall(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                self._receive(min(begun + BODY_SECONDS, time.monotonic() + STALL_SECONDS), begun=True)
            else:
                raise GoneError

    def _next(self) -> Any:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            # What follows a colon is a part of the request, which may hold a key.
            raise RefusedError(_said(HTTPStatus(error.error_status_hint), str(error).partition(":")[0])) from error

    def _receive(self, until: float, *, begun: bool) -> None:
        """Takes what the client sends next.

        Raises:
            RefusedError: It does not send it in time.
            GoneError: It had not begun a request.
        """
        left = until - time.monotonic()
        try:
            self.request.settimeout(max(left, 0.001))
            data = self.request.recv(_CHUNK)
        except TimeoutError as error:
            if begun:
                raise RefusedError(_said(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time")) from error
            raise GoneError from error
        self._http.receive_data(data)

    def _answer(self, environ: Environ, body: bytes) -> Answer:
        try:
            return self.server.application.answer(environ, body)
        except Exception:
            LOG.exception("no answer to %s %r", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

    def _send(self, answer: Answer, method: str, *, closing: bool) -> None:
        """Writes an answer whole, in one packet where it fits.

        Raises:
            GoneError: There is nobody to answer, or nobody takes it.
        """
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            raise GoneError
        try:
            head = _head_of(answer, closing=closing)
        except (h11.LocalProtocolError, UnicodeError):
            LOG.exception("an answer of status %r cannot be written", answer.status)
            answer = _said(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
            head = _head_of(answer, closing=closing)
        written = [self._http.send(head)]
        if method != "HEAD" and answer.status not in _WITHOUT_BODY:
            written.append(self._http.send(h11.Data(data=answer.body)))
        written.append(self._http.send(h11.EndOfMessage()))
        self.request.settimeout(SEND_SECONDS)
        self.request.sendall(b"".join(part or b"" for part in written))

    def _linger(self) -> None:
        """Lets a client that still sends read its answer: a connection that is reset loses it."""
        self.request.shutdown(socket.SHUT_WR)
        until = time.monotonic() + LINGER_SECONDS
        while (left := until - time.monotonic()) > 0:
            self.request.settimeout(left)
            if not self.request.recv(_CHUNK):
                return


def _head_of(answer: Answer, *, closing: bool) -> h11.Response:
    found = [
        (name.encode("ascii"), str(value).encode("latin-1"))
        for name, value in answer.headers
        if name.lower() not in _HOP_BY_HOP
    ]
    if answer.status != HTTPStatus.NO_CONTENT:
        # An answer to HEAD states the length that the body would have, and only its maker knows that.
        length = str(len(answer.body)) if answer.body else answer.header("content-length") or "0"
        found.append((b"Content-Length", length.encode("ascii")))
    if not answer.header("date"):
        found.append((b"Date", formatdate(usegmt=True).encode("ascii")))
    if closing:
        found.append((b"Connection", b"close"))
    reason = responses.get(answer.status, "").encode("ascii")
    return h11.Response(status_code=answer.status, headers=found, reason=reason)


def _said(status: HTTPStatus, message: str) -> Answer:
    """An answer of the server's own."""
    return Answer(status, [("content-type", "application/json")], json.dumps({"message": message}).encode())
