"""What the board says of each gate. Nothing is judged here: it is the archive's word, held against what stands now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from phasegate.attempts import Archive, UpstreamEvidence
from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.present import Present, target_in_words
from phasegate.catalog.model import Catalogue, Gate

PresentOf = Callable[[Mapping[str, str]], Present]
"""What stands now, for evidence of a target."""


class State(StrEnum):
    """Where a gate stands."""

    ADVANCES = "advances"
    BLOCKED = "blocked"
    STALE = "stale"
    """It passed, and what it was judged by is not as it was."""
    UNSOUND = "unsound"
    """Its evidence is altered, gone, or rests on what is."""
    NOT_RUN = "not run"
    """No complete attempt of it counts."""


@dataclass(frozen=True, slots=True)
class OpenBlocker:
    """One blocker that is open.

    Attributes:
        code: Its code.
        severity: Its severity; S1 where the catalogue does not know it.
        meaning: What it means.
        remedy: What closes it.
        seen: What was seen, a line each.
    """

    code: str
    severity: str
    meaning: str
    remedy: str
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt in the story of a gate.

    Attributes:
        execution_id: Its name.
        moment: When it was made, in UTC; None where its name says no time.
        verdict: Its verdict word; None where it was not committed.
        blockers: The codes that it raised.
        waived: The codes that a waiver passed.
        standing: `authoritative`, or why it is not.
        counts: Whether it is the one that counts.
    """

    execution_id: str
    moment: datetime | None
    verdict: str | None
    blockers: tuple[str, ...]
    waived: tuple[str, ...]
    standing: str
    counts: bool


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate on the board.

    Attributes:
        gate: The gate.
        state: Where it stands.
        word: Its verdict in its own words; never an advance unless it advances.
        execution_id: The attempt that this is the word of; None where there is none.
        moment: When that attempt was made.
        why: Why it does not advance; empty where it does.
        blockers: What is open, by code.
        attempts: Its story, the newest first.
        next_step: What to do next; empty where it advances.
        command: The command for it; empty where there is none.
    """

    gate: Gate
    state: State
    word: str
    execution_id: str | None
    moment: datetime | None
    why: str
    blockers: tuple[OpenBlocker, ...]
    attempts: tuple[AttemptView, ...]
    next_step: str
    command: str

    @property
    def advances(self) -> bool:
        """Whether it advances now."""
        return self.state is State.ADVANCES


@dataclass(frozen=True, slots=True)
class PhaseView:
    """One phase on the board.

    Attributes:
        id: The phase.
        title: What it establishes.
        target: What its gates looked at, in words; empty where nothing was looked at.
        others: Other targets that have attempts, in words.
        gates: Its gates, in chain order.
    """

    id: str
    title: str
    target: str
    others: tuple[str, ...]
    gates: tuple[GateView, ...]

    @property
    def advancing(self) -> int:
        """How many of its gates advance."""
        return sum(view.advances for view in self.gates)

    @property
    def advances(self) -> bool:
        """Whether all of them do."""
        return self.advancing == len(self.gates)

    @property
    def next(self) -> GateView | None:
        """The first gate in the chain that does not advance; None where all do."""
        return next((view for view in self.gates if not view.advances), None)


@dataclass(frozen=True, slots=True)
class Board:
    """The whole board.

    Attributes:
        platform: The platform.
        at: The moment that ages are told by, in UTC.
        phases: The phases.
    """

    platform: str
    at: datetime
    phases: tuple[PhaseView, ...]

    @property
    def advances(self) -> bool:
        """Whether every gate on it advances."""
        return all(phase.advances for phase in self.phases)


class BoardMaker:
    """Makes boards.

    Args:
        archive: The attempts.
        present: Gives what stands now, for evidence of a target.
        platform: The platform.
        at: The moment that ages are told by, in UTC.
        wanted: Members that a target must have, such as the world; of several targets the newest is shown.
    """

    def __init__(
        self, archive: Archive, present: PresentOf, platform: str, at: datetime, wanted: Mapping[str, str]
    ) -> None:
        self._archive = archive
        self._present = present
        self._platform = platform
        self._at = at
        self._wanted = wanted

    def board(self, phases: Sequence[str]) -> Board:
        """The board of some phases."""
        return Board(self._platform, self._at, tuple(self._phase(phase) for phase in phases))

    def _phase(self, phase: str) -> PhaseView:
        catalogue = self._archive.catalogue
        records = [
            record
            for record in self._archive.attempts(phase)
            if all(record.target.get(name) == value for name, value in self._wanted.items())
        ]
        newest_first = sorted(records, key=_time_of, reverse=True)
        targets = list(dict.fromkeys(tuple(sorted(record.target.items())) for record in newest_first if record.target))
        target = dict(targets[0]) if targets else {**self._wanted}
        shown = [record for record in newest_first if not record.target or dict(record.target) == target]
        present = self._present(target)
        views: dict[str, GateView] = {}
        for gate in catalogue.gates.values():
            if gate.phase == phase:
                views[gate.id] = self._gate(gate, [item for item in shown if item.gate == gate.id], present, views)
        others = tuple(target_in_words(dict(other)) for other in targets[1:])
        return PhaseView(phase, title_of(catalogue, phase), _words(target), others, tuple(views.values()))

    def _gate(
        self, gate: Gate, records: Sequence[AttemptRecord], present: Present, before: Mapping[str, GateView]
    ) -> GateView:
        evidence = self._archive.evidence(gate.id, present)
        state = _state(evidence)
        blockers = _blockers(gate, evidence)
        waits = [
            edge.gate for edge in gate.upstream if (view := before.get(edge.gate)) is not None and not view.advances
        ]
        step, command = _next(gate, state, blockers, waits)
        parsed = ExecutionId.parse(evidence.execution_id) if evidence.execution_id is not None else None
        said = evidence.summary.verdict
        word = gate.advance if state is State.ADVANCES else said if said not in (None, gate.advance) else gate.hold
        return GateView(
            gate=gate,
            state=state,
            word=str(word) if state is not State.NOT_RUN else "NO VERDICT",
            execution_id=evidence.execution_id,
            moment=parsed.time if parsed is not None else None,
            why=evidence.why,
            blockers=blockers,
            attempts=tuple(_attempt(record, evidence.execution_id) for record in records),
            next_step=step,
            command=command,
        )


def title_of(catalogue: Catalogue, phase: str) -> str:
    """The title of a phase."""
    return catalogue.phases[phase].title


def _words(target: Mapping[str, str]) -> str:
    return target_in_words(target) if target else ""


def _time_of(record: AttemptRecord) -> str:
    return record.execution_id.rpartition("_")[2]


def _state(evidence: UpstreamEvidence) -> State:
    if evidence.green:
        return State.ADVANCES
    if evidence.execution_id is None:
        return State.NOT_RUN
    if evidence.absent:
        return State.UNSOUND
    return State.STALE if evidence.summary.passed else State.BLOCKED


def _blockers(gate: Gate, evidence: UpstreamEvidence) -> tuple[OpenBlocker, ...]:
    if evidence.green or evidence.absent:
        return ()
    found = []
    for code in evidence.summary.blockers:
        known = gate.blocker_by_code.get(code)
        details = [row for row in evidence.summary.blocker_details if row.code == code]
        found.append(
            OpenBlocker(
                code=code,
                severity=known.severity.value if known is not None else next((row.severity for row in details), "S1"),
                meaning=known.meaning if known is not None else "the catalogue does not have this code any more",
                remedy=known.remedy if known is not None else next((row.remedy for row in details), ""),
                seen=tuple(row.said for row in details),
            )
        )
    return tuple(found)


def _next(gate: Gate, state: State, blockers: Sequence[OpenBlocker], waits: Sequence[str]) -> tuple[str, str]:
    """What to do next, and the command for it."""
    marker = gate.markers[1]
    if state is State.ADVANCES:
        return "", ""
    if waits:
        return f"waits for {', '.join(waits)}", ""
    if gate.planned:
        return f"write its verifiers: {gate.owner}", f"phasegate new gate {gate.id}"
    if state is State.BLOCKED and blockers:
        first = min(blockers, key=lambda blocker: (blocker.severity, blocker.code))
        return f"{gate.owner} closes {first.code}: {first.remedy}", f"pytest -m {marker}"
    return "run it" if state is State.NOT_RUN else "run it again", f"pytest -m {marker}"


def _attempt(record: AttemptRecord, counting: str | None) -> AttemptView:
    parsed = ExecutionId.parse(record.execution_id)
    return AttemptView(
        execution_id=record.execution_id,
        moment=parsed.time if parsed is not None else None,
        verdict=record.verdict,
        blockers=record.blockers,
        waived=record.waived,
        standing=record.standing,
        counts=record.execution_id == counting,
    )


def age(moment: datetime | None, at: datetime) -> str:
    """How long ago something was, in the largest unit that says it: `3 h`, `12 d`; empty where nobody knows."""
    if moment is None:
        return ""
    seconds = max(int((at - moment).total_seconds()), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
