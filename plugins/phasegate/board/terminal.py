"""The board in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.table import Table
from rich.text import Text

from phasegate.board.model import Board, PhaseView, State, age
from phasegate.board.svg import MARKS
from phasegate.printable import in_one_line

_COLOUR: Final = {
    State.ADVANCES: "green",
    State.BLOCKED: "red",
    State.STALE: "yellow",
    State.UNSOUND: "red",
    State.NOT_RUN: "bright_black",
}


def board_rows(board: Board) -> Iterator[Text | Table]:
    """What is printed of a board, in order."""
    for phase in board.phases:
        yield from _phase(phase, board)


def _phase(phase: PhaseView, board: Board) -> Iterator[Text | Table]:
    where = f" ({phase.target})" if phase.target else ""
    yield Text(in_one_line(f"{phase.id} {phase.title}{where}"), style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in ("gate", "verdict", "blockers", "owner", "age", "attempts"):
        table.add_column(name, overflow="fold")
    for view in phase.gates:
        failed = sum(bool(attempt.blockers) for attempt in view.attempts)
        table.add_row(
            _said(f"{MARKS[view.state]} {view.gate.id}"),
            _said(view.word, _COLOUR[view.state]),
            _said(", ".join(blocker.code for blocker in view.blockers)),
            _said(view.gate.owner),
            _said(age(view.moment, board.at)),
            _said(f"{len(view.attempts)}" + (f", {failed} blocked" if failed else "")),
        )
    yield table
    for other in phase.others:
        yield _said(f"attempts also on {other}", "bright_black")
    following = phase.next
    if following is None:
        yield _said(f"{phase.id} advances: {phase.advancing} of {len(phase.gates)} gates", "bold green")
        return
    yield _said(f"{phase.advancing} of {len(phase.gates)} gates advance", "bold")
    command = f": {following.command}" if following.command else ""
    yield _said(f"next: {following.gate.id}: {following.next_step}{command}")
    if not following.blockers and following.why:
        yield _said(f"      {following.why}")


def _said(text: str, style: str = "") -> Text:
    return Text(in_one_line(text), style=style)
