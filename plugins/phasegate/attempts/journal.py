"""The journal of an open attempt: what its tests left so far, so that no lost process takes it along."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from phasegate.attempts.layout import explained
from phasegate.evidence.canonical import parsed
from phasegate.evidence.files import UnreadableError, open_regular, read_if_there
from phasegate.verdict import TestRecord, TestState

NAME = "journal.jsonl"


class Journal:
    """An append-only file of one JSON object a line.

    An entry is one write of the system, so it outlives the process once `append` returns. A line torn by a kill
    or a full disk is ignored when the journal is read, and the next entry starts a line of its own.

    Whoever writes it holds a shared lock on it. The lock keeps nobody out; it ends with the process, however that
    ends, and so tells whether the attempt still runs, which a process id that is given out again cannot.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor: int | None = None

    def append(self, entry: dict[str, JsonValue]) -> None:
        """Appends an entry.

        Raises:
            OSError: It cannot be written.
        """
        if self._descriptor is None:
            self._descriptor = self._opened()
        line = (json.dumps(entry) + "\n").encode("ascii")
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            self.close()  # opened again, it sees the torn line and ends it
            raise

    def close(self) -> None:
        """Closes the file and gives up its lock; a later append opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Removes the file; what it says stands in the summary by then."""
        self.close()
        self._path.unlink(missing_ok=True)

    def is_written(self) -> bool:
        """Whether a living process has the journal open for writing.

        Raises:
            EvidenceError: The file system has no locks, so nobody can tell.
        """
        try:
            descriptor = open_regular(self._path)
        except UnreadableError:
            return False
        try:
            with explained("ask whether the attempt is open", self._path):
                return _is_locked(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> Iterator[dict[str, Any]]:
        """The whole entries so far, in order.

        Raises:
            UnreadableError: Something else stands in its place, or it cannot be read.
        """
        for line in (read_if_there(self._path) or b"").split(b"\n"):
            with suppress(ValueError):
                entry = parsed(line)
                if isinstance(entry, dict):
                    yield entry

    def _opened(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                os.write(descriptor, b"\n")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def opening(*, gate: str, session: str, target: Mapping[str, str], clock_note: str | None) -> dict[str, JsonValue]:
    """The first entry: what the attempt is, and which process runs it."""
    return {
        "event": "opened",
        "gate": gate,
        "session": session,
        "target": dict(target),
        "pid": os.getpid(),
        "clock_note": clock_note,
    }


def record_entry(verifier: str, record: TestRecord) -> dict[str, JsonValue]:
    """The entry of one test."""
    return {
        "event": "record",
        "verifier": verifier,
        "nodeid": record.nodeid,
        "state": record.state.value,
        "findings": [list(finding) for finding in record.findings],
        "detail": record.detail,
    }


def record_of(entry: dict[str, Any]) -> tuple[str, TestRecord]:
    """The verifier and the record that an entry carries."""
    findings = tuple((str(code), str(detail)) for code, detail in entry["findings"])
    return entry["verifier"], TestRecord(entry["nodeid"], TestState(entry["state"]), findings, entry["detail"])
