"""One open attempt: it grows in staging, is sealed once, and is committed whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from phasegate.attempts.archive import Archive
from phasegate.attempts.conclusion import ChainEnd, Committed, Conclusion, finding_of
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import Journal, record_entry, record_of
from phasegate.attempts.layout import explained
from phasegate.attempts.pack import Pack
from phasegate.attempts.present import Present
from phasegate.attempts.publication import artifact_rows, publish_artifacts
from phasegate.attempts.services import Services
from phasegate.attempts.upstream import UpstreamEvidence
from phasegate.catalog.model import Gate
from phasegate.catalog.waivers import Waiver
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import canonical, encodable, parsed
from phasegate.evidence.documents import GateRegister, OpenBlocker
from phasegate.evidence.files import MAX_BYTES
from phasegate.evidence.schemas import RECEIPT_NAME
from phasegate.evidence.secrets import WHAT_IS_RECORDED, Leak
from phasegate.evidence.store import EvidenceStore
from phasegate.evidence.summary import ArtifactRow, SummaryFacts
from phasegate.verdict import Finding, TestRecord, resolve, was_left_out

NO_STORE: Final = "there is no durable store: no plugin or conftest file answers pytest_phasegate_evidence_store"


class OpenAttempt:
    """An attempt of a gate that is running.

    Args:
        gate: The gate.
        execution_id: The attempt's name.
        archive: Where it is committed to.
        services: What it needs of the session.
        present: What the session's gates look at.
        waivers: The project's waivers.
        clock_note: What is wrong with the clock, where something is.

    Attributes:
        gate: The gate.
        services: What it needs of the session.
        path: The staging folder.
    """

    def __init__(
        self,
        gate: Gate,
        execution_id: ExecutionId,
        archive: Archive,
        *,
        services: Services,
        present: Present,
        waivers: Sequence[Waiver],
        clock_note: str | None = None,
    ) -> None:
        self.gate = gate
        self.services = services
        self._id = execution_id
        self._archive = archive
        self._present = present
        self._waivers = waivers
        self._clock_note = clock_note
        self.path = archive.layout.staging(execution_id)
        self.journal = Journal(self.path)
        self._records: dict[str, list[TestRecord]] = {}
        self._metrics: dict[str, JsonValue] = {}
        self._inputs: dict[str, str] = {}
        self._pack = Pack(self.path)
        self._leaks_seen: list[Leak] = []
        self._sealed: tuple[Finding, ...] | None = None
        self._rows: list[ArtifactRow] = []

    @property
    def execution_id(self) -> str:
        """The attempt's name."""
        return str(self._id)

    @property
    def records(self) -> Mapping[str, list[TestRecord]]:
        """What its tests left so far, by verifier."""
        return MappingProxyType(self._records)

    def restore(self) -> None:
        """Takes records, metrics and artifacts from the staging folder of a process that vanished.

        Raises:
            EvidenceError: The folder cannot be read or put right.
        """
        for entry in self.journal.entries():
            if entry.get("event") == "record":
                verifier, record = record_of(entry)
                self._records.setdefault(verifier, []).append(record)
            elif entry.get("event") == "metric":
                self._metrics[entry["name"]] = entry["value"]
            elif entry.get("event") == "leak":
                self._leaks_seen.append(Leak(entry["place"], entry["kind"], entry["digest"]))
            elif entry.get("event") == "opened":
                self._clock_note = entry.get("clock_note")
        with explained("take over the staging folder", self.path):
            self._pack.restore(self.gate.artifacts)

    def record(self, verifier: str, record: TestRecord) -> None:
        """Adds the record of one test; it outlives the process.

        Raises:
            EvidenceError: It cannot be written.
        """
        record = _encodable(record)
        with explained("write to the attempt's journal", self.path):
            self.journal.append(record_entry(verifier, record))
        self._records.setdefault(verifier, []).append(record)

    def leaked(self, leaks: Iterable[Leak]) -> None:
        """Notes secrets that were kept from being written; they block the attempt, after a kill too.

        A leak whose place is an artifact's name stands for that artifact, which is not owed any more.

        Raises:
            EvidenceError: It cannot be written down.
        """
        for leak in leaks:
            if leak not in self._leaks_seen:
                with explained("write to the attempt's journal", self.path):
                    self.journal.append(
                        {"event": "leak", "place": leak.place, "kind": leak.kind, "digest": leak.digest}
                    )
                self._leaks_seen.append(leak)

    def uses(self, name: str, sha256: str) -> None:
        """Notes an input of the gate, by the digest of its value.

        Raises:
            EvidenceError: The name is no text, or the value is another than before: no one value was judged.
        """
        fact = ""
        if not name.strip():
            fact = "an empty text names no input"
        elif self._inputs.setdefault(name, sha256) != sha256:
            fact = f"the input {name} changed while the gate was run"
        if fact:
            raise EvidenceError(Problem(fact, self.execution_id, "note one value of each input, under its name"))

    def metric(self, name: str, value: JsonValue) -> None:
        """Records a figure of the summary; a later value replaces an earlier one.

        Raises:
            EvidenceError: The value is not JSON, or cannot be written.
        """
        canonical({name: value}, name="metric")
        with explained("write to the attempt's journal", self.path):
            self.journal.append({"event": "metric", "name": name, "value": value})
        self._metrics[name] = value

    def artifact(self, name: str, payload: JsonValue) -> bytes:
        """Writes an artifact of the evidence contract, and returns its bytes.

        Raises:
            EvidenceError: The contract does not name it, it has other content already, the pack is sealed, or
                it cannot be written.
        """
        data = canonical(payload, name=name)
        fact, remedy = "", ""
        if name not in self.gate.artifacts:
            fact, remedy = f"{self.gate.id} does not owe {name}", f"it owes {', '.join(self.gate.artifacts)}"
        elif self._sealed is not None:
            fact, remedy = f"{name} comes after the pack was sealed", "write it before gate.publish()"
        elif name in {leak.place for leak in self._leaks_seen}:
            fact, remedy = f"{name} held a secret and was taken out of the pack", "fix the verifier that wrote it"
        elif self._pack.files.get(name, data) != data:
            fact, remedy = f"{name} was written before with other content", "write each artifact once"
        elif len(data) > MAX_BYTES:
            fact, remedy = (
                f"{name} has {len(data)} bytes, and evidence has {MAX_BYTES} at most",
                "write what it is about",
            )
        if fact:
            raise EvidenceError(Problem(fact, self.execution_id, remedy))
        with explained("write an artifact", self.path / name):
            self._pack.put(name, data)
        return data

    def recorded(self, name: str) -> JsonValue:
        """The parsed content of an artifact as it lies in the pack; None where it was not written.

        Raises:
            EvidenceError: It cannot be read.
        """
        if name not in self.gate.artifacts or name not in self._pack.files:
            return None
        with explained("read an artifact", self.path / name):
            content: JsonValue = parsed((self.path / name).read_bytes())
        return content

    def inspect(self) -> tuple[Finding, ...]:
        """Checks the pack as it stands, and leaves it open.

        Returns:
            Findings under the gate's evidence and leak codes. What holds a secret is gone from the pack, which
            will not be published.

        Raises:
            EvidenceError: The pack cannot be read or put right.
        """
        if self._sealed is not None:
            return self._sealed
        findings = [*self._settle(), *self._contract_findings()]
        self.leaked(self._leaks())
        return (*findings, *(finding_of(self.gate, "leak", str(leak)) for leak in self._leaks_seen))

    def seal(self) -> tuple[Finding, ...]:
        """Checks the pack and stores it durably; once sealed, it does not change.

        A secret, wherever it stands so far, keeps the whole pack from being published. A missing or misshapen
        artifact does not: the rest is published, for a blocked attempt is evidence too.

        Returns:
            Findings under the gate's evidence, leak and publish codes.

        Raises:
            EvidenceError: The pack cannot be written; it is not sealed then.
        """
        if self._sealed is None:
            self._write_register()
            findings, store = [*self.inspect()], self.services.store
            self._rows = artifact_rows(self._pack.files, {})
            if store is None:
                findings.append(finding_of(self.gate, "publish", NO_STORE))
            elif not self._leaks_seen:
                findings += self._publish(store)
            self._sealed = tuple(findings)
        return self._sealed

    def commit(self, duties: Iterable[Finding] = ()) -> Committed:
        """Seals the pack, judges the attempt, signs and publishes its summary, and moves it into its place whole.

        Args:
            duties: What the session has to say of the attempt beside its verifiers.

        Raises:
            EvidenceError: It cannot be written, or the summary cannot be freed of a secret; what was there before
                is untouched, and the staging folder stays. Or it is in its place, and the chain's end cannot be
                noted: it stays there, and the next attempt names it.
        """
        upstream = [self._archive.chain.of_edge(edge, self._present) for edge in self.gate.upstream]
        for verifier in self.gate.verifiers:
            self._records.setdefault(verifier.id, [])
        provenance = self.services.provenance
        given = [replace(finding, detail=encodable(finding.detail)) for finding in duties]
        given += [
            finding_of(self.gate, "evidence", encodable(f"{flaw.place}: {flaw.fact}")) for flaw in provenance.flaws
        ]
        found = [*given, *self._entry_findings(upstream), *self.seal(), *self._settle()]
        late = [finding_of(self.gate, "leak", str(leak)) for leak in self._leaks_seen]  # seen after the pack was sealed
        found += [finding for finding in late if finding not in found]
        facts = SummaryFacts(
            execution_id=self.execution_id,
            generated_at=self.services.now(),
            target=self._present.target,
            inputs=self._inputs,
            code=self._present.judging(self.gate.id).as_json(),
            metrics=self._metrics,
            upstream=[evidence.row() for evidence in upstream],
            artifacts=self._rows,
            catalogue_sha256=self._archive.catalogue.sha256,
            provenance=provenance.facts,
            clock_note=self._clock_note,
        )
        facts = replace(facts, waivers=[item for item in self._waivers if item.holds(facts.generated_at)])
        archive = self._archive
        end = ChainEnd(archive.layout, archive.root_id, archive.heads, archive.catalogue.closes_phase(self.gate))
        conclusion = Conclusion(self.gate, self._id, self.journal, end, self._records, found, facts)
        services = self.services
        return conclusion.commit(store=services.store, scanner=services.scanner, attestor=services.attestor)

    def _write_register(self) -> None:
        """Writes the blockers that are open now, where the framework owes that of the gate."""
        name, gate = self.gate.blocker_register, self.gate
        if name is None or name in self._pack.files or name in {leak.place for leak in self._leaks_seen}:
            return
        ended = [verifier for verifier in gate.verifiers if self._records.get(verifier.id)]
        findings = {each for verifier in ended for each in resolve(gate, verifier, self._records[verifier.id]).findings}
        findings |= set(
            self._entry_findings(self._archive.chain.of_edge(edge, self._present) for edge in gate.upstream)
        )
        rows = [
            OpenBlocker(
                code=finding.code,
                rolls_up_to=gate.blocker_by_code[finding.code].rolls_up_to,
                severity=gate.blocker_by_code[finding.code].severity.value,
                verifier=finding.verifier or None,
                detail=encodable(finding.detail),
                remedy=gate.blocker_by_code[finding.code].remedy,
            )
            for finding in sorted(findings)
        ]
        register = GateRegister(phase_execution_id=self.execution_id, gate=gate.id, alias=gate.alias, blockers=rows)
        self.artifact(name, register.model_dump(mode="json"))

    def _settle(self) -> list[Finding]:
        with explained("put the staging folder right", self.path):
            return [finding_of(self.gate, "evidence", fact) for fact in self._pack.settle()]

    def _contract_findings(self) -> list[Finding]:
        findings = []
        leaked = {leak.place for leak in self._leaks_seen}
        # Who writes what nobody says, so what a verifier that was left out would have written is missed by none: the
        # gate is held as not evaluated.
        partial = any(map(was_left_out, self._records.values()))
        for name in self.gate.artifacts:
            data = self._pack.files.get(name)
            if name in leaked:
                continue
            if data is None:
                if not partial:
                    findings.append(finding_of(self.gate, "evidence", f"{name} was not written"))
            else:
                messages = self._archive.schemas.validate(name, parsed(data))
                findings += [
                    finding_of(self.gate, "evidence", f"{name} does not fit its schema: {text}") for text in messages
                ]
        return findings

    def _leaks(self) -> list[Leak]:
        scanner = self.services.scanner
        leaks = [leak for name, data in self._pack.files.items() for leak in scanner.scan(name, data)]
        for name in {leak.place for leak in leaks}:
            self._pack.drop(name)  # what holds a secret may not stay on the disk either
        recorded = canonical([self._metrics, *(_texts(records) for records in self._records.values())])
        return [*leaks, *scanner.scan(WHAT_IS_RECORDED, recorded)]

    def _publish(self, store: EvidenceStore) -> list[Finding]:
        done = publish_artifacts(store, execution_id=self.execution_id, gate_id=self.gate.id, files=self._pack.files)
        with explained("write the publication receipt", self.path / RECEIPT_NAME):
            self._pack.put(RECEIPT_NAME, done.receipt)
        self._rows = artifact_rows(self._pack.files, done.receipts)
        return [finding_of(self.gate, "publish", failure) for failure in done.failures]

    def _entry_findings(self, upstream: Iterable[UpstreamEvidence]) -> list[Finding]:
        codes = self.gate.codes
        return [
            Finding((codes.entry_absent if evidence.absent else None) or codes.entry, "", "UPSTREAM", evidence.why)
            for evidence in upstream
            if not evidence.green
        ]


def _encodable(record: TestRecord) -> TestRecord:
    if record.nodeid.isascii() and not record.findings and record.detail.isascii():
        return record
    return TestRecord(
        nodeid=encodable(record.nodeid),
        state=record.state,
        findings=tuple((code, encodable(detail)) for code, detail in record.findings),
        detail=encodable(record.detail),
    )


def _texts(records: Iterable[TestRecord]) -> list[JsonValue]:
    return [[record.nodeid, record.detail, *(detail for _, detail in record.findings)] for record in records]
