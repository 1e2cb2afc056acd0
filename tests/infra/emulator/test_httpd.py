"""One request is one request: framed in one way or refused, bounded in size and time, and always answered."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.emulator import httpd
from infra.emulator.dispatch import Answer, Environ
from infra.emulator.httpd import Budget, Room, Server

HEAD = b"POST /x HTTP/1.1\r\nHost: localhost\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIMIT = 1_000


@dataclass
class Recorder:
    """Answers everything, and remembers what it was asked."""

    reply: Callable[[Environ], Answer] = lambda _: Answer(200, [], b"ok")
    refuses: bool = False
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    environs: list[Environ] = field(default_factory=list)

    def admit(self, environ: Environ) -> Room | Answer:
        if self.refuses:
            return Answer(403, [], b"no")
        return Room(LIMIT, Answer(413, [], b"over"))

    def answer(self, environ: Environ, body: bytes) -> Answer:
        self.environs.append(environ)
        self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], body))
        return self.reply(environ)


@dataclass
class Wire:
    """A server, and raw bytes to it."""

    server: Server
    application: Recorder

    def connect(self) -> socket.socket:
        return socket.create_connection(self.server.server_address[:2], timeout=10)

    def send(self, data: bytes, *, more: bool = False) -> bytes:
        """Everything that is answered until the server ends the connection; `more` leaves the sending side open."""
        with self.connect() as wire:
            wire.sendall(data)
            if not more:
                wire.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := wire.recv(65536):
                answer += chunk
            return answer


@pytest.fixture(scope="module")
def server() -> Iterator[Wire]:
    """A server in this process."""
    bound = socket.create_server(("127.0.0.1", 0))
    application = Recorder()
    made = Server(bound, application)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield Wire(made, application)
    made.shutdown()
    made.server_close()


@pytest.fixture
def wire(server: Wire) -> Wire:
    """The server with an application that was asked nothing yet."""
    server.server.application = server.application = Recorder()
    return server


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


BODY = b'{"event_id":"1"}'


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"Content-Length: 16\r\n\r\n" + BODY, BODY),
        (b"Content-Length: 0\r\n\r\n", b""),
        (b"Content-Length: 16\r\nContent-Length: 16\r\n\r\n" + BODY, BODY),
        (b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY + b"\r\n0\r\n\r\n", BODY),
        (b"Transfer-Encoding: Chunked\r\n\r\n8\r\n" + BODY[:8] + b"\r\n8\r\n" + BODY[8:] + b"\r\n0\r\n\r\n", BODY),
        (b"TRANSFER-ENCODING: CHUNKED\r\n\r\n10\r\n" + BODY + b"\r\n0\r\n\r\n", BODY),
        (b"Transfer-Encoding: chunked\r\n\r\n10;name=value\r\n" + BODY + b"\r\n0\r\n\r\n", BODY),
        (b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY + b"\r\n0\r\nX-Trailer: 1\r\n\r\n", BODY),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    ],
    ids=lambda value: str(value[:40]),
)
def test_a_body_is_read_to_its_end_and_the_next_request_behind_it(wire: Wire, sent: bytes, read: bytes) -> None:
    assert statuses(wire.send(HEAD + sent + NEXT)) == [200, 200]
    assert wire.application.asked == [("POST", "/x", read), ("GET", "/smuggled", b"")]
    assert wire.application.environs[0]["CONTENT_LENGTH"] == str(len(read))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"Content-Length: 5000\r\n\r\n" + BODY, 413),
        (b"Content-Length: 17\r\n\r\n" + BODY, 400),
        (b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}xx" + NEXT, 400),
        (b"Content-Length: 2, 4\r\n\r\n{}xx" + NEXT, 400),
        (b"Content-Length: -1\r\n\r\n" + NEXT, 400),
        (b"Content-Length: +2\r\n\r\n{}" + NEXT, 400),
        (b"Content-Length: 0x2\r\n\r\n{}" + NEXT, 400),
        (b"Content-Length: \r\n\r\n" + NEXT, 400),
        (b"Content-Length: many\r\n\r\n" + NEXT, 400),
        (b"Content-Length: 99999999999999999999999999\r\n\r\n" + NEXT, 400),
        (b"Content-Length : 2\r\n\r\n{}" + NEXT, 400),
        (b"\r\n" + BODY + NEXT, 411),
        (b"\r\n", 411),
        (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: gzip\r\n\r\nxx" + NEXT, 501),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + NEXT, 501),
        (b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + NEXT, 501),
        (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT, 501),
        (b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + NEXT, 501),
        (b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY, 400),
        (b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY + b"\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n20\r\n" + BODY + b"\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n" + NEXT, 400),
        (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + b"x" * 100_000, 413),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2_000, 413),
        (b"Host: other\r\nContent-Length: 0\r\n\r\n" + NEXT, 400),
        (b"X: " + b"y" * 200_000 + b"\r\n\r\n", 431),
        (b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + NEXT, 400),
    ],
    ids=lambda value: str(value[:60]) if isinstance(value, bytes) else str(value),
)
def test_what_is_not_framed_or_not_whole_is_answered_and_never_served(wire: Wire, sent: bytes, status: int) -> None:
    assert statuses(wire.send(HEAD + sent)) == [status]
    assert wire.application.asked == []


def test_an_old_client_cannot_send_chunks_and_is_served_otherwise(wire: Wire) -> None:
    old = HEAD.replace(b"1.1", b"1.0")
    assert statuses(wire.send(old + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT)) == [400]
    assert statuses(wire.send(old + b"Content-Length: 2\r\n\r\n{}" + NEXT)) == [200]
    assert wire.application.asked == [("POST", "/x", b"{}")]


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bytes_get_an_answer_or_an_end(server: Wire, noise: bytes, behind_a_head: bool) -> None:
    answer = server.send(HEAD + b"Transfer-Encoding: chunked\r\n" + noise if behind_a_head else noise)
    assert answer.startswith(b"HTTP/1.1 ") or not answer


def test_a_refused_head_is_answered_before_its_body_is_read(wire: Wire) -> None:
    wire.application.refuses = True
    answer = wire.send(HEAD + b"Content-Length: 999999999\r\n\r\n" + b"x" * 500_000, more=True)
    assert statuses(answer) == [403]
    assert answer.endswith(b"\r\n\r\nno")


@pytest.mark.parametrize("sent", [b"GET / HT", HEAD, HEAD + b"Content-Length: 9\r\n\r\nxx", b""], ids=str)
def test_a_request_that_stands_still_holds_its_thread_for_a_while_only(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    for name in ("IDLE_SECONDS", "HEAD_SECONDS", "STALL_SECONDS"):
        monkeypatch.setattr(httpd, name, 0.05)
    assert statuses(wire.send(sent, more=True)) == ([408] if sent else [])
    assert wire.application.asked == []


def test_a_body_that_drips_is_cut_off(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpd, "BODY_SECONDS", 0.2)
    with wire.connect() as dripping:
        dripping.sendall(HEAD + b"Content-Length: 900\r\n\r\n")
        answer = b""
        while not answer:
            dripping.sendall(b"x")
            dripping.settimeout(0.02)
            try:
                answer = dripping.recv(65536)
            except TimeoutError:
                continue
    assert statuses(answer) == [408]


def test_all_bodies_together_have_a_bound_and_give_back_what_they_took(wire: Wire) -> None:
    wire.server.bodies = Budget(100)
    assert statuses(wire.send(HEAD + b"Content-Length: 101\r\n\r\n" + b"x" * 101)) == [503]
    for _ in range(3):
        assert statuses(wire.send(HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 100)) == [200]


def test_a_body_in_the_smallest_chunks_takes_the_room_of_its_bytes(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    size, chunks = 1 << 16, 1 << 15
    monkeypatch.setattr(wire.application, "admit", lambda _: Room(size, Answer(413, [], b"over")))
    monkeypatch.setattr(wire.server, "bodies", Budget(size))
    tracemalloc.start()
    try:
        answer = wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"2\r\nxx\r\n" * chunks + b"0\r\n\r\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert statuses(answer) == [200]
    assert len(wire.application.asked[0][2]) == size
    assert peak < 20 * size  # with what is sent, seven bytes a chunk, several times over


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_leaves_no_byte_for_the_next(wire: Wire, status: int) -> None:
    wire.application.reply = lambda _: Answer(status, [], b"X")
    answer = wire.send(NEXT + NEXT)
    assert statuses(answer) == [status, status]
    assert b"X" not in answer


@pytest.mark.parametrize(
    "answer",
    [
        Answer(101, [], b""),
        Answer(99, [], b""),
        Answer(200, [("x", "a\r\nset-cookie: b")], b""),
        Answer(200, [("x\n", "a")], b""),
        Answer(200, [("x", "\u20ac")], b""),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_sent_is_a_server_error(wire: Wire, answer: Answer) -> None:
    wire.application.reply = lambda _: answer
    assert statuses(wire.send(NEXT + NEXT)) == [500, 500]


def test_an_application_that_breaks_is_a_server_error(wire: Wire) -> None:
    wire.application.reply = lambda environ: environ["no such key"]
    assert statuses(wire.send(NEXT + NEXT)) == [500, 500]


def test_lengths_and_connections_are_the_servers_to_say(wire: Wire) -> None:
    wire.application.reply = lambda _: Answer(
        200, [("Content-Length", "9"), ("Connection", "close"), ("Transfer-Encoding", "chunked")], b"four"
    )
    answer = wire.send(NEXT + NEXT)
    assert statuses(answer) == [200, 200]
    assert answer.lower().count(b"content-length: 4\r\n") == 2
    assert b"chunked" not in answer


@pytest.mark.parametrize("method", [b"CONNECT", b"GET"])
def test_a_connection_never_becomes_another_protocol(wire: Wire, method: bytes) -> None:
    head = method + b" /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert statuses(wire.send(head + NEXT)) == ([501] if method == b"CONNECT" else [200, 200])


def test_a_head_answer_states_the_length_that_its_body_would_have(wire: Wire) -> None:
    wire.application.reply = lambda _: Answer(200, [("Content-Length", "9")], b"")
    answer = wire.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT.replace(b"GET", b"HEAD"))
    assert statuses(answer) == [200, 200]
    assert answer.lower().count(b"content-length: 9\r\n") == 2


def test_a_name_with_an_underscore_stands_for_no_other(wire: Wire) -> None:
    wire.send(HEAD + b"Content-Length: 0\r\nX_Api_Key: a\r\nx-amz-meta-a_b: c\r\n  folded\r\n\r\n")
    [environ] = wire.application.environs
    assert "HTTP_X_API_KEY" not in environ
    assert environ["HTTP_X_AMZ_META_A_B"].split() == ["c", "folded"]


def test_white_space_around_a_value_is_no_part_of_it(wire: Wire) -> None:
    wire.send(HEAD + b"Content-Length: 0\r\nX-Ig-Api-Key: \t a key \t\r\n\r\n")
    [environ] = wire.application.environs
    assert environ["HTTP_X_IG_API_KEY"] == "a key"


def test_an_absolute_target_names_the_host_and_cannot_hide_another(wire: Wire) -> None:
    for host in (b"localhost", b"evil.example"):
        wire.send(b"GET http://" + host + b"/a%20b?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    same, other = wire.application.environs
    assert (same["HTTP_HOST"], same["PATH_INFO"], same["QUERY_STRING"]) == ("localhost", "/a b", "q=1")
    assert other["HTTP_HOST"] == "evil.example,localhost"
