"""The roll-up of gates: what each says, which blockers are open, and the verdict that follows. Pure.

Everything here is a function of the upstream evidence and the catalogue alone: the same inputs give the same bytes,
whoever asks and whenever. `phasegate.recount` counts the same again from what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, TypeVar

from phasegate.catalog.model import Catalogue, Gate, Severity
from phasegate.evidence.artifact import Artifact, Part
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.documents import Count, ExecutionName, GateName, Said, Sha256
from phasegate.evidence.stated import StatedSummary
from phasegate.verdict import Verdict, word_of, worst

UNMAPPED_SEVERITY = Severity.S1
"""The severity of a code that the catalogue does not know."""


class GateEvidence(Protocol):
    """The evidence of one gate, as `GateRun.upstream` gives it."""

    @property
    def gate(self) -> str:
        """The gate."""

    @property
    def execution_id(self) -> str | None:
        """Its authoritative attempt; None where there is none."""

    @property
    def sha256(self) -> str | None:
        """Digest of its summary."""

    @property
    def summary(self) -> StatedSummary:
        """What its summary says; nothing where there is none."""

    @property
    def green(self) -> bool:
        """Whether it passed, and counts."""

    @property
    def absent(self) -> bool:
        """Whether its evidence is missing, unreadable or altered."""

    @property
    def why(self) -> str:
        """Why it is not green."""


class RollupRow(Part):
    """One gate, as its summary has it."""

    gate: GateName
    execution_id: ExecutionName | None
    sha256: Sha256 | None
    readable: bool
    overall_pass: bool
    verdict: str | None
    blockers: tuple[Said, ...]
    why: str


class DifferingValue(Part):
    """One value of a fact, and the gates that have it."""

    value: str
    gates: tuple[GateName, ...]


class Difference(Part):
    """A fact that gates were not judged by alike."""

    fact: Said
    values: tuple[DifferingValue, ...]


class RollupMatrix(Artifact):
    """One row for each gate that is rolled up."""

    rows: tuple[RollupRow, ...]
    upstream_green: Said
    contradictions: tuple[str, ...]
    differences: tuple[Difference, ...]


class _RegisteredBlocker(Part):
    code: Said
    gate: GateName
    severity: Literal["S1", "S2", "S3"]
    rolls_up_to: str | None


class UnresolvedBlocker(_RegisteredBlocker):
    """A blocker that is open."""

    status: Literal["open"]
    reason: Said


class ResolvedBlocker(_RegisteredBlocker):
    """A blocker that the gate's attempt did not raise."""

    status: Literal["resolved"]
    reason: Said


class WaivedBlocker(Part):
    """A blocker that a waiver passed."""

    code: Said
    gate: GateName
    reason: Said


class BlockerRegister(Artifact):
    """Every blocker code of the gates that are rolled up, open or closed."""

    unresolved: tuple[UnresolvedBlocker, ...]
    resolved: tuple[ResolvedBlocker, ...]
    waived: tuple[WaivedBlocker, ...]
    unresolved_blocker_count: Count


class RollupRule(Part):
    """What the verdict follows from."""

    unresolved_s1: Count
    unresolved_s2: Count
    unresolved_s3: Count
    matrix_complete: bool
    upstream_green: Said


class RollupVerdict(Artifact):
    """The verdict of a roll-up, built twice."""

    verdict: str
    rule: RollupRule
    source_execution_ids: dict[GateName, ExecutionName | None]
    payload_sha256: Sha256
    payload_sha256_again: Sha256
    repeatable: bool


_Matrix = TypeVar("_Matrix", bound=RollupMatrix)
_Register = TypeVar("_Register", bound=BlockerRegister)
_Verdict = TypeVar("_Verdict", bound=RollupVerdict)


@dataclass(frozen=True, slots=True)
class OpenBlocker:
    """A blocker that a gate leaves open.

    Attributes:
        code: Its code.
        gate: The gate.
        severity: Its severity; that of an unmapped one where the catalogue has none.
        rolls_up_to: The phase blocker that it activates; None where the catalogue does not know it.
        mapped: Whether the catalogue knows it.
        reason: What was seen.
    """

    code: str
    gate: str
    severity: Severity
    rolls_up_to: str | None
    mapped: bool
    reason: str


class Rollup:
    """The roll-up of some gates by another.

    Args:
        gate: The gate that rolls up; its entry codes stand for evidence that is absent or not green, its words say
            the verdict.
        evidence: The authoritative evidence of each gate that it rolls up, in chain order.
        catalogue: The catalogue, for severities.
    """

    def __init__(self, gate: Gate, evidence: Sequence[GateEvidence], catalogue: Catalogue) -> None:
        self.gate = gate
        self.evidence = tuple(evidence)
        self._catalogue = catalogue

    @property
    def absent(self) -> list[GateEvidence]:
        """The gates whose evidence is missing, unreadable or altered."""
        return [found for found in self.evidence if found.absent]

    @property
    def held(self) -> list[GateEvidence]:
        """The gates whose evidence is there and says that they do not advance."""
        return [found for found in self.evidence if not found.green and not found.absent]

    @property
    def upstream_green(self) -> str:
        """How many gates are green, out of how many."""
        return f"{sum(found.green for found in self.evidence)}/{len(self.evidence)}"

    @cached_property
    def unresolved(self) -> tuple[OpenBlocker, ...]:
        """Every blocker that is open, sorted."""
        codes = self.gate.codes
        found = [self._open(each, code) for each in self.held for code in each.summary.blockers]
        # Evidence that passed, and rests on what is not so any more, raises no blocker of its own.
        found += [self._of_rollup(codes.entry, each) for each in self.held if not each.summary.blockers]
        # Evidence that cannot be read says nothing of its blockers, which is the worst that it can say.
        found += [self._of_rollup(codes.entry_absent or codes.entry, each) for each in self.absent]
        return tuple(sorted(found, key=lambda blocker: (blocker.gate, blocker.code)))

    @property
    def unmapped(self) -> list[OpenBlocker]:
        """The open blockers that the catalogue gives no severity."""
        return [blocker for blocker in self.unresolved if not blocker.mapped]

    def contradictions(self) -> list[str]:
        """Where a summary contradicts itself, or its gate; a row is missing for each gate that has none."""
        found = []
        for each in self.evidence:
            if each.absent:
                continue
            summary, count = each.summary, len(each.summary.blockers)
            name = f"{each.gate} attempt {each.execution_id}"
            if summary.gate != each.gate:
                found.append(f"{name} says that it is of {summary.gate}")
            if summary.blocker_count != count:
                found.append(f"{name} counts {summary.blocker_count} blockers, and lists {[*summary.blockers]}")
            elif summary.overall_pass is not (not count):
                found.append(f"{name} has overall_pass {summary.overall_pass} with {count} blockers")
        return found

    def differences(self) -> tuple[Difference, ...]:
        """What the gates were not judged by alike: each such fact with every value and the gates that have it.

        None of it holds the phase by itself: what a gate used, and what changed of it, makes that gate not green.
        """
        facts: dict[str, dict[str, list[str]]] = {}
        for each in self.evidence:
            summary = StatedSummary() if each.absent else each.summary
            said = {**summary.provenance, "catalogue_sha256": summary.catalogue_sha256}
            for name, value in said.items():
                facts.setdefault(name, {}).setdefault(str(value), []).append(each.gate)
        return tuple(
            Difference(
                fact=name,
                values=tuple(
                    DifferingValue(value=value, gates=tuple(gates)) for value, gates in sorted(values.items())
                ),
            )
            for name, values in sorted(facts.items())
            if len(values) > 1 and not self.absent
        )

    def matrix(self, kind: type[_Matrix]) -> _Matrix:
        """The roll-up matrix: one row for each gate."""
        return kind(
            rows=tuple(_row(each) for each in self.evidence),
            upstream_green=self.upstream_green,
            contradictions=tuple(self.contradictions()),
            differences=self.differences(),
        )

    def register(self, kind: type[_Register]) -> _Register:
        """The blocker register: every code of every gate, open or closed, and by which attempt."""
        there = [each for each in self.evidence if not each.absent]
        waived = [(each.gate, waiver) for each in there for waiver in each.summary.waivers]
        closed = {blocker.code for blocker in self.unresolved} | {waiver.blocker for _, waiver in waived}
        return kind(
            unresolved=tuple(
                UnresolvedBlocker(
                    code=blocker.code,
                    gate=blocker.gate,
                    severity=blocker.severity.value,
                    rolls_up_to=blocker.rolls_up_to,
                    status="open",
                    reason=blocker.reason,
                )
                for blocker in self.unresolved
            ),
            resolved=tuple(
                ResolvedBlocker(
                    code=blocker.code,
                    gate=each.gate,
                    severity=blocker.severity.value,
                    rolls_up_to=blocker.rolls_up_to,
                    status="resolved",
                    reason=f"not raised by {each.execution_id}",
                )
                for each in there
                for blocker in self._catalogue.gates[each.gate].blockers
                if blocker.code not in closed
            ),
            waived=tuple(
                WaivedBlocker(code=waiver.blocker, gate=gate, reason=waiver.reason) for gate, waiver in waived
            ),
            unresolved_blocker_count=len(self.unresolved),
        )

    def verdict(self, kind: type[_Verdict], again: Rollup) -> _Verdict:
        """The verdict, with the digest of matrix, register and verdict together, and that of another build.

        Args:
            kind: The artifact.
            again: The same roll-up, made once more from evidence that was read once more.
        """
        body, other = self._verdict(), again._verdict()
        digests = self._digest(body), again._digest(other)
        return kind(
            verdict=body["verdict"],
            rule=RollupRule.model_validate(body["rule"]),
            source_execution_ids=body["source_execution_ids"],
            payload_sha256=digests[0],
            payload_sha256_again=digests[1],
            repeatable=(body, digests[0]) == (other, digests[1]),
        )

    def word(self) -> str:
        """The verdict's word: an S1, or an incomplete matrix, resets; anything else that is open holds."""
        ranked = [
            Verdict.NO_GO_RESET_REQUIRED if blocker.severity is Severity.S1 else Verdict.HOLD_REMEDIATE
            for blocker in self.unresolved
        ]
        if not self._complete:
            ranked.append(Verdict.NO_GO_RESET_REQUIRED)
        return word_of(self.gate, worst(ranked or [Verdict.ADVANCE]))

    @property
    def _complete(self) -> bool:
        return not self.absent and not self.contradictions()

    def _verdict(self) -> dict[str, Any]:
        open_of = {severity: sum(blocker.severity is severity for blocker in self.unresolved) for severity in Severity}
        return {
            "verdict": self.word(),
            "rule": {
                "unresolved_s1": open_of[Severity.S1],
                "unresolved_s2": open_of[Severity.S2],
                "unresolved_s3": open_of[Severity.S3],
                "matrix_complete": self._complete,
                "upstream_green": self.upstream_green,
            },
            "source_execution_ids": {each.gate: each.execution_id for each in self.evidence},
        }

    def _digest(self, body: Mapping[str, Any]) -> str:
        matrix, register = self.matrix(RollupMatrix), self.register(BlockerRegister)
        return sha256(canonical({"matrix": matrix.payload(), "register": register.payload(), "verdict": dict(body)}))

    def _open(self, each: GateEvidence, code: str) -> OpenBlocker:
        known = self._catalogue.gates[each.gate].blocker_by_code.get(code)
        details = sorted(row.detail for row in each.summary.blocker_details if row.code == code)
        return OpenBlocker(
            code=code,
            gate=each.gate,
            severity=known.severity if known is not None else UNMAPPED_SEVERITY,
            rolls_up_to=known.rolls_up_to if known is not None else None,
            mapped=known is not None,
            reason="; ".join(details) or "no detail was recorded",
        )

    def _of_rollup(self, code: str, each: GateEvidence) -> OpenBlocker:
        own = self.gate.blocker_by_code[code]
        return OpenBlocker(code, each.gate, own.severity, own.rolls_up_to, mapped=True, reason=each.why)


def _row(each: GateEvidence) -> RollupRow:
    return RollupRow(
        gate=each.gate,
        execution_id=each.execution_id,
        sha256=each.sha256,
        readable=not each.absent,
        overall_pass=each.green,
        verdict=each.summary.verdict if not each.absent else None,
        blockers=each.summary.blockers if not each.absent else (),
        why=each.why,
    )
