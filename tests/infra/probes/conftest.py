"""Real worlds of the embedded substrate, and servers that misbehave as real ones do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.clients import Clients
from infra.emulator.faults import Fault
from infra.emulator.process import SubstrateProcess, ensure_running
from infra.handles import load
from infra.stacks import ensure_all, handles_of

REGISTRY = Path(__file__).parents[3] / "infra/handles/dev_full_handles.registry.v0.md"


@dataclass
class World:
    """An account with its stacks, the handles that point at them, and ways to break it."""

    substrate: SubstrateProcess
    clients: Clients
    handles: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def fault(self, **criteria: Any) -> Iterator[None]:
        """Answers matching requests of this world with a fault."""
        with self.substrate.faults.injected(Fault(account_id=self.clients.account_id, **criteria)):
            yield


def build(substrate: SubstrateProcess) -> World:
    clients = substrate.clients(substrate.worlds.fresh_account())
    results = ensure_all(clients)
    assert [result.error for result in results] == [""] * 5
    values = {handle.name: handle.value for handle in load(REGISTRY).handles if handle.resolved}
    return World(substrate, clients, values | handles_of(results))


@pytest.fixture(scope="session")
def substrate(tmp_path_factory: pytest.TempPathFactory) -> SubstrateProcess:
    """A substrate that ends with the session; every worker of one run joins the same one."""
    base = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    shared: Path = base.parent if is_worker else base
    owner = os.getppid() if is_worker else os.getpid()
    return ensure_running(shared / "substrate", owner_pid=owner)


@pytest.fixture(scope="session")
def shared_world(substrate: SubstrateProcess) -> Iterator[World]:
    world = build(substrate)
    yield world
    world.clients.close()


@pytest.fixture
def world(shared_world: World) -> World:
    """A world that tests look at and break with faults alone; what a test puts into it, it takes out again."""
    return World(shared_world.substrate, shared_world.clients, dict(shared_world.handles))


@pytest.fixture
def own_world(substrate: SubstrateProcess) -> Iterator[World]:
    """A world of this test's own, to break for good."""
    made = build(substrate)
    yield made
    made.clients.close()


@dataclass
class Answering:
    """What a local HTTP server answers to every request."""

    url: str
    status: int = 200
    body: bytes = b""
    content_type: str = "text/html"
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)

    def clients(self) -> Clients:
        """Clients that take this server for the substrate."""
        return Clients.embedded(self.url, "000000000000", read_timeout=5)


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.seen.append((self.command, self.path, sent))
            self.send_response(made.status)
            self.send_header("Content-Type", made.content_type)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(made.body)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Answering(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def refusing() -> str:
    """The URL of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def clients_of() -> Iterator[Callable[[str], Clients]]:
    """Makes clients of any local URL, and closes them."""
    made: list[Clients] = []

    def make(url: str, read_timeout: float = 5) -> Clients:
        made.append(Clients.embedded(url, "000000000000", read_timeout=read_timeout))
        return made[-1]

    yield make
    for clients in made:
        clients.close()
