"""The verdict board: for each gate whether it advances, and if not what blocks, who owns it, what closes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from phasegate.errors import Problem
from phasegate.printable import in_one_line
from phasegate.verdict import Finding, GateJudgement, Verdict

if TYPE_CHECKING:
    from phasegate.attempts import Committed

_COLOUR = {Verdict.ADVANCE: "green", Verdict.HOLD_REMEDIATE: "yellow", Verdict.NO_GO_RESET_REQUIRED: "red"}


UPSTREAM_KEY = pytest.StashKey[str]()
"""How the option is spelled in this session that runs the gates which a gate rests on."""
_SESSION_KEY = pytest.StashKey[tuple[Sequence["Committed"], Sequence[Problem]]]()


def pytest_phasegate_session_judged(
    config: pytest.Config, attempts: Sequence[Committed], problems: Sequence[Problem]
) -> None:
    """Takes what the board shows."""
    config.stash[_SESSION_KEY] = attempts, problems


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the board, where there is anything to say."""
    attempts, problems = config.stash.get(_SESSION_KEY, ((), ()))
    if problems:
        terminalreporter.section("errors")
        for problem in problems:
            terminalreporter.write_line(str(problem), red=True)  # a problem's text is printable
    if not attempts:
        return
    terminalreporter.section("verdict board")
    for committed in attempts:
        _write_gate(terminalreporter, committed, config.stash[UPSTREAM_KEY])
    judgements = [committed.judgement for committed in attempts]
    passed = sum(judgement.overall_pass for judgement in judgements)
    terminalreporter.write_line("")
    terminalreporter.write_line(
        f"{passed} of {len(judgements)} gates advance", bold=True, green=passed == len(judgements)
    )


def _write_gate(terminal: pytest.TerminalReporter, committed: Committed, upstream: str) -> None:
    judgement = committed.judgement
    gate = judgement.gate
    markup = {_COLOUR[judgement.verdict]: True}
    alias = f" ({gate.alias})" if gate.alias else ""
    _say(terminal, "")
    _say(terminal, f"{gate.id}{alias}  {judgement.word}  next: {judgement.next_gate}", bold=True, **markup)
    _say(terminal, f"  {gate.title}; owner: {gate.owner}")
    if not judgement.complete:
        _say(
            terminal,
            f"  incomplete: {', '.join(judgement.not_evaluated)} not evaluated; this attempt is never authoritative",
        )
    for code in judgement.blockers:
        _write_blocker(terminal, judgement, code)
    for code in sorted({finding.code for finding in judgement.waived}):
        _write_waived(terminal, judgement, code)
    if gate.upstream and set(judgement.blockers) & {gate.codes.entry, gate.codes.entry_absent}:
        _say(terminal, f"  hint: run the gates that this one rests on as well, with {upstream}=run")
    _say(terminal, f"  evidence: {_relative(committed.path)}")
    _say(terminal, f"            {committed.uri}" if committed.uri else "            not stored durably")


def _write_waived(terminal: pytest.TerminalReporter, judgement: GateJudgement, code: str) -> None:
    _say(terminal, f"  {code} WAIVED: {judgement.blocker(code).meaning}", yellow=True)
    for finding in (finding for finding in judgement.waived if finding.code == code):
        _say(terminal, f"    {_owner(judgement, finding)}: {(finding.detail.splitlines() or [''])[0]}")


def _write_blocker(terminal: pytest.TerminalReporter, judgement: GateJudgement, code: str) -> None:
    blocker = judgement.blocker(code)
    _say(terminal, f"  {code} [{blocker.severity}, rolls up to {blocker.rolls_up_to}] {blocker.meaning}", red=True)
    for finding in (finding for finding in judgement.findings if finding.code == code):
        owner = _owner(judgement, finding)
        first, *rest = finding.detail.splitlines() or [""]
        _say(terminal, f"    {owner}: {first}")
        for line in rest:
            _say(terminal, f"      {line}")
    _say(terminal, f"    remedy: {blocker.remedy}")


def _say(terminal: pytest.TerminalReporter, line: str, **markup: bool) -> None:
    """Writes one line; names and details come from outside, and may neither command the terminal nor paint a line."""
    terminal.write_line(in_one_line(line), **markup)


def _owner(judgement: GateJudgement, finding: Finding) -> str:
    verifier = judgement.gate.verifier_by_id.get(finding.verifier)
    return verifier.full_id if verifier is not None else f"phasegate ({finding.state.lower()})"


def _relative(path: Path) -> str:
    return os.path.relpath(path)
