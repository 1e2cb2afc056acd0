"""Child sessions of pytest that need not import the libraries again: each is forked from a process that has them.

Half of a small session's time is the import of pytest, boto3, pydantic and the like. A process that imported them once
waits on a socket, and forks for each session: the child gets its own arguments, folder, environment and outputs, and
imports the framework under test, the project's plugins and everything else as a fresh process does. Whatever changes
how Python itself starts is refused, and the caller starts a process of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_PRELOADED = """
import socket, sys, os, json, runpy
import pytest, boto3, botocore.client, botocore.config, pydantic, yaml, jsonschema, referencing, rfc8785
import cryptography.hazmat.primitives.asymmetric.ed25519, securesystemslib.signer, securesystemslib.dsse
import detect_secrets.core.scan, detect_secrets.settings, detect_secrets.core.secrets_collection
import importlib.metadata, concurrent.futures, multiprocessing.connection, unittest.mock, xml.etree.ElementTree, zipfile

def serve(line):
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, 1 << 20, 2)
        if not message:
            os._exit(0)
        told = json.loads(message)
        child = os.fork()
        if not child:
            return told, descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        line.sendall(b"%d\\n" % os.waitstatus_to_exitcode(status))

line = socket.socket(fileno=int(sys.argv[1]))
told, descriptors = serve(line)
line.close()
for number, descriptor in zip((1, 2), descriptors):
    os.dup2(descriptor, number)
    os.close(descriptor)
os.environ.clear()
os.environ.update(told["environment"])
os.chdir(told["folder"])
sys.argv[:] = ["pytest", *told["arguments"]]
sys.path[:] = [told["folder"], *told["paths"], *(path for path in sys.path[1:])]
del socket, json, serve, line, descriptors, told
runpy.run_module("pytest", run_name="__main__", alter_sys=True)
"""
_TIMEOUT_S = 300.0
_START_UP = ("PYTHON", "LC_", "LANG", "COVERAGE", "COV_")
_HARMLESS = frozenset({"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})


class Forks:
    """Forks sessions of pytest, one at a time."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        self._replies = self._line.makefile("rb")
        self._start_up = _start_up(os.environ)
        command = [sys.executable, "-c", _PRELOADED, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, cwd="/")
        theirs.close()

    def takes(self, environment: Mapping[str, str]) -> bool:
        """Whether a session in this environment starts as a fresh process would."""
        return _start_up(environment) == self._start_up and self._process.poll() is None

    def start(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], out: int, err: int) -> None:
        """Starts a session of pytest.

        Args:
            arguments: Those behind `python -m pytest`.
            folder: Where it runs.
            environment: Its environment.
            out: Descriptor that takes its output.
            err: Descriptor that takes its errors.
        """
        paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
        told = {"arguments": [*arguments], "folder": str(folder), "environment": {**environment}, "paths": paths}
        socket.send_fds(self._line, [json.dumps(told).encode()], [out, err])

    def wait(self, timeout: float | None = _TIMEOUT_S) -> int:
        """Waits for the session that was started; gives its exit code, below zero for a signal.

        Raises:
            TimeoutError: It does not end; nothing can be forked any more.
        """
        if not select.select([self._line], [], [], timeout)[0]:
            self._process.kill()
            raise TimeoutError(f"the session did not end in {timeout} s")
        return int(self._replies.readline())

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
        """Runs a session to its end; gives its exit code, and all that it printed."""
        with tempfile.TemporaryFile() as output:
            self.start(arguments, folder, environment, output.fileno(), output.fileno())
            code = self.wait()
            output.seek(0)
            return code, output.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Ends the process that forks."""
        self._replies.close()
        self._line.close()
        self._process.wait()


@cache
def forks() -> Forks:
    """What forks the sessions of this process."""
    made = Forks()
    atexit.register(made.close)
    return made


def _start_up(environment: Mapping[str, str]) -> dict[str, str]:
    """What of an environment Python reads before anything else."""
    return {name: value for name, value in environment.items() if name.startswith(_START_UP) and name not in _HARMLESS}


class Forked:
    """A session that was forked, as `pytester` waits for it."""

    stdin = None

    def __init__(self, forks: Forks) -> None:
        self._forks = forks

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code."""
        return self._forks.wait(timeout)
