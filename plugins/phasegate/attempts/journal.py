"""The journal of an open attempt: what its tests left so far, so that no lost process takes it along."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from pydantic import JsonValue

from phasegate.verdict import TestRecord, TestState

NAME = "journal.jsonl"


class Journal:
    """An append-only file of one JSON object a line; a torn last line is ignored when it is read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._stream: TextIO | None = None

    def append(self, entry: dict[str, JsonValue]) -> None:
        """Appends an entry; it outlives this process once the call returns."""
        if self._stream is None:
            self._stream = self._path.open("a", encoding="utf-8")
        self._stream.write(json.dumps(entry) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Closes the file; a later append opens it again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def remove(self) -> None:
        """Removes the file; what it says stands in the summary by then."""
        self.close()
        self._path.unlink(missing_ok=True)

    def entries(self) -> Iterator[dict[str, Any]]:
        """The whole entries so far, in order."""
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def opening(*, gate: str, session: str, substrate: str) -> dict[str, JsonValue]:
    """The first entry: what the attempt is, and which process runs it."""
    return {"event": "opened", "gate": gate, "session": session, "substrate": substrate, "pid": os.getpid()}


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
