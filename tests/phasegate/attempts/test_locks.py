"""A file system without locks ends in a named error of the evidence."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable

import pytest

from phasegate.attempts.journal import Journal
from phasegate.errors import EvidenceError, ExitCode


@pytest.mark.parametrize(
    "use",
    [
        lambda bench: bench.open("A"),
        lambda bench: bench.make_staging().archive.refresh_index("M9"),
        lambda bench: Journal(bench.root).is_written(),
    ],
    ids=["open an attempt", "write the index", "ask whether one is open"],
)
def test_what_needs_a_lock_and_gets_none_is_told(bench, monkeypatch, use: Callable[[object], object]) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    bench.root.mkdir(exist_ok=True)
    (bench.root / "journal.jsonl").write_bytes(b"")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EvidenceError, match="No locks available") as caught:
        use(bench)
    assert caught.value.exit_code == ExitCode.EVIDENCE
    assert "locks" in caught.value.problems[0].remedy
