"""One process that runs one version of one function."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

from infra.clients import embedded_environment
from infra.emulator.credentials import for_role
from infra.emulator.edge.functions import Function
from infra.emulator.edge.interpreters import interpreter, mismatch, sdk
from infra.emulator.edge.logs import LogPump, LogTarget

_RUNTIME = Path(__file__).with_name("runtime.py")
_LENGTH = struct.Struct(">I")
_HEAD = 1 + _LENGTH.size
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


class WorkerGoneError(Exception):
    """The process ended before it answered."""


class Worker:
    """A warm process; one caller at a time.

    Args:
        function: What it runs.
        root: The unpacked deployment package.
        endpoint_url: The substrate, which is where every AWS call of the function goes.
        logs: Takes what it prints.
        ended: Called when the process has ended.

    Attributes:
        version: Which version of which function it runs.
        target: Where its lines go.
        idle_since: When it was last given back, in seconds of the monotonic clock.
    """

    def __init__(
        self,
        function: Function,
        root: Path,
        endpoint_url: str,
        logs: LogPump,
        *,
        ended: Callable[[], None],
    ) -> None:
        self._ended = ended
        self.version = function.version
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
        self.target = LogTarget(function.account_id, function.region, function.log_group, stream)
        self.idle_since = time.monotonic()
        events_out, self._events = os.pipe()
        self._results, results_in = os.pipe()
        printed, printing = os.pipe()
        python, _ = interpreter(function.runtime)
        # Isolated and without `site`: neither variables nor packages of this environment reach it.
        command = [python, "-I", "-S", "-B", "-X", "utf8", str(_RUNTIME)]
        command += [
            str(events_out),
            str(results_in),
            str(root),
            json.dumps(sdk()),
            function.handler,
            str(function.memory_mb),
        ]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                env=_environment(function, root, endpoint_url, stream),
                pass_fds=[events_out, results_in],
                start_new_session=True,
            )
        finally:
            for descriptor in (events_out, results_in, printing):
                os.close(descriptor)
        logs.follow(printed, self.target)
        if (said := mismatch(function.runtime)) is not None:
            logs.say(self.target, f"[WARNING] {said}")

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send(self, request_id: str, arn: str, deadline: float, payload: bytes) -> None:
        """Hands it an event.

        Args:
            request_id: The invocation's id.
            arn: The function's ARN.
            deadline: When the function's time is over, in seconds since the epoch.
            payload: The event as JSON.

        Raises:
            WorkerGoneError: The process is gone.
        """
        facts = json.dumps({"request_id": request_id, "arn": arn, "deadline": deadline}).encode()
        view = memoryview(_LENGTH.pack(len(facts)) + facts + _LENGTH.pack(len(payload)) + payload)
        try:
            while view:
                view = view[os.write(self._events, view) :]
        except OSError as error:
            raise WorkerGoneError from error

    def receive(self, until: float) -> tuple[bool, bytes] | None:
        """Waits for the result of the event.

        Args:
            until: How long, in seconds of the monotonic clock.

        Returns:
            Whether the handler returned, and its result or its error as JSON; None if it did neither by then. It
            may be called again then.

        Raises:
            WorkerGoneError: The process ended without a result.
        """
        poll = select.poll()
        poll.register(self._results, select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1_000):
            return None
        head = self._read(_HEAD)
        return head[:1] == b"R", self._read(_LENGTH.unpack(head[1:])[0])

    def exit_code(self) -> int:
        """How the process ended; it must be ending."""
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for descriptor in (self._events, self._results):
            os.close(descriptor)
        self._ended()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = os.read(self._results, size - len(data))
            if not part:
                raise WorkerGoneError
            data += part
        return data


def _environment(function: Function, root: Path, endpoint_url: str, stream: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "LAMBDA_TASK_ROOT": str(root),
        "NO_PROXY": "*",
        "TZ": ":UTC",
    }
    session = for_role(function.role, function.region, function.name)
    return kept | function.environment | own | embedded_environment(endpoint_url, function.region, *astuple(session))
