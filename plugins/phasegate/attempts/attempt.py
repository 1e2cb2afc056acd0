"""One open attempt: it grows in staging, is sealed once, and is committed whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from phasegate.attempts.history import History
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import Journal, record_entry, record_of
from phasegate.attempts.layout import Layout, explained, sync_folder, write_file
from phasegate.attempts.upstream import Chain, UpstreamEvidence
from phasegate.catalog.model import Gate
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.schemas import RECEIPT_NAME, SchemaSet
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.store import EvidenceStore, PublishError, Receipt, publish_all
from phasegate.evidence.summary import ArtifactRow, SummaryFacts, build_summary, utc
from phasegate.evidence.verify import INVALIDATED, VerifiedPack
from phasegate.verdict import Finding, GateJudgement, TestRecord, judge


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


class OpenAttempt:
    """An attempt of a gate that is running.

    Attributes:
        gate: The gate.
        path: The staging folder.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        execution_id: ExecutionId,
        layout: Layout,
        history: History,
        chain: Chain,
        schemas: SchemaSet,
        substrate: str,
        catalogue_sha256: str,
        clock: Callable[[], datetime],
        clock_note: str | None = None,
    ) -> None:
        self.gate = gate
        self._id = execution_id
        self._layout = layout
        self._history = history
        self._chain = chain
        self._schemas = schemas
        self._substrate = substrate
        self._catalogue_sha256 = catalogue_sha256
        self._clock = clock
        self._clock_note = clock_note
        self.path = layout.staging(execution_id)
        self.journal = Journal(self.path)
        self._records: dict[str, list[TestRecord]] = {}
        self._metrics: dict[str, JsonValue] = {}
        self._artifacts: dict[str, bytes] = {}
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
        """Takes records, metrics and artifacts from the staging folder of a process that vanished."""
        for entry in self.journal.entries():
            if entry.get("event") == "record":
                verifier, record = record_of(entry)
                self._records.setdefault(verifier, []).append(record)
            elif entry.get("event") == "metric":
                self._metrics[entry["name"]] = entry["value"]
        for name in self.gate.artifacts:
            path = self.path / name
            if path.is_file():
                self._artifacts[name] = path.read_bytes()

    def record(self, verifier: str, record: TestRecord) -> None:
        """Adds the record of one test; it outlives the process.

        Raises:
            EvidenceError: It cannot be written.
        """
        with explained("write to the attempt's journal", self.path):
            self.journal.append(record_entry(verifier, record))
        self._records.setdefault(verifier, []).append(record)

    def metric(self, name: str, value: JsonValue) -> None:
        """Records a figure of the summary; a later value replaces an earlier one.

        Raises:
            EvidenceError: The value is not JSON, or cannot be written.
        """
        canonical(value, name=f"metric {name}")
        with explained("write to the attempt's journal", self.path):
            self.journal.append({"event": "metric", "name": name, "value": value})
        self._metrics[name] = value

    def artifact(self, name: str, payload: JsonValue) -> None:
        """Writes an artifact of the evidence contract.

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
        elif self._artifacts.get(name, data) != data:
            fact, remedy = f"{name} was written before with other content", "write each artifact once"
        if fact:
            raise EvidenceError(Problem(fact, self.execution_id, remedy))
        with explained("write an artifact", self.path / name):
            write_file(self.path / name, data)
        self._artifacts[name] = data

    def seal(self, store: EvidenceStore | None, scanner: SecretScanner) -> tuple[Finding, ...]:
        """Checks the pack and stores it durably; once sealed, it does not change.

        A secret keeps the whole pack from being published. A missing or misshapen artifact does not: the rest is
        published, for a blocked attempt is evidence too.

        Returns:
            Findings under the gate's evidence, leak and publish codes.
        """
        if self._sealed is None:
            findings = self._contract_findings()
            leaks = self._leak_findings(scanner)
            self._sealed = (*findings, *leaks)
            self._rows = [ArtifactRow(name, sha256(data), len(data)) for name, data in sorted(self._artifacts.items())]
            if not leaks:
                self._sealed += self._publish(store)
        return self._sealed

    def commit(
        self,
        *,
        store: EvidenceStore | None,
        scanner: SecretScanner,
        provenance: Mapping[str, JsonValue],
        duties: Iterable[Finding] = (),
    ) -> Committed:
        """Seals the pack, judges the attempt, publishes its summary, and moves the pack into its place whole.

        Raises:
            EvidenceError: It cannot be written; what was there before is untouched, and the staging folder stays.
        """
        upstream = [self._chain.of_edge(edge) for edge in self.gate.upstream]
        found = [*duties, *self._entry_findings(upstream), *self.seal(store, scanner)]
        now = self._clock()
        rows = [evidence.row() for evidence in upstream]

        def build() -> tuple[GateJudgement, bytes]:
            judgement = judge(self.gate, self._records, self._unseen(found))
            facts = SummaryFacts(
                execution_id=self.execution_id,
                generated_at=now,
                substrate=self._substrate,
                metrics=self._metrics,
                upstream=rows,
                artifacts=self._rows,
                catalogue_sha256=self._catalogue_sha256,
                provenance=provenance,
                clock_note=self._clock_note,
            )
            return judgement, canonical(build_summary(judgement, facts), name=self.gate.summary_name)

        judgement, data = build()
        leaks = scanner.scan(self.gate.summary_name, data)
        uri: str | None = None
        if leaks:
            found += [self._finding("leak", str(leak)) for leak in leaks]
            self._withhold(scanner)
            judgement, data = build()
        elif store is not None and not any(finding.state == "LEAK" for finding in found):
            failure = self._publish_summary(store, data)
            if failure is None:
                uri = store.uri(self.execution_id)
            else:
                found.append(failure)
                judgement, data = build()
                self._invalidate_durable(store, failure.detail)
        with explained("write the execution summary", self.path / self.gate.summary_name):
            write_file(self.path / self.gate.summary_name, data)
            self.journal.remove()
            sync_folder(self.path)
            place = self._layout.attempt(self._id)
            self.path.rename(place)
            sync_folder(place.parent)
        self._history.remember(VerifiedPack(place, json.loads(data), sha256(data), ()))
        return Committed(self.execution_id, judgement, place, uri)

    def _finding(self, duty: str, detail: str) -> Finding:
        codes = self.gate.codes
        code = {"evidence": codes.evidence, "leak": codes.leak or codes.publish, "publish": codes.publish}[duty]
        return Finding(code, "", duty.upper(), detail)

    def _contract_findings(self) -> tuple[Finding, ...]:
        findings = []
        for name in self.gate.artifacts:
            if name not in self._artifacts:
                findings.append(self._finding("evidence", f"{name} was not written"))
                continue
            on_disk = self.path / name
            if not on_disk.is_file() or on_disk.read_bytes() != self._artifacts[name]:
                findings.append(self._finding("evidence", f"{name} was altered while the attempt was open"))
            messages = self._schemas.validate(name, json.loads(self._artifacts[name]))
            findings += [self._finding("evidence", f"{name} does not fit its schema: {text}") for text in messages]
        return tuple(findings)

    def _leak_findings(self, scanner: SecretScanner) -> tuple[Finding, ...]:
        leaks = [leak for name, data in sorted(self._artifacts.items()) for leak in scanner.scan(name, data)]
        for name in {leak.place for leak in leaks}:
            # What holds a secret may not stay on the disk either; the finding keeps its digest and its place.
            (self.path / name).unlink(missing_ok=True)
            del self._artifacts[name]
        return tuple(self._finding("leak", str(leak)) for leak in leaks)

    def _publish(self, store: EvidenceStore | None) -> tuple[Finding, ...]:
        if store is None:
            return (self._finding("publish", "there is no durable store"),)
        receipts, failures = publish_all(store, self.execution_id, self._artifacts)
        findings = [self._finding("publish", _detail(failure)) for failure in failures]
        receipt = canonical(
            {
                "schema": "phasegate/publication-receipt/1",
                "phase_execution_id": self.execution_id,
                "gate": self.gate.id,
                "objects": [_receipt_row(item) for item in receipts],
            }
        )
        with explained("write the publication receipt", self.path / RECEIPT_NAME):
            write_file(self.path / RECEIPT_NAME, receipt)
        own, failed = publish_all(store, self.execution_id, {RECEIPT_NAME: receipt})
        findings += [self._finding("publish", _detail(failure)) for failure in failed]
        stored = {item.name: item for item in (*receipts, *own)}
        everything = {**self._artifacts, RECEIPT_NAME: receipt}
        self._rows = [_artifact_row(name, data, stored.get(name)) for name, data in sorted(everything.items())]
        return tuple(findings)

    def _publish_summary(self, store: EvidenceStore, data: bytes) -> Finding | None:
        try:
            store.publish(self.execution_id, self.gate.summary_name, data)
        except PublishError as error:
            return self._finding("publish", _detail(error))
        return None

    def _invalidate_durable(self, store: EvidenceStore, reason: str) -> None:
        # The store may hold a summary that says more than the local one; nothing there is overwritten, so a
        # marker beside it takes it back. Where even that fails, the store is out of reach, and the local word
        # counts.
        text = f"reason: {reason}\ninvalidated_at_utc: {utc(self._clock())}\n"
        publish_all(store, self.execution_id, {INVALIDATED: text.encode("utf-8")})

    def _withhold(self, scanner: SecretScanner) -> None:
        self._metrics = {
            name: value for name, value in self._metrics.items() if not scanner.scan(name, canonical({name: value}))
        }
        self._records = {
            verifier: [_without_secrets(record, scanner) for record in records]
            for verifier, records in self._records.items()
        }

    def _entry_findings(self, upstream: Iterable[UpstreamEvidence]) -> list[Finding]:
        codes = self.gate.codes
        return [
            Finding((codes.entry_absent if evidence.absent else None) or codes.entry, "", "UPSTREAM", evidence.why)
            for evidence in upstream
            if not evidence.green
        ]

    def _unseen(self, duties: Iterable[Finding]) -> list[Finding]:
        """The duties' findings that no verifier raised already, word for word."""
        raised = {finding for records in self._records.values() for record in records for finding in record.findings}
        return [finding for finding in duties if (finding.code, finding.detail) not in raised]


def _detail(error: PublishError) -> str:
    problem = error.problems[0]
    return f"{problem.place}: {problem.fact}"


def _receipt_row(receipt: Receipt) -> dict[str, JsonValue]:
    return {
        "file": receipt.name,
        "uri": receipt.uri,
        "version_id": receipt.version_id,
        "sha256": receipt.sha256,
        "bytes": receipt.size,
        "read_back": True,
    }


def _artifact_row(name: str, data: bytes, receipt: Receipt | None) -> ArtifactRow:
    if receipt is None:
        return ArtifactRow(name, sha256(data), len(data))
    return ArtifactRow(name, sha256(data), len(data), receipt.uri, receipt.version_id, read_back=True)


def _without_secrets(record: TestRecord, scanner: SecretScanner) -> TestRecord:
    def clean(text: str) -> str:
        return "(withheld: it holds a secret)" if scanner.scan("detail", canonical(text)) else text

    findings = tuple((code, clean(detail)) for code, detail in record.findings)
    return TestRecord(record.nodeid, record.state, findings, clean(record.detail))
