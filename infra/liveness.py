"""Whether a process is alive, and still the same one; and waiting for its end.

A pid alone names nobody for long: the system gives it to another process. Here a process is a pid together with a
mark of when it started.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

POLL_SECONDS = 0.2
PROC = Path("/proc/self")
STAT_START_TIME_FIELD = 19
"""Field 22 of /proc/<pid>/stat (start time in clock ticks), counted after the command name's closing bracket."""

UNKNOWN_START = ""


def start_mark(pid: int) -> str:
    """When a process started, in a form that only serves to be compared; empty if there is no such process."""
    if PROC.is_dir():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return UNKNOWN_START
        fields = stat.rpartition(")")[2].split()
        state, started = fields[0], fields[STAT_START_TIME_FIELD]
        return UNKNOWN_START if state in "ZX" else started
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def is_alive(pid: int, mark: str) -> bool:
    """Tell whether the process with this pid is the one that started at this mark, and has not ended."""
    return mark != UNKNOWN_START and start_mark(pid) == mark


def wait_for_end(pid: int, mark: str, gave_up: Callable[[], bool]) -> None:
    """Block until a process has ended, however it ended.

    On Linux the kernel reports the end at once through a pidfd; elsewhere it is looked for several times a second.

    Args:
        pid: The process.
        mark: Its start mark; another process under the same pid counts as ended.
        gave_up: Asked now and then; True ends the waiting.
    """
    descriptor = _pidfd(pid)
    try:
        # The pidfd is opened first and the mark compared after it, so the descriptor is surely that process's.
        while is_alive(pid, mark) and not gave_up():
            if descriptor is None:
                time.sleep(POLL_SECONDS)
            elif _ended_within(descriptor, POLL_SECONDS):
                return
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _pidfd(pid: int) -> int | None:
    open_pidfd = getattr(os, "pidfd_open", None)
    if open_pidfd is None:
        return None
    try:
        return int(open_pidfd(pid))
    except OSError:
        return None


def _ended_within(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
