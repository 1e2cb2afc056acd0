"""From what happened to what it means: outcomes of tests, to blockers, to the verdict of a gate.

Pure functions over frozen records. A verdict is computed from the catalogue, never from what happened to be
collected: a verifier that the catalogue names and that left no passing outcome holds its gate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from phasegate.catalog.model import Blocker, Gate, Severity, Verifier


class TestState(StrEnum):
    """How one test of a verifier ended."""

    __test__ = False

    PASSED = "PASSED"
    BLOCKED = "BLOCKED"
    """One or more assertions failed inside a blocker's scope."""
    ERRORED = "ERRORED"
    """Any other exception, in set-up, call or tear-down, or a time-out."""
    FLIPPED = "FLIPPED"
    """It failed, was run again, and ended otherwise."""
    LOST = "LOST"
    """The process that ran it vanished."""
    SKIPPED = "SKIPPED"
    XFAILED = "XFAILED"
    """It was marked as expected to fail, whatever it did."""
    DESELECTED = "DESELECTED"
    NOT_RUN = "NOT_RUN"


_UNMAPPED_STATES = frozenset({TestState.ERRORED, TestState.FLIPPED, TestState.LOST})
_NOT_EVALUATED_STATES = frozenset({TestState.SKIPPED, TestState.XFAILED, TestState.DESELECTED, TestState.NOT_RUN})
_NOT_EXECUTED_STATES = _NOT_EVALUATED_STATES | {TestState.LOST}


class Outcome(StrEnum):
    """What became of one verifier; the order is from best to worst."""

    PASSED = "PASSED"
    NOT_EVALUATED = "NOT_EVALUATED"
    BLOCKED = "BLOCKED"
    ERRORED = "ERRORED"


class Verdict(StrEnum):
    """The lattice of verdicts; combining is taking the worst, and there is no default."""

    ADVANCE = "ADVANCE"
    HOLD_REMEDIATE = "HOLD_REMEDIATE"
    NO_GO_RESET_REQUIRED = "NO_GO_RESET_REQUIRED"

    @property
    def rank(self) -> int:
        """Place in the lattice; the higher one wins."""
        return _RANK[self]


_RANK = {Verdict.ADVANCE: 0, Verdict.HOLD_REMEDIATE: 1, Verdict.NO_GO_RESET_REQUIRED: 2}
_VERDICT_OF = {
    Severity.S1: Verdict.NO_GO_RESET_REQUIRED,
    Severity.S2: Verdict.HOLD_REMEDIATE,
    Severity.S3: Verdict.HOLD_REMEDIATE,
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One reason, seen in this attempt, for which a gate does not advance.

    Attributes:
        code: The blocker that it raises.
        verifier: The verifier that saw it, or an empty string where the framework itself did.
        state: How the test ended, or which duty of the framework failed (`UPSTREAM`, `EVIDENCE`, `PUBLISH`,
            `LEAK`).
        detail: What was seen, for a reader; never a secret.
    """

    code: str
    verifier: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class TestRecord:
    """One test of a verifier as it ended.

    Attributes:
        nodeid: The test's pytest node id.
        state: How it ended.
        findings: Pairs of blocker code and detail that its scopes recorded.
        detail: The exception or reason, where there is one.
    """

    __test__ = False

    nodeid: str
    state: TestState
    findings: tuple[tuple[str, str], ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerifierResult:
    """What became of one verifier.

    Attributes:
        verifier: Its short identifier.
        outcome: The worst outcome of its tests.
        executed: Whether each of its tests ran to an end.
        findings: Every blocker that it raises, sorted.
    """

    verifier: str
    outcome: Outcome
    executed: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class GateJudgement:
    """The verdict of one attempt of a gate, and everything that it follows from.

    Attributes:
        gate: The gate.
        complete: Whether every verifier of the catalogue was executed in this attempt.
        verdict: Its place in the lattice.
        results: The verifiers' results, in catalogue order.
        findings: Every finding that is open, sorted; empty exactly where the gate passes.
        waived: The findings that a waiver passes, sorted.
    """

    gate: Gate
    complete: bool
    verdict: Verdict
    results: tuple[VerifierResult, ...]
    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...] = ()

    @property
    def overall_pass(self) -> bool:
        """Whether the gate advances."""
        return self.verdict is Verdict.ADVANCE

    @property
    def word(self) -> str:
        """The verdict in the gate's own vocabulary."""
        return word_of(self.gate, self.verdict)

    @property
    def next_gate(self) -> str:
        """What the gate's summary names as next."""
        return self.gate.next_gate if self.overall_pass else self.gate.blocked_next_gate

    @property
    def blockers(self) -> tuple[str, ...]:
        """The codes raised, sorted, each once."""
        return tuple(sorted({finding.code for finding in self.findings}))

    @property
    def phase_blockers(self) -> tuple[str, ...]:
        """The phase blockers that the raised codes activate, sorted, each once."""
        return tuple(sorted({self.blocker(code).rolls_up_to for code in self.blockers}))

    @property
    def not_evaluated(self) -> tuple[str, ...]:
        """The verifiers that were not executed, in catalogue order."""
        return tuple(result.verifier for result in self.results if not result.executed)

    def blocker(self, code: str) -> Blocker:
        """The catalogue's record of a raised code."""
        return self.gate.blocker_by_code[code]


def word_of(gate: Gate, verdict: Verdict) -> str:
    """A verdict in a gate's own vocabulary."""
    words = {
        Verdict.ADVANCE: gate.advance,
        Verdict.HOLD_REMEDIATE: gate.hold,
        Verdict.NO_GO_RESET_REQUIRED: gate.reset,
    }
    return words[verdict]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the given verdicts; of none at all, a hold, for nothing was shown."""
    return max(verdicts, key=lambda verdict: verdict.rank, default=Verdict.HOLD_REMEDIATE)


def was_left_out(records: Sequence[TestRecord]) -> bool:
    """Whether a verifier with these records, or a test of it, was left out; one that crashed or was lost was not."""
    return not records or any(record.state in _NOT_EVALUATED_STATES for record in records)


def resolve(gate: Gate, verifier: Verifier, records: Sequence[TestRecord]) -> VerifierResult:
    """What became of a verifier, from the records of all its tests.

    A verifier without a record did not run. A finding that names a blocker which the verifier may not raise is
    itself unmapped, so that no test can block (or claim) what the catalogue does not give it.
    """
    if not records:
        records = (TestRecord(nodeid="", state=TestState.NOT_RUN, detail="no test of it ran"),)
    findings: set[Finding] = set()
    outcomes = {Outcome.PASSED}
    for record in records:
        where = f"{record.detail} [{record.nodeid}]" if record.nodeid else record.detail
        if record.state in _NOT_EVALUATED_STATES:
            outcomes.add(Outcome.NOT_EVALUATED)
            findings.add(Finding(gate.not_evaluated_code, verifier.id, record.state.value, where.strip()))
        if record.state in _UNMAPPED_STATES or (record.state is TestState.BLOCKED and not record.findings):
            outcomes.add(Outcome.ERRORED)
            findings.add(Finding(gate.unmapped_code, verifier.id, record.state.value, where.strip()))
        for code, detail in record.findings:
            if code in verifier.raises:
                outcomes.add(Outcome.BLOCKED)
                findings.add(Finding(code, verifier.id, TestState.BLOCKED.value, detail))
            else:
                outcomes.add(Outcome.ERRORED)
                foreign = f"raised {code}, which {verifier.id} may not raise: {detail}"
                findings.add(Finding(gate.unmapped_code, verifier.id, TestState.ERRORED.value, foreign))
    order = list(Outcome)
    return VerifierResult(
        verifier=verifier.id,
        outcome=max(outcomes, key=order.index),
        executed=not any(record.state in _NOT_EXECUTED_STATES for record in records),
        findings=tuple(sorted(findings)),
    )


def judge(
    gate: Gate,
    records: Mapping[str, Sequence[TestRecord]],
    duties: Iterable[Finding] = (),
    waived: Collection[str] = (),
) -> GateJudgement:
    """The verdict of one attempt of a gate.

    Args:
        gate: The gate as the catalogue has it.
        records: The test records of each verifier, by short identifier; what is missing did not run.
        duties: Findings of the framework's own duties: upstream evidence, evidence contract, publication,
            secret scan.
        waived: Blockers that a waiver in force passes.

    Returns:
        ADVANCE exactly where every verifier of the catalogue was executed, no duty failed, and each of them passed
        or raised blockers that are waived and nothing else.
    """
    results = tuple(resolve(gate, verifier, records.get(verifier.id, ())) for verifier in gate.verifiers)
    findings = {finding for result in results for finding in result.findings}
    for finding in duties:
        if finding.code in gate.blocker_by_code:
            findings.add(finding)
        else:
            detail = f"raised {finding.code}, which {gate.id} does not have: {finding.detail}"
            findings.add(Finding(gate.unmapped_code, finding.verifier, finding.state, detail))
    if gate.planned:
        detail = "the gate is planned: its verifiers are catalogued and not written"
        findings.add(Finding(gate.not_evaluated_code, "", TestState.NOT_RUN.value, detail))
    passed_over = {finding for finding in findings if finding.code in waived}
    findings -= passed_over
    severities = {_VERDICT_OF[gate.blocker_by_code[finding.code].severity] for finding in findings}
    return GateJudgement(
        gate=gate,
        complete=all(result.executed for result in results),
        verdict=worst(severities or {Verdict.ADVANCE}),
        results=results,
        findings=tuple(sorted(findings)),
        waived=tuple(sorted(passed_over)),
    )
