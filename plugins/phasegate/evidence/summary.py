"""The execution summary: what one attempt found, what it rests on, and what it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from phasegate.catalog.model import Gate
from phasegate.catalog.waivers import Waiver
from phasegate.evidence.stated import StatedSummary
from phasegate.verdict import Finding, GateJudgement, Outcome, Verdict, VerifierResult, word_of


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One artifact of a pack as the summary lists it.

    Attributes:
        file: Its file name.
        sha256: Digest of its bytes.
        size: Their count.
        uri: Where it is stored durably; None where it is not.
        version_id: The version that was read back.
        read_back: Whether it was read back from the durable store.
    """

    file: str
    sha256: str
    size: int
    uri: str | None = None
    version_id: str | None = None
    read_back: bool = False

    def as_json(self) -> dict[str, JsonValue]:
        """The row as it stands in the summary."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "bytes": self.size,
            "uri": self.uri,
            "version_id": self.version_id,
            "read_back": self.read_back,
        }


@dataclass(frozen=True, slots=True)
class UpstreamRow:
    """One upstream gate as the attempt found it.

    Attributes:
        gate: The upstream gate.
        execution_id: Its authoritative attempt; None where there is none.
        summary: File name of the summary that was read.
        sha256: Digest of that summary.
        green: Whether it says what the gate requires, and its chain verifies.
        why: Why it is not green; empty where it is.
    """

    gate: str
    execution_id: str | None
    summary: str
    sha256: str | None
    green: bool
    why: str

    def as_json(self) -> dict[str, JsonValue]:
        """The row as it stands in the summary."""
        return {
            "gate": self.gate,
            "execution_id": self.execution_id,
            "summary": self.summary,
            "sha256": self.sha256,
            "green": self.green,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class SummaryFacts:
    """What a summary says beside the judgement.

    Attributes:
        execution_id: The attempt.
        generated_at: When it was committed, by the clock.
        target: What the gate looked at: platform, substrate, and what tells one such place from another.
        inputs: What may change between gates and was used, by kind and name, with the digest of its value.
        code: The code that judged it, with digests, the commit that was checked out, and what is not in it.
        metrics: The figures that its verifiers recorded.
        upstream: What it rests on.
        artifacts: What it left.
        catalogue_sha256: Digest of the catalogue that the verdict was computed from.
        provenance: What the platform adds, such as the registry's digest.
        clock_note: What was wrong with the clock, where something was.
        waivers: The waivers that were in force.
    """

    execution_id: str
    generated_at: datetime
    target: Mapping[str, str]
    inputs: Mapping[str, str]
    code: Mapping[str, JsonValue]
    metrics: Mapping[str, JsonValue]
    upstream: Sequence[UpstreamRow]
    artifacts: Sequence[ArtifactRow]
    catalogue_sha256: str
    provenance: Mapping[str, JsonValue]
    clock_note: str | None = None
    waivers: Sequence[Waiver] = ()


def utc(moment: datetime) -> str:
    """A moment as artifacts write it: UTC, milliseconds, `Z`."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def build_summary(judgement: GateJudgement, facts: SummaryFacts) -> dict[str, JsonValue]:
    """The execution summary of an attempt, ready to be sealed with the digest of its content."""
    gate = judgement.gate
    summary: dict[str, JsonValue] = {
        "schema": "phasegate/execution-summary/2",
        "phase_execution_id": facts.execution_id,
        "gate": gate.id,
        "alias": gate.alias,
        "phase": gate.phase,
        "generated_at_utc": utc(facts.generated_at),
        "substrate": facts.target["substrate"],
        "target": dict(facts.target),
        "inputs": dict(facts.inputs),
        "code": dict(facts.code),
        "complete": judgement.complete,
        "overall_pass": judgement.overall_pass,
        "verdict": judgement.word,
        "blockers": list(judgement.blockers),
        "blocker_count": len(judgement.blockers),
        "waivers": [_waiver(judgement, waiver) for waiver in _applied(judgement, facts.waivers)],
        "phase_blockers": list(judgement.phase_blockers),
        "blocker_details": [_detail(judgement, finding) for finding in judgement.findings],
        "verifiers": [
            {
                "id": result.verifier,
                "name": gate.verifier_by_id[result.verifier].name,
                "outcome": result.outcome.value,
                "blockers": [*sorted({finding.code for finding in result.findings})],
            }
            for result in judgement.results
        ],
        "not_evaluated": list(judgement.not_evaluated),
        "next_gate": judgement.next_gate,
        "metrics": dict(facts.metrics),
        "upstream": [row.as_json() for row in facts.upstream],
        "artifacts": [row.as_json() for row in facts.artifacts],
        "catalogue_sha256": facts.catalogue_sha256,
        "provenance": dict(facts.provenance),
        "dod": {
            "artifacts_read_back": all(row.read_back for row in facts.artifacts) and bool(facts.artifacts),
            "every_verifier_executed": judgement.complete,
            "no_open_blockers": not judgement.blockers,
            "upstream_green": all(row.green for row in facts.upstream),
        },
    }
    if facts.clock_note is not None:
        summary["clock_note"] = facts.clock_note
    return summary


def judgement_of(gate: Gate, summary: StatedSummary) -> GateJudgement:
    """The judgement that a summary records; the inverse of `build_summary`.

    Args:
        gate: The gate as the catalogue has it.
        summary: A summary that fits its schema.
    """
    findings = tuple(
        Finding(detail.code, detail.verifier or "", detail.state, detail.detail) for detail in summary.blocker_details
    )
    results = tuple(
        VerifierResult(
            verifier=row.id,
            outcome=Outcome(row.outcome),
            executed=row.id not in summary.not_evaluated,
            findings=tuple(finding for finding in findings if finding.verifier == row.id),
        )
        for row in summary.verifiers
    )
    waived = tuple(
        Finding(waiver.blocker, row.verifier or "", row.state, row.detail)
        for waiver in summary.waivers
        for row in waiver.passed
    )
    said = {word_of(gate, verdict): verdict for verdict in Verdict}
    verdict = said.get(summary.verdict or "", Verdict.NO_GO_RESET_REQUIRED)  # no word of the gate's stops it
    return GateJudgement(gate, summary.complete is True, verdict, results, findings, waived)


def _applied(judgement: GateJudgement, waivers: Sequence[Waiver]) -> list[Waiver]:
    """The waivers that passed something in this attempt."""
    codes = {finding.code for finding in judgement.waived}
    return [waiver for waiver in waivers if waiver.blocker in codes]


def _waiver(judgement: GateJudgement, waiver: Waiver) -> dict[str, JsonValue]:
    return {
        **waiver.model_dump(),
        "sha256": waiver.sha256,
        "passed": [
            {"verifier": finding.verifier or None, "state": finding.state, "detail": finding.detail}
            for finding in judgement.waived
            if finding.code == waiver.blocker
        ],
    }


def _detail(judgement: GateJudgement, finding: Finding) -> dict[str, JsonValue]:
    blocker = judgement.blocker(finding.code)
    return {
        "code": finding.code,
        "meaning": blocker.meaning,
        "severity": blocker.severity.value,
        "rolls_up_to": blocker.rolls_up_to,
        "verifier": finding.verifier or None,
        "state": finding.state,
        "detail": finding.detail,
        "remedy": blocker.remedy,
    }
