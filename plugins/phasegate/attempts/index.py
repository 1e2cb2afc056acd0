"""RUN_INDEX.md: the attempts of a phase for people; derived from the folders, never the source of anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import replace_file
from phasegate.attempts.present import target_in_words
from phasegate.printable import in_one_line

NAME = "RUN_INDEX.md"
_NOT_COMMITTED = " |  |  | "
"""In the row of an attempt that has no verdict and no blockers yet."""


def write_index(folder: Path, records: Sequence[AttemptRecord]) -> None:
    """Replaces the index of a phase's folder.

    Args:
        folder: The phase's folder.
        records: Its attempts, in order.
    """
    replace_file(folder / NAME, _text(_head(folder.name), records))


def index_lies(
    folder: Path, data: bytes, records: Sequence[AttemptRecord], doubtful: Collection[str], gone: Collection[str]
) -> list[str]:
    """What an index says that no earlier look at the same attempts could have said.

    An index that is merely behind says nothing wrong: an attempt may have been committed, pruned or superseded since.

    Args:
        folder: The phase's folder.
        data: The index.
        records: The attempts that are there.
        doubtful: Those whose own summaries do not verify, so that the index may be right and they not.
        gone: The attempts that were pruned.
    """
    head = _head(folder.name)
    lines = data.decode("utf-8", errors="replace").split("\n")
    if lines[: len(head)] != head or lines[-1:] != [""]:
        return ["it does not have the form of an index: something else wrote it"]
    known = {record.execution_id: record for record in records}
    lies = []
    for line in lines[len(head) : -1]:
        name = line.removeprefix("| ").partition(" ")[0]
        record = known.get(name)
        if ExecutionId.parse(name) is None or not line.endswith(" |"):
            lies.append(f"a line of it is no row of an attempt: {line[:80]!r}")
        elif record is None:
            if name not in gone and _NOT_COMMITTED not in line:
                lies.append(f"it names {name}, which is not there")
        elif name not in doubtful and not line.startswith((_fixed(record), _open(record))):
            lies.append(f"it does not say of {name} what its summary says")
    return lies


def is_current(folder: Path, data: bytes, records: Sequence[AttemptRecord]) -> bool:
    """Whether an index says what the folders say now."""
    return data == _text(_head(folder.name), records)


def cells(record: AttemptRecord) -> tuple[str, ...]:
    """An attempt as a row: id, gate with alias, target, verdict, blockers, standing."""
    gate = f"{record.gate} ({record.alias})" if record.alias else record.gate
    return (
        record.execution_id,
        gate,
        target_in_words(record.target),
        record.verdict or "",
        ", ".join((*record.blockers, *(f"{code} (waived)" for code in record.waived))),
        record.standing,
    )


def _head(phase: str) -> list[str]:
    return [
        f"# Attempts of {phase.upper()}",
        "",
        "Derived from the attempts' folders; `phasegate runs` prints the same.",
        "",
        "| attempt | gate | target | verdict | blockers | standing |",
        "| --- | --- | --- | --- | --- | --- |",
    ]


def _text(head: Sequence[str], records: Sequence[AttemptRecord]) -> bytes:
    rows = (f"{_fixed(record)}{_cell(record.standing)} |" for record in records)
    return "".join(f"{line}\n" for line in (*head, *rows)).encode("utf-8")


def _fixed(record: AttemptRecord) -> str:
    """The row of an attempt without its standing, which alone may change."""
    return "| " + "".join(f"{_cell(value)} | " for value in cells(record)[:-1])


def _open(record: AttemptRecord) -> str:
    """The same as it was before the attempt was committed."""
    return _fixed(replace(record, verdict=None, blockers=(), waived=()))


def _cell(value: str) -> str:
    return in_one_line(value).replace("|", "\\|")
