"""The board as one picture: the chain of gates with state, verdict, what blocks and who owns it, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from phasegate.board.model import Board, GateView, PhaseView, State, age
from phasegate.printable import in_one_line
from phasegate.verdict import GateJudgement, Outcome

WIDTH: Final = 960
_ROW, _HEAD, _PAD = 46, 74, 24
MARKS: Final = {State.ADVANCES: "✓", State.BLOCKED: "✕", State.STALE: "↻", State.UNSOUND: "!", State.NOT_RUN: "-"}
"""A sign for each state, so that no colour has to be told from another."""
_STATE_OF: Final = {
    Outcome.PASSED: State.ADVANCES,
    Outcome.BLOCKED: State.BLOCKED,
    Outcome.ERRORED: State.UNSOUND,
    Outcome.NOT_EVALUATED: State.NOT_RUN,
}
_FRAME: Final = f'width="100%" style="max-width: {WIDTH}px" role="img" aria-labelledby="title description"'
_STYLE: Final = """
  :root { color-scheme: light dark }
  text { font: 13px ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1c2530 }
  .page { fill: #ffffff } .rail { stroke: #c9d2dc } .soft { fill: #566372 } .b { font-weight: 650 }
  .h { font-size: 17px; font-weight: 650 } .s { font-size: 12px } .mark { fill: #ffffff; font-weight: 700 }
  .dot-advances { fill: #1a7f4b } .dot-blocked, .dot-unsound { fill: #c0362c }
  .dot-stale { fill: #96600a } .dot-not-run { fill: #66717e }
  .t-advances { fill: #14663c } .t-blocked, .t-unsound { fill: #a82a21 } .t-stale { fill: #7d4f06 }
  .t-not-run { fill: #4f5a66 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ef } .page { fill: #12171d } .rail { stroke: #36414d } .soft { fill: #9fabb8 }
    .t-advances { fill: #5fd39a } .t-blocked, .t-unsound { fill: #ff8d83 } .t-stale { fill: #e9b45c }
    .t-not-run { fill: #aab5c1 }
  }
"""


def board_svg(board: Board) -> str:
    """The picture of a board, as a whole SVG document."""
    body: list[str] = []
    top = _PAD
    for phase in board.phases:
        body += _phase(phase, board, top)
        top += _HEAD + _ROW * len(phase.gates) + _PAD // 2
    said = "; ".join(f"{phase.id}: {phase.advancing} of {len(phase.gates)} gates advance" for phase in board.phases)
    return _document(top, f"Readiness gates of {board.platform}", said, body)


def _document(height: int, title: str, description: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {_FRAME}>',
            f'<title id="title">{_said(title)}</title>',
            f'<desc id="description">{_said(description)}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def _phase(phase: PhaseView, board: Board, top: int) -> Iterator[str]:
    word = "advances" if phase.advances else f"{phase.advancing} of {len(phase.gates)} gates advance"
    yield _text(_PAD, top + 18, f"{phase.id} {phase.title}", "h")
    yield _text(_PAD, top + 40, word, f"b t-{'advances' if phase.advances else 'blocked'}")
    yield _text(WIDTH - _PAD, top + 18, phase.target, "soft s", anchor="end", limit=60)
    following = phase.next
    if following is not None:
        yield _text(WIDTH - _PAD, top + 40, f"next: {following.gate.id}", "soft s", anchor="end")
    first = top + _HEAD
    middle = _PAD + 11
    if len(phase.gates) > 1:
        last = first + _ROW * (len(phase.gates) - 1)
        yield f'<line class="rail" x1="{middle}" y1="{first}" x2="{middle}" y2="{last}" stroke-width="2"/>'
    for position, view in enumerate(phase.gates):
        yield from _gate(view, board, first + _ROW * position)


def _gate(view: GateView, board: Board, middle: int) -> Iterator[str]:
    alias = f" ({view.gate.alias})" if view.gate.alias else ""
    codes = ", ".join(blocker.code for blocker in view.blockers)
    owner = f"owner {view.gate.owner}"
    below = owner if view.advances else f"{view.state.value}: {f'{codes} · {owner}' if codes else view.next_step}"
    when = age(view.moment, board.at)
    head = f"{view.gate.id}{alias}"
    yield from _row(middle, view.state, (head, view.gate.title, below), (view.word, f"{when} ago" if when else ""))


def outcomes_svg(judgement: GateJudgement) -> str:
    """The chart of one attempt: each verifier of the gate, what became of it, and what it raised."""
    gate, rows = judgement.gate, judgement.results
    body = [_text(_PAD, _PAD + 18, f"{gate.id} {gate.title}", "h")]
    state = State.ADVANCES if judgement.overall_pass else State.BLOCKED
    body.append(_text(_PAD, _PAD + 40, judgement.word, f"b t-{state.value}"))
    for position, result in enumerate(rows):
        verifier = gate.verifier_by_id[result.verifier]
        raised = ", ".join(sorted({finding.code for finding in result.findings}))
        left = (verifier.id, verifier.purpose, raised or "raised nothing")
        body += _row(_PAD + _HEAD + _ROW * position, _STATE_OF[result.outcome], left, (result.outcome.value, ""))
    said = f"{judgement.word}: {', '.join(judgement.blockers) or 'nothing is open'}"
    return _document(_PAD + _HEAD + _ROW * len(rows), f"{gate.id}: what became of its verifiers", said, body)


def _row(middle: int, state: State, left: tuple[str, str, str], right: tuple[str, str]) -> Iterator[str]:
    kind = state.value.replace(" ", "-")
    head, title, below = left
    start = _PAD + 40
    yield f'<circle class="dot-{kind}" cx="{_PAD + 11}" cy="{middle}" r="11"/>'
    yield _text(_PAD + 11, middle + 5, MARKS[state], "mark", anchor="middle")
    yield _text(start, middle - 3, head, "b")
    yield _text(start + 110, middle - 3, title, "", limit=64)
    yield _text(start + 110, middle + 14, below, "soft s", limit=88)
    yield _text(WIDTH - _PAD, middle - 3, right[0], f"b t-{kind}", anchor="end", limit=34)
    yield _text(WIDTH - _PAD, middle + 14, right[1], "soft s", anchor="end")


def _text(x: int, y: int, said: str, kind: str, *, anchor: str = "start", limit: int = 100) -> str:
    shown = said if len(said) <= limit else said[: limit - 1] + "…"
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{_said(shown)}</text>'


def _said(text: str) -> str:
    """A text from a catalogue or a pack as XML shows it: nothing in it is a tag or a control character."""
    return escape(in_one_line(text), quote=True)
