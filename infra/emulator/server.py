"""The substrate process: `python -m infra.emulator.server`, started by `infra.emulator.process`.

The order is made for speed: bind, import the small core of the emulator, check and apply the patches, serve; the
heavy backends are imported behind running requests. One line of JSON on the descriptor `--ready-fd` tells the
starter that requests are answered, or what stopped the start.
"""

# ruff: noqa: PLC0415 - the port is bound, and options are read, before anything heavy is imported

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import resource
import secrets
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.emulator.record import LOG_FILE, Record, code_digest
from infra.emulator.state_dir import FUNCTIONS_FOLDER
from infra.errors import SubstrateError
from infra.liveness import is_alive, start_mark, wait_for_end

if TYPE_CHECKING:
    from infra.emulator.dispatch import Dispatcher

LOG = logging.getLogger("phasegate.substrate")
HOST = "127.0.0.1"
MAX_DESCRIPTORS = 2_048
MAX_LOG_BYTES = 4 << 20
"""How large the log grows before it begins anew; the one before it is kept beside it."""

WARM_BACKENDS = (
    "iam",
    "s3",
    "kms",
    "ec2",
    "ssm",
    "kafka",
    "glue",
    "dynamodb",
    "awslambda",
    "apigatewayv2",
    "sqs",
    "eks",
    "logs",
    "sts",
    "stepfunctions",
)
"""Backends in the order in which the stacks come to them; the executor of Step Functions is by far the slowest."""

WARM_SWITCH_INTERVAL_SECONDS = 0.0005
"""How soon a waiting request gets the interpreter from the importing thread (Python's default: ten times that)."""


@dataclass(slots=True)
class Lifetime:
    """When the process ends: on request, or when its last owner is gone and nobody asked it to stay."""

    ending: threading.Event
    lock: threading.Lock
    owners: dict[int, str]
    kept: bool

    @classmethod
    def of(cls, owner: tuple[int, str] | None) -> Lifetime:
        """The lifetime of a process with one owner, or one that stays until it is told to end."""
        return cls(threading.Event(), threading.Lock(), {}, kept=owner is None)

    def add_owner(self, pid: int, mark: str) -> bool:
        """Watch one more owner; False if it is gone already or the process is ending."""
        with self.lock:
            if self.ending.is_set() or not is_alive(pid, mark):
                return False
            if self.owners.get(pid) != mark:
                self.owners[pid] = mark
                threading.Thread(target=self._watch, args=(pid, mark), name=f"owner-{pid}", daemon=True).start()
            return True

    def keep(self) -> bool:
        """Outlive every owner; False if the process is ending."""
        with self.lock:
            self.kept = self.kept or not self.ending.is_set()
            return not self.ending.is_set()

    def end(self) -> None:
        """End the process."""
        with self.lock:
            self.ending.set()

    def _watch(self, pid: int, mark: str) -> None:
        wait_for_end(pid, mark, self.ending.is_set)
        with self.lock:
            if self.owners.get(pid) == mark:
                del self.owners[pid]
            if not self.owners and not self.kept:
                LOG.info("the last owner, process %d, is gone", pid)
                self.ending.set()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the substrate until it is told to end; returns the exit code."""
    options = _options(argv)
    os.umask(0o077)
    _log_to(options.state_dir / LOG_FILE)
    _raise_descriptor_limit()
    functions = options.state_dir / FUNCTIONS_FOLDER
    shutil.rmtree(functions, ignore_errors=True)  # what a process left that was killed
    lifetime = Lifetime.of(options.owner)
    signal.signal(signal.SIGTERM, lambda *_: lifetime.ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        record, server, dispatcher = _start(options, lifetime)
    except SubstrateError as error:
        problem = error.problems[0]
        _tell(options.ready_fd, {"fact": problem.fact, "place": problem.place, "remedy": problem.remedy})
        return error.exit_code
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    record.write(options.state_dir)
    _tell(options.ready_fd, {})
    _leave_streams()
    LOG.info("ready at %s", record.endpoint_url)
    threading.Thread(target=_warm, args=(dispatcher, lifetime), daemon=True).start()
    lifetime.ending.wait()
    server.shutdown()
    record.erase(options.state_dir)
    shutil.rmtree(functions, ignore_errors=True)
    LOG.info("ended")
    return 0


def _log_to(path: Path) -> None:
    """Logs to a file that keeps its bound; what is logged before the handler is there goes to the same file."""
    handler = RotatingFileHandler(path, maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8")
    layout = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, handlers=[handler], format=layout)
    for noisy in ("werkzeug", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    threading.excepthook = lambda broken: LOG.error(
        "a thread broke", exc_info=broken.exc_value or RuntimeError(str(broken.exc_type))
    )


def _raise_descriptor_limit() -> None:
    """Makes room for every connection that the server takes, and for the pipes of functions."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MAX_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leave_streams() -> None:
    """Writes no more to the standard streams, which are the log's file without its bound."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _start(options: argparse.Namespace, lifetime: Lifetime) -> tuple[Record, Any, Dispatcher]:
    bound = _bind(options.port)
    port = bound.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)

    from infra.emulator.application import Application
    from infra.emulator.control import ControlPlane, Worlds
    from infra.emulator.credentials import Keys
    from infra.emulator.dispatch import Dispatcher
    from infra.emulator.edge.data_plane import DataPlane
    from infra.emulator.faults import FaultBook
    from infra.emulator.httpd import Server
    from infra.emulator.patches import PATCHES, apply_at_start

    apply_at_start()
    if options.owner is not None and not lifetime.add_owner(*options.owner):
        raise SubstrateError(
            fact=f"the process {options.owner[0]} that is to own the substrate is gone",
            place="--owner",
            remedy="start it for a living process, or without an owner",
        )
    faults = FaultBook()
    dispatcher = Dispatcher(faults)
    record = Record(
        pid=os.getpid(),
        started=start_mark(os.getpid()),
        endpoint_url=f"http://{HOST}:{port}",
        token=secrets.token_hex(16),
        digest=code_digest(),
    )
    data_plane = DataPlane(options.state_dir / FUNCTIONS_FOLDER, record.endpoint_url, dispatcher.turn)
    dispatcher.run_functions(data_plane.invoke)
    control = ControlPlane(
        token=record.token,
        identity={
            "pid": record.pid,
            "endpoint_url": record.endpoint_url,
            "digest": record.digest,
            "moto": version("moto"),
            "patches": [patch.name for patch in PATCHES],
        },
        worlds=Worlds(),
        faults=faults,
        condition=lambda: {
            "owners": sorted(lifetime.owners),
            "kept": lifetime.kept,
            "defects": dispatcher.defects,
            "accounts_seen": dispatcher.accounts_seen,
        },
        add_owner=lifetime.add_owner,
        keep=lifetime.keep,
        shut_down=lifetime.end,
    )
    application = Application(control, data_plane, dispatcher, Keys(record.secret_key))
    return record, Server(bound, application), dispatcher


def _warm(dispatcher: Dispatcher, lifetime: Lifetime) -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(WARM_SWITCH_INTERVAL_SECONDS)
    for backend in WARM_BACKENDS:
        if lifetime.ending.is_set():
            return
        dispatcher.prepare(backend)
    sys.setswitchinterval(usual)


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen(socket.SOMAXCONN)
    except OSError as error:
        bound.close()
        taken = error.errno == errno.EADDRINUSE
        raise SubstrateError(
            fact=f"port {port} is taken by another program" if taken else f"port {port} cannot be used: {error}",
            place=f"{HOST}:{port}",
            remedy="end that program, name another port (--port), or leave the port open (--port 0)",
        ) from error
    return bound


def _tell(descriptor: int, message: dict[str, str]) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        json.dump(message, pipe)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="infra.emulator.server", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--owner", type=_owner, default=None, metavar="PID:MARK")
    parser.add_argument("--ready-fd", type=int, required=True)
    return parser.parse_args(argv)


def _owner(text: str) -> tuple[int, str]:
    pid, _, mark = text.partition(":")
    return int(pid), mark


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Threads of the emulator (executions, open connections) must not hold the process back.
    os._exit(code)
