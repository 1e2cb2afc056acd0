"""The summary of a session on the page of a GitHub job: a table of gates, and for each that holds what blocks it.

Everything but the frame comes from packs, so it stands in HTML, escaped: within an HTML block nothing is read as
Markdown. GitHub refuses a step's summary that is larger than 1 MiB as a whole, so what does not fit is left out, the
gates that advance first, and the page says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from phasegate.errors import Problem
from phasegate.printable import in_one_line

if TYPE_CHECKING:
    from phasegate.attempts import Committed
    from phasegate.verdict import GateJudgement

LIMIT: Final = 1024 * 1024
"""How many bytes GitHub takes as the summary of one step."""
_RESERVED: Final = 2_000
"""Bytes that are kept for what is said of a cut."""
_LONGEST: Final = 1_000
"""Letters of one text; the evidence has it whole."""
_COLUMNS: Final = ("gate", "verdict", "blockers", "owner", "remedy", "evidence")
_END: Final = "</table>\n"


def job_summary(attempts: Sequence[Committed], problems: Sequence[Problem], room: int = LIMIT) -> str:
    """The summary, in the Markdown of GitHub.

    Args:
        attempts: The session's attempts, in chain order.
        problems: What else the session has to say.
        room: How many bytes it may have; below what the frame needs it is the frame alone.
    """
    passed = sum(committed.judgement.overall_pass for committed in attempts)
    head = f"## Gates: {passed} of {len(attempts)} advance\n\n"
    table = f"<table>\n{_row('th', _COLUMNS)}"
    rows = {index: _gate_row(committed) for index, committed in enumerate(attempts)}
    tail = [_problem_text(problem) for problem in problems]
    tail += [text for committed in attempts if not committed.judgement.overall_pass for text in _details(committed)]
    left = room - len((head + table + _END).encode()) - _RESERVED
    shown: set[int] = set()
    for index in sorted(rows, key=lambda index: attempts[index].judgement.overall_pass):  # those that hold first
        if (size := len(rows[index].encode())) <= left:
            shown.add(index)
            left -= size
    texts: list[str] = []
    for text in tail:
        if (size := len(text.encode())) <= left:
            texts.append(text)
            left -= size
    cut = _cut(len(rows) - len(shown), len(tail) - len(texts))
    return head + cut + table + "".join(rows[index] for index in sorted(shown)) + _END + "\n" + "".join(texts)


def _cut(gates: int, parts: int) -> str:
    """What is said of what does not fit; nothing where all does."""
    if not gates and not parts:
        return ""
    return (
        f"> **Cut:** {gates} gates and {parts} details are not shown: GitHub takes {LIMIT:,} bytes a step. "
        "The log of the job and the evidence have them all.\n\n"
    )


def _gate_row(committed: Committed) -> str:
    judgement = committed.judgement
    gate = judgement.gate
    alias = f" ({gate.alias})" if gate.alias else ""
    incomplete = "" if judgement.complete else f"<br>not evaluated: {_text(', '.join(judgement.not_evaluated))}"
    blockers = "<br>".join(_text(f"{code} [{judgement.blocker(code).severity}]") for code in judgement.blockers)
    waived = "".join(f"<br>{_text(code)} waived" for code in sorted({finding.code for finding in judgement.waived}))
    remedies = "<br>".join(_text(f"{code}: {judgement.blocker(code).remedy}") for code in judgement.blockers)
    place = committed.uri or f"{os.path.relpath(committed.path)} (not stored durably)"
    cells = (
        f"<b>{_text(gate.id)}</b>{_text(alias)}<br>{_text(gate.title)}",
        f"{'✅' if judgement.overall_pass else '❌'} {_text(judgement.word)}{incomplete}",
        (blockers + waived).removeprefix("<br>"),
        _text(gate.owner),
        remedies,
        f"{_text(committed.execution_id)}<br>{_text(place)}",
    )
    return _row("td", cells)


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>\n"


def _details(committed: Committed) -> Iterator[str]:
    """What blocks a gate, a piece a blocker, so that one which does not fit takes no other with it."""
    judgement = committed.judgement
    for code in judgement.blockers:
        blocker = judgement.blocker(code)
        title = f"{judgement.gate.id} {code} [{blocker.severity}, rolls up to {blocker.rolls_up_to}] {blocker.meaning}"
        yield _block(title, [*_findings(judgement, code), f"remedy: {blocker.remedy}"])


def _findings(judgement: GateJudgement, code: str) -> Iterator[str]:
    for finding in judgement.findings:
        if finding.code == code:
            verifier = judgement.gate.verifier_by_id.get(finding.verifier)
            yield f"{verifier.full_id if verifier is not None else 'phasegate'}: {finding.detail}"


def _problem_text(problem: Problem) -> str:
    return _block(problem.fact, [problem.place, f"remedy: {problem.remedy}"])


def _block(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<details open><summary>{_text(title)}</summary><ul>{items}</ul></details>\n"


def _text(text: str) -> str:
    """A text of a pack as HTML shows it: on one line, bounded, and nothing in it is markup."""
    said = in_one_line(text)
    return escape(said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…")
