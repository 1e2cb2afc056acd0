"""The life of the substrate process as others see it: start it once, find it, end it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.clients import DEFAULT_REGION, Clients
from infra.emulator.control_client import ControlClient, FaultControl, Unreachable, WorldControl
from infra.emulator.inheritance import server_environment
from infra.emulator.locking import exclusive
from infra.emulator.record import LOCK_FILE, LOG_FILE, Record, code_digest
from infra.emulator.state_dir import clean, make_private, private_file
from infra.errors import SubstrateError
from infra.json_text import read_json
from infra.liveness import is_alive, start_mark, wait_for_end
from infra.service_models import preload

START_TIMEOUT_SECONDS = 30.0
END_TIMEOUT_SECONDS = 5.0
ANSWER_GRACE_SECONDS = 1.0
"""How long a living process may stay silent: it may be ending, its server closes before it does."""
LOG_TAIL_LINES = 15

STACK_SERVICES = ("ec2", "s3", "iam", "ssm", "glue", "lambda", "dynamodb", "kms", "stepfunctions", "eks", "logs")
"""Services whose descriptions are worth reading while a start is waited for."""


class OutdatedError(SubstrateError):
    """A running substrate was started from other code than there is now."""


@dataclass(frozen=True, slots=True)
class SubstrateProcess:
    """A running substrate.

    Attributes:
        state_dir: Where its state file and log lie.
        record: Its state file.
        started_here: Whether the call that returned this object started the process.
    """

    state_dir: Path
    record: Record
    started_here: bool = False

    @property
    def endpoint_url(self) -> str:
        """Where every AWS client of this substrate must point."""
        return self.record.endpoint_url

    @property
    def pid(self) -> int:
        """The process id."""
        return self.record.pid

    @property
    def control(self) -> ControlClient:
        """The private path."""
        return ControlClient(self.record)

    @property
    def faults(self) -> FaultControl:
        """Faults to order."""
        return FaultControl(self.control)

    @property
    def worlds(self) -> WorldControl:
        """The recorded worlds, and fresh account ids."""
        return WorldControl(self.control)

    @property
    def runs_current_code(self) -> bool:
        """Whether the process was started from the sources as they are now."""
        return self.record.digest == code_digest()

    def health(self) -> dict[str, Any]:
        """What the process says of itself: pid, versions, uptime, worlds, owners, defects."""
        answer: dict[str, Any] = self.control.call("GET", "health")
        return answer

    def clients(self, account_id: str, region: str = DEFAULT_REGION) -> Clients:
        """AWS clients of one world."""
        return Clients.embedded(self.endpoint_url, account_id, region, secret_key=self.record.secret_key)

    def stop(self) -> None:
        """End the process, by request, then by signal; returns when it is gone.

        Raises:
            SubstrateError: It is still there after all.
        """
        try:
            self.control.call("POST", "shutdown")
        except SubstrateError:
            self._signal(signal.SIGTERM)
        if not self._gone_within(END_TIMEOUT_SECONDS):
            self._signal(signal.SIGKILL)
            if not self._gone_within(END_TIMEOUT_SECONDS):
                raise SubstrateError(
                    fact=f"the substrate process {self.pid} does not end",
                    place=str(self.state_dir),
                    remedy=f"end process {self.pid} by hand",
                )
        self.record.erase(self.state_dir)

    def _signal(self, number: signal.Signals) -> None:
        if is_alive(self.pid, self.record.started):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        wait_for_end(self.pid, self.record.started, lambda: time.monotonic() >= deadline)
        return not is_alive(self.pid, self.record.started)


def default_state_dir(start: Path | None = None) -> Path:
    """Where the substrate that `phasegate substrate up` keeps is found.

    Args:
        start: A folder of the project; the current one if None. The project's root is the nearest folder upward
            that holds a pyproject.toml, else the folder itself.
    """
    folder = (start or Path.cwd()).resolve()
    roots = (parent for parent in (folder, *folder.parents) if (parent / "pyproject.toml").is_file())
    return next(roots, folder) / ".phasegate" / "substrate"


def find(state_dir: Path) -> SubstrateProcess | None:
    """The living, answering substrate of a state directory, whatever code it runs.

    A state file whose process is gone is removed.

    Raises:
        SubstrateError: The process lives but does not answer.
    """
    record = Record.read(state_dir)
    if record is None:
        return None
    deadline = time.monotonic() + ANSWER_GRACE_SECONDS
    while is_alive(record.pid, record.started):
        process = SubstrateProcess(state_dir, record)
        try:
            process.health()
        except Unreachable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
        else:
            return process
    record.erase(state_dir)
    return None


def attach(state_dir: Path) -> SubstrateProcess | None:
    """The substrate of a state directory, if it is alive and answers.

    Raises:
        OutdatedError: It runs other code than there is now, so what it shows is not this code's platform.
        SubstrateError: The process lives but does not answer.
    """
    process = find(state_dir)
    if process is not None and not process.runs_current_code:
        raise OutdatedError(
            fact=f"the substrate, process {process.pid}, runs other code than this checkout",
            place=str(state_dir),
            remedy="`phasegate substrate up` replaces it, `phasegate substrate down` ends it",
        )
    return process


def put_down(state_dir: Path) -> SubstrateProcess | None:
    """Ends the substrate of a state directory and removes everything that it left there.

    Returns:
        What was ended; None if nothing ran.

    Raises:
        SubstrateError: It does not answer or does not end, or something cannot be removed.
    """
    if not state_dir.is_dir():
        return None
    with exclusive(state_dir / LOCK_FILE, START_TIMEOUT_SECONDS):
        process = find(state_dir)
        if process is not None:
            process.stop()
        clean(state_dir)
    return process


def ensure_running(
    state_dir: Path, *, owner_pid: int | None, port: int = 0, timeout: float = START_TIMEOUT_SECONDS
) -> SubstrateProcess:
    """The one substrate of a state directory, started if need be; safe to call from several processes at once.

    A substrate that runs older code is replaced, unless a living process owns it.

    Args:
        state_dir: Holds the state file, the log and the lock; made if missing, and the user's alone.
        owner_pid: The process whose end ends the substrate, even by kill -9. An owner that joins a substrate
            owned by others keeps it alive as well. None: it stays until `stop`.
        port: The port on the loopback; 0 lets the system choose.
        timeout: Seconds for the start, another's start included.

    Raises:
        SubstrateError: It cannot be started (the message ends with its log), the port is taken, or a substrate of
            other code or another port is in use.
    """
    make_private(state_dir)
    owner = None if owner_pid is None else (owner_pid, _owner_mark(owner_pid))
    with exclusive(state_dir / LOCK_FILE, timeout):
        running = find(state_dir)
        if running is not None and not running.runs_current_code:
            _replaceable_or_raise(running)
            running.stop()
            running = None
        if running is not None and _joined(running, owner):
            _require_port(running, port)
            return running
        return _start(state_dir, owner, port, timeout)


def _joined(process: SubstrateProcess, owner: tuple[int, str] | None) -> bool:
    try:
        if owner is None:
            answer = process.control.call("POST", "keep")
        else:
            answer = process.control.call("POST", "owners", {"pid": owner[0], "started": owner[1]})
    except Unreachable:
        answer = {"accepted": False}
    if not answer["accepted"]:
        wait_for_end(process.pid, process.record.started, lambda: False)
    return bool(answer["accepted"])


def _owner_mark(pid: int) -> str:
    mark = start_mark(pid)
    if not mark:
        raise SubstrateError(
            fact=f"process {pid}, which is to own the substrate, does not exist",
            place="owner_pid",
            remedy="name a living process, or None for a substrate that stays",
        )
    return mark


def _replaceable_or_raise(process: SubstrateProcess) -> None:
    owners = process.health()["owners"]
    if owners:
        raise SubstrateError(
            fact=f"a substrate that runs other code is in use by process {', '.join(map(str, owners))}",
            place=str(process.state_dir),
            remedy="wait for that session to end, or name another state directory",
        )


def _require_port(process: SubstrateProcess, port: int) -> None:
    if port not in (0, urlsplit(process.endpoint_url).port):
        raise SubstrateError(
            fact=f"a substrate is running at {process.endpoint_url}, not on port {port}",
            place=str(process.state_dir),
            remedy="use it as it is, or end it first: `phasegate substrate down`",
        )


def _start(state_dir: Path, owner: tuple[int, str] | None, port: int, timeout: float) -> SubstrateProcess:
    ready, told = os.pipe()
    command = [sys.executable, "-m", "infra.emulator.server", "--state-dir", str(state_dir.resolve())]
    command += ["--port", str(port), "--ready-fd", str(told)]
    if owner is not None:
        command += ["--owner", f"{owner[0]}:{owner[1]}"]
    try:
        with open(state_dir / LOG_FILE, "wb", opener=private_file) as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=server_environment(),
                cwd=state_dir,
                pass_fds=[told],
                start_new_session=True,
            )
    except OSError as error:
        os.close(ready)
        raise SubstrateError(
            fact=f"the substrate process cannot be started: {error}",
            place=str(state_dir),
            remedy="make the state directory writable and the interpreter runnable",
        ) from error
    finally:
        os.close(told)
    with _reading_descriptions():
        message = _message(ready, timeout)
    if message is None or message:
        child.kill()
        child.wait()
        raise _failed_start(state_dir, message, timeout)
    # The child is meant to outlive this object, and this process with a `None` owner; somebody reaps it at its end.
    threading.Thread(target=child.wait, daemon=True).start()
    record = Record.read(state_dir)
    if record is None or record.pid != child.pid:
        raise _failed_start(state_dir, None, timeout)
    return SubstrateProcess(state_dir, record, started_here=True)


@contextmanager
def _reading_descriptions() -> Iterator[None]:
    """Use an idle wait for what comes next: whoever starts a substrate is about to make clients."""
    over = threading.Event()
    wanted = takewhile(lambda _: not over.is_set(), STACK_SERVICES)
    reading = threading.Thread(target=preload, args=(wanted,))
    reading.start()
    try:
        yield
    finally:
        over.set()
        reading.join()  # a thread that still imports when the interpreter ends breaks


def _message(descriptor: int, timeout: float) -> dict[str, str] | None:
    """What the child says: {} when it is ready, its problem if it has one, None if it says nothing in time."""
    deadline = time.monotonic() + timeout
    text = b""
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        while (left := deadline - time.monotonic()) > 0 and select.select([pipe], [], [], left)[0]:
            chunk = pipe.read(65536)
            if not chunk:
                break
            text += chunk
    try:
        message: dict[str, str] = read_json(text)
    except ValueError:
        return None
    return message


def _failed_start(state_dir: Path, message: dict[str, str] | None, timeout: float) -> SubstrateError:
    if message:
        return SubstrateError(message["fact"], message["place"], message["remedy"])
    return SubstrateError(
        fact=f"the substrate process did not come up within {timeout:g} seconds; its log ends:\n{_log_tail(state_dir)}",
        place=str(state_dir / LOG_FILE),
        remedy="fix what the log says; `make venv` restores the locked environment",
    )


def _log_tail(state_dir: Path) -> str:
    try:
        lines = (state_dir / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-LOG_TAIL_LINES:]) or "(the log is empty)"
