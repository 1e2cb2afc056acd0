"""RUN_INDEX.md: the attempts of a phase for people; derived from the folders, never the source of anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.layout import replace_file
from phasegate.attempts.present import target_in_words
from phasegate.printable import in_one_line

NAME = "RUN_INDEX.md"


def write_index(folder: Path, records: Sequence[AttemptRecord]) -> None:
    """Replaces the index of a phase's folder.

    Args:
        folder: The phase's folder.
        records: Its attempts, in order.
    """
    lines = [
        f"# Attempts of {folder.name.upper()}",
        "",
        "Derived from the attempts' folders; `phasegate runs` prints the same.",
        "",
        "| attempt | gate | target | verdict | blockers | standing |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(_cell(value) for value in cells(record))} |" for record in records]
    replace_file(folder / NAME, ("\n".join(lines) + "\n").encode("utf-8"))


def cells(record: AttemptRecord) -> tuple[str, ...]:
    """An attempt as a row: id, gate with alias, target, verdict, blockers, standing."""
    gate = f"{record.gate} ({record.alias})" if record.alias else record.gate
    return (
        record.execution_id,
        gate,
        target_in_words(record.target),
        record.verdict or "",
        ", ".join(record.blockers),
        record.standing,
    )


def _cell(value: str) -> str:
    return in_one_line(value).replace("|", "\\|")
