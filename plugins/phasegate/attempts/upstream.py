"""What a gate rests on: the authoritative attempt of an earlier gate, verified back to the start of the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from phasegate.attempts.gone import Gone
from phasegate.attempts.history import History, defects, invalidation
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.present import Present, target_in_words
from phasegate.catalog.model import Catalogue, UpstreamEdge
from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import canonical, parsed
from phasegate.evidence.files import read_file
from phasegate.evidence.stated import StatedSummary, StatedUpstream
from phasegate.evidence.summary import UpstreamRow
from phasegate.evidence.verify import VerifiedPack

_PASSED: Final[Mapping[str, JsonValue]] = {"overall_pass": True}


@dataclass(frozen=True, slots=True)
class UpstreamEvidence:
    """The evidence of an upstream gate as this session finds it.

    Attributes:
        gate: The upstream gate.
        execution_id: Its authoritative attempt; None where there is none.
        summary_name: File name of its summary.
        summary: What it says; nothing where there is none.
        sha256: Digest of the summary.
        green: Whether it says what is required, and its chain verifies.
        absent: Whether it is not green because evidence is missing, unreadable or altered.
        why: Why it is not green, with the way out; empty where it is green.
        path: Its folder; None where there is none.
    """

    gate: str
    execution_id: str | None
    summary_name: str
    summary: StatedSummary
    sha256: str | None
    green: bool
    absent: bool
    why: str
    path: Path | None

    def artifact(self, name: str) -> Any:
        """The parsed content of one of its artifacts; None unless the attempt is green and has it."""
        return self.recorded(name) if self.green else None

    def recorded(self, name: str) -> Any:
        """The parsed content of one of its artifacts, green or not; None unless the attempt verifies and has it.

        For roll-ups, which report on blocked gates too; nothing else may rest on an attempt that is not green.
        """
        if self.absent or self.path is None:
            return None
        listed = {row.file for row in self.summary.artifacts}
        return parsed(read_file(self.path / name)) if name in listed else None

    def row(self) -> UpstreamRow:
        """How the summary of the attempt that rests on it lists it."""
        return UpstreamRow(self.gate, self.execution_id, self.summary_name, self.sha256, self.green, self.why)


class Chain:
    """Verifies upstream evidence back to the gates that rest on nothing here.

    Args:
        history: The attempts that there are.
        catalogue: The gates and their edges.
        gone: The attempts that are named and not there.
    """

    def __init__(self, history: History, catalogue: Catalogue, gone: Gone) -> None:
        self._history = history
        self._gone = gone
        self._catalogue = catalogue

    def evidence(
        self, gate_id: str, present: Present, requires: Mapping[str, JsonValue] | None = None
    ) -> UpstreamEvidence:
        """The authoritative evidence of a gate, held against what is required of it and against what stands now.

        Args:
            gate_id: A catalogued or external gate.
            present: What stands now; evidence of another target does not count.
            requires: Fields of its summary and their values; by default a pass.
        """
        name = self._summary_name(gate_id)
        pack = None
        try:
            pack = self._history.newest(gate_id, present.target)
            why = self._lost(gate_id, pack) or (self._absence(gate_id, present.target) if pack is None else "")
        except EvidenceError as error:  # whatever keeps evidence from being read, it is not there to rest on
            why = "; ".join(f"{problem.place} {problem.fact}" for problem in error.problems)
        if pack is None or why:
            return UpstreamEvidence(
                gate_id, None, name, StatedSummary(), None, green=False, absent=True, why=why, path=None
            )
        attempt = f"{gate_id} attempt {pack.folder.name}"
        broken, changed = self.standing(pack, present)
        if broken:
            why = f"{attempt} does not verify: {broken}"
        else:
            why = "; ".join([*_differing(attempt, pack.summary, _PASSED if requires is None else requires), *changed])
        return UpstreamEvidence(
            gate=gate_id,
            execution_id=pack.folder.name,
            summary_name=name,
            summary=pack.summary,
            sha256=pack.sha256,
            green=not why,
            absent=bool(broken),
            why=why,
            path=pack.folder,
        )

    def of_edge(self, edge: UpstreamEdge, present: Present) -> UpstreamEvidence:
        """The evidence that an edge of the catalogue names."""
        return self.evidence(edge.gate, present, edge.requires)

    def standing(self, pack: VerifiedPack, present: Present | None = None) -> tuple[str, list[str]]:
        """What is wrong with a pack or with anything that it rests on, and what changed since it was committed.

        Args:
            pack: The pack.
            present: What stands now; None where attempts are only held against one another.

        Returns:
            What is wrong, empty where nothing is; and of a chain that is sound what changed, with what to run, in
            the order to run it.
        """
        now = _Attempts(self._history)
        chain = [*now.back_from(pack)]
        broken = [fact for current in chain for fact in now.flaws(current)]
        changed: list[str] = []
        for current in reversed(chain if not broken else []):
            changed += self._unshown(current)
            changed += self._replaced(current, now)
            if present is not None and not self._is_external(current):
                changed += _outdated(current, present)
        return "; ".join(broken), changed

    def _unshown(self, pack: VerifiedPack) -> Iterator[str]:
        """What a pack's gate owes by the catalogue of today, and the pack did not show."""
        summary = pack.summary
        gate = self._catalogue.gates.get(summary.gate)
        if gate is None:
            return
        shown = {row.id for row in summary.verifiers} | {row.file for row in summary.artifacts}
        shown |= {row.gate for row in summary.upstream}
        owed = (*(verifier.id for verifier in gate.verifiers), *gate.artifacts, *(edge.gate for edge in gate.upstream))
        missing = [name for name in owed if name not in shown]
        if missing and summary.passed:
            yield f"{pack.folder.name} did not show what {gate.id} owes now: {', '.join(missing)}; run {gate.id} again"

    def _replaced(self, pack: VerifiedPack, now: _Attempts) -> Iterator[str]:
        """The upstream attempts of a pack that are not the authoritative ones of their gates any more."""
        gate_id = pack.summary.gate
        gate = self._catalogue.gates.get(gate_id)
        required = {edge.gate: edge.requires for edge in gate.upstream} if gate is not None else {}
        for row in pack.summary.upstream:
            upstream = row.gate
            if not row.green:
                continue  # the attempt says itself that it does not rest on this one
            if upstream not in self._catalogue.gates and upstream not in self._catalogue.external:
                yield f"{pack.folder.name} rests on {upstream}, which the catalogue does not have; run {gate_id} again"
                continue
            newest = now.newest(upstream, self._history.target(pack.summary))
            lost = self._lost(upstream, newest)
            if lost:
                yield f"{pack.folder.name} rests on an older one: {lost}"
                continue
            if newest is None or newest.folder.name != row.execution_id:
                instead = "no attempt of it counts" if newest is None else f"{newest.folder.name} took its place"
                yield (
                    f"{pack.folder.name} rests on {row.execution_id}, which is not the authoritative attempt of "
                    f"{upstream} any more ({instead}); run {gate_id} again"
                )
                continue
            rests = f"{pack.folder.name} rests on {newest.folder.name}"
            yield from _differing(rests, newest.summary, required.get(upstream, _PASSED))

    def _is_external(self, pack: VerifiedPack) -> bool:
        return pack.summary.gate in self._catalogue.external

    def _absence(self, gate_id: str, target: Mapping[str, str]) -> str:
        why = f"{gate_id} has no complete, valid attempt on {target_in_words(target)}"
        other = self._history.newest(gate_id)
        if other is None:
            return why
        looked_at = target_in_words(self._history.target(other.summary))
        return f"{why}; {other.folder.name} looked at {looked_at}; run {gate_id} here"

    def _lost(self, gate_id: str, newest: VerifiedPack | None) -> str:
        """What is said of attempts of a gate that are gone and newer than its newest one; empty where none is."""
        gate = self._catalogue.gates.get(gate_id)
        if gate is None:  # what was handed over is pinned by name and digest
            return ""
        since = ExecutionId.parse(newest.folder.name) if newest is not None else None
        own = (each for each in self._gone.attempts() if each.prefix == gate.prefix)
        gone = [str(each) for each in own if since is None or each.time > since.time]
        if not gone:
            return ""
        return f"{gate_id} attempt {', '.join(gone)} is gone, and may have said something else; run {gate_id} again"

    def _summary_name(self, gate_id: str) -> str:
        external = self._catalogue.external.get(gate_id)
        return external.summary if external is not None else self._catalogue.gates[gate_id].summary_name


class _Attempts:
    """The attempts as one look at a chain finds them: each is asked for once, however many rows name it.

    Args:
        history: The attempts that there are.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._found: dict[str, tuple[VerifiedPack, str | None] | None] = {}
        self._newest: dict[tuple[str, tuple[tuple[str, str], ...]], VerifiedPack | None] = {}

    def back_from(self, pack: VerifiedPack) -> Iterator[VerifiedPack]:
        """A pack and all that it rests on, each once; behind one that does not verify the chain is not followed."""
        pending = [pack]
        seen: set[Path] = set()
        while pending:
            current = pending.pop()
            if current.folder in seen:
                continue
            seen.add(current.folder)
            yield current
            if current.problems:
                continue
            for row in current.summary.upstream:
                found = self._of(row)
                if found is not None and not self._flaw(row):
                    pending.append(found[0])

    def flaws(self, pack: VerifiedPack) -> list[str]:
        """What is wrong with a pack, or with the attempts that it names."""
        if pack.problems:
            return [defects(pack)]
        return [fact for row in pack.summary.upstream if (fact := self._flaw(row))]

    def newest(self, gate_id: str, target: Mapping[str, str]) -> VerifiedPack | None:
        """The newest complete, not invalidated pack of a gate and target."""
        key = (gate_id, tuple(sorted(target.items())))
        if key not in self._newest:
            self._newest[key] = self._history.newest(gate_id, target)
        return self._newest[key]

    def _of(self, row: StatedUpstream) -> tuple[VerifiedPack, str | None] | None:
        """The pack that a row names, and why it was invalidated; None where it is gone or the row names none."""
        name = row.execution_id
        if name is None:
            return None
        if name not in self._found:
            path = self._history.find(name)
            self._found[name] = (self._history.pack(path), invalidation(path)) if path is not None else None
        return self._found[name]

    def _flaw(self, row: StatedUpstream) -> str:
        """What is wrong with the attempt that a row names; empty where nothing is, or where it names none."""
        name, found = row.execution_id, self._of(row)
        if name is None:
            return ""
        if found is None:
            return f"its upstream attempt {name} is gone"
        pack, invalidated = found
        if pack.sha256 != row.sha256:
            return f"the summary of its upstream attempt {name} was altered"
        if invalidated is not None and row.green:
            return f"its upstream attempt {name} was invalidated: {invalidated}"
        return ""


def _outdated(pack: VerifiedPack, present: Present) -> Iterator[str]:
    """What is not any more as it was when a pack was judged."""
    again = f"run {pack.summary.gate} again"
    changed = present.changed_inputs(pack.summary.inputs)
    if changed:
        yield f"{', '.join(changed)} changed since {pack.folder.name} used it; {again}"
    code = pack.summary.code.digests
    changed = present.code.changes(pack.summary.gate, code) if present.code is not None else []
    if changed:
        yield f"{pack.folder.name} was judged by other code than stands here now ({', '.join(changed)}); {again}"


def _differing(attempt: str, summary: StatedSummary, wanted: Mapping[str, JsonValue]) -> list[str]:
    """Where a summary is not what is required of it, as one clause; empty where it is."""
    differing = [key for key, value in wanted.items() if not _is_same(summary.everything.get(key), value)]
    if not differing:
        return []
    found = ", ".join(f"{key} is {summary.everything.get(key)!r}, not {wanted[key]!r}" for key in differing)
    named = ", ".join(summary.blockers)
    return [f"{attempt}: {found}" + (f" (blockers: {named})" if named else "")]


def _is_same(found: JsonValue, wanted: JsonValue) -> bool:
    """Whether two JSON values are the same; `1` is not `true`, which Python's comparison would let pass."""
    try:
        return canonical(found) == canonical(wanted)
    except EvidenceError:
        return False
