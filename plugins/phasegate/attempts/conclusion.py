"""The conclusion of an attempt: its verdict, the signed statements, the durable summary, and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from phasegate.attempts.heads import Heads
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import Journal
from phasegate.attempts.layout import Layout, explained, locked, sync_folder, write_file
from phasegate.attempts.publication import detail_of, durable_place, publish_conclusion, take_back
from phasegate.attempts.redaction import Redactor
from phasegate.attempts.root_id import RootId
from phasegate.catalog.model import Gate
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import (
    ATTESTATION,
    PHASE_ATTESTATION,
    phase_statement_of,
    previous_of,
    statement_of,
)
from phasegate.evidence.canonical import parsed, sha256
from phasegate.evidence.content import sealed
from phasegate.evidence.documents import ExecutionSummary
from phasegate.evidence.dsse import unverified
from phasegate.evidence.files import UnreadableError, read_file
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.stated import StatedSummary
from phasegate.evidence.store import EvidenceStore, PublishFailure
from phasegate.evidence.summary import SummaryFacts, build_summary
from phasegate.evidence.verify import read_summary
from phasegate.verdict import Finding, GateJudgement, TestRecord, judge

Attestor = Callable[[Mapping[str, JsonValue]], bytes]
"""Signs a statement into an envelope; raises an `EvidenceError` where it cannot."""


@dataclass(frozen=True, slots=True)
class Committed:
    """An attempt that lies in its place, whole.

    Attributes:
        execution_id: Its name.
        judgement: Its verdict and everything that it follows from.
        path: Its folder.
        uri: Where its durable copy lies; None where it has none.
    """

    execution_id: str
    judgement: GateJudgement
    path: Path
    uri: str | None

    @property
    def summary(self) -> ExecutionSummary | None:
        """What its pack says, read from its place; None where that is no summary any more."""
        try:
            raw = read_file(self.path / self.judgement.gate.summary_name)
            return ExecutionSummary.model_validate_json(raw)
        except (UnreadableError, OSError, ValueError):
            return None

    @property
    def stated(self) -> StatedSummary:
        """The same, read whatever stands there."""
        return read_summary(self.path / self.judgement.gate.summary_name)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where the statements of a runs root are chained: what the next one follows, and who follows it.

    Attributes:
        layout: The runs root.
        root_id: The root's own identity, which every statement names.
        heads: The ends of its chain.
        closes_phase: Whether the gate's attempt concludes a phase, which gets a statement of its own.
    """

    layout: Layout
    root_id: RootId
    heads: Heads
    closes_phase: bool


@dataclass(slots=True)
class Conclusion:
    """What concludes one attempt, whose pack is sealed.

    Attributes:
        gate: The gate.
        execution_id: The attempt's name.
        journal: Its journal, which ends where the pack is in its place.
        end: The end of the chain that it will be.
        records: What its tests left, by verifier; freed of secrets where the summary would show one.
        found: The findings that no verifier raised; they grow with what fails from here on.
        facts: What its summary states.
    """

    gate: Gate
    execution_id: ExecutionId
    journal: Journal
    end: ChainEnd
    records: Mapping[str, list[TestRecord]]
    found: list[Finding]
    facts: SummaryFacts

    def commit(self, *, store: EvidenceStore | None, scanner: SecretScanner, attestor: Attestor) -> Committed:
        """Judges the attempt, signs and publishes its summary, and moves it into its place whole.

        Raises:
            EvidenceError: See `OpenAttempt.commit`.
        """
        judgement, data = self._judged()
        leaks = scanner.scan(self.gate.summary_name, data)
        if leaks:
            self.found += [finding_of(self.gate, "leak", str(leak)) for leak in leaks]
            judgement, data = self._withheld(scanner)
        # From the statement that names the chain's ends until the attempt is one, no other may be signed.
        root = self.end.layout.root
        with explained("extend the chain of attestations", root), locked(root):
            return self._signed(judgement, data, store, attestor)

    def _signed(
        self, judgement: GateJudgement, data: bytes, store: EvidenceStore | None, attestor: Attestor
    ) -> Committed:
        """Signs and publishes the summary, moves the pack into its place, and makes it the end of the chain."""
        name, execution_id, moment = self.gate.summary_name, str(self.execution_id), self.facts.generated_at
        attestations, flaw = self._attested(attestor, data)
        if flaw:
            self.found.append(finding_of(self.gate, "evidence", flaw))
            judgement, data = self._judged()
        uri: str | None = None
        with explained("write the execution summary", self._staging / name):
            self._write({**attestations, name: data})
            if store is not None and not any(finding.state == "LEAK" for finding in self.found):
                failure = publish_conclusion(store, execution_id, attestations, name, data)
                if failure is None:
                    uri = durable_place(store, execution_id)
                else:
                    doubtful = judgement.overall_pass or failure.reason is PublishFailure.CONFLICT
                    self.found.append(finding_of(self.gate, "publish", detail_of(failure)))
                    if doubtful:  # a summary that says more than this one may lie in the store
                        take_back(store, execution_id, detail_of(failure), moment)
                    judgement, data = self._judged()
                    attestations, _ = self._attested(attestor, data)
                    self._write({**attestations, name: data})
        try:
            place = self._move_in()
        except EvidenceError as error:
            if store is not None and uri is not None and judgement.overall_pass:
                take_back(store, execution_id, error.problems[0].fact, moment)
            raise
        if attestations:  # the attempt is there now, and is no more taken back: the next one finds it without its note
            self.end.heads.advance(execution_id, previous_of(unverified(attestations[ATTESTATION])))
        return Committed(execution_id, judgement, place, uri)

    def _attested(self, attestor: Attestor, data: bytes) -> tuple[dict[str, bytes], str]:
        """The signed statements about a summary, by file name; or why there are none."""
        summary, name, digest, heads = (
            StatedSummary.of(parsed(data)),
            self.gate.summary_name,
            sha256(data),
            self.end.heads,
        )
        signed: dict[str, bytes] = {}
        phase_sha256 = None
        try:
            with explained("read the chain of attestations", self.end.layout.root):
                origin = self.end.root_id.ensure()
                previous = heads.read(origin)
            if self.end.closes_phase:
                named = (row.execution_id for row in summary.upstream if row.execution_id is not None)
                inputs = [item for item in map(heads.attested, named) if item is not None]
                statement = phase_statement_of(summary, name, digest, origin=origin, inputs=inputs)
                signed[PHASE_ATTESTATION] = attestor(statement)
                phase_sha256 = sha256(signed[PHASE_ATTESTATION])
            signed[ATTESTATION] = attestor(
                statement_of(summary, name, digest, origin=origin, previous=previous, phase_sha256=phase_sha256)
            )
        except EvidenceError as error:
            return {}, "; ".join(f"{problem.place}: {problem.fact}" for problem in error.problems)
        return signed, ""

    def _judged(self) -> tuple[GateJudgement, bytes]:
        waived = {waiver.blocker for waiver in self.facts.waivers}
        judgement = judge(self.gate, self.records, self._unseen(), waived)
        return judgement, sealed(build_summary(judgement, self.facts), name=self.gate.summary_name)

    def _unseen(self) -> list[Finding]:
        """The findings that no verifier raised already, word for word."""
        raised = {finding for records in self.records.values() for record in records for finding in record.findings}
        return [finding for finding in self.found if (finding.code, finding.detail) not in raised]

    def _withheld(self, scanner: SecretScanner) -> tuple[GateJudgement, bytes]:
        """The judgement and the summary without what is secret in them."""
        redactor, facts = Redactor(scanner), self.facts
        self.found = [redactor.finding(finding) for finding in self.found]
        self.records = {
            verifier: [redactor.record(record) for record in records] for verifier, records in self.records.items()
        }
        self.facts = replace(
            facts,
            metrics=redactor.mapping(facts.metrics),
            provenance=redactor.mapping(facts.provenance),
            upstream=[replace(row, why=redactor.text(row.why)) for row in facts.upstream],
        )
        judgement, data = self._judged()
        leaks = scanner.scan(self.gate.summary_name, data)
        if leaks:
            place = str(self.execution_id)
            remedy = "the catalogue's or the session's own words are registered as a secret: choose another value"
            raise EvidenceError([Problem(f"cannot be withheld: {leak}", place, remedy) for leak in leaks])
        return judgement, data

    @property
    def _staging(self) -> Path:
        return self.end.layout.staging(self.execution_id)

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            write_file(self._staging / name, data)

    def _move_in(self) -> Path:
        staging, place = self._staging, self.end.layout.attempt(self.execution_id)
        with explained("move the pack into its place", place):
            self.journal.remove()
            sync_folder(staging)
            staging.rename(place)
            sync_folder(place.parent)
        return place


def finding_of(gate: Gate, duty: Literal["evidence", "leak", "publish"], detail: str) -> Finding:
    """A finding under the code that the gate has for a duty of every pack."""
    codes = gate.codes
    code = {"evidence": codes.evidence, "leak": codes.leak or codes.publish, "publish": codes.publish}[duty]
    return Finding(code, "", duty.upper(), detail)
