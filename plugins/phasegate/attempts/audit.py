"""The audit of evidence by a stranger: every pack, its chain and its signatures; every defect, not the first.

It reads files and public keys alone, so that it works on a copied folder on any machine. Held against a durable store
it also reads each object back by its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from phasegate.attempts.history import invalidation
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.strays import strays
from phasegate.attempts.workspace import Workspace
from phasegate.evidence.attestation import (
    ATTESTATION,
    PHASE_ATTESTATION,
    Predecessor,
    phase_statement_of,
    previous_of,
    statement_of,
)
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import EnvelopeError, EnvelopeFlaw, opened
from phasegate.evidence.verify import INVALIDATED, VerifiedPack

if TYPE_CHECKING:
    from securesystemslib.signer import Key

_CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far an execution id may run ahead of the clock: ids that collide take the next free second."""


class DefectKind(StrEnum):
    """What is wrong with evidence, from the gravest."""

    INTEGRITY = "INTEGRITY"
    """Something was altered, is missing, or is there and should not be."""
    SIGNATURE = "SIGNATURE"
    """What is there is not signed by a key that is trusted."""
    DURABLE = "DURABLE"
    """The durable copy is not the local one, is not locked, or cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        execution_id: The attempt that it concerns; empty where it concerns none.
        file: The file; empty where it concerns the attempt as a whole; below the platform's root where it concerns
            no attempt.
        kind: What kind of defect it is.
        fact: What is wrong.
    """

    execution_id: str
    file: str
    kind: DefectKind
    fact: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        attempts: The attempts that were looked at.
        defects: Everything that is wrong, sorted.
        notes: What a reader should know and what is no defect.
    """

    attempts: tuple[str, ...]
    defects: tuple[Defect, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The audit for machines."""
        return {
            "attempts": list(self.attempts),
            "sound": not self.defects,
            "defects": [asdict(defect) for defect in self.defects],
            "notes": list(self.notes),
        }


class DurableCopy(Protocol):
    """The durable copies, as an audit reads them."""

    def read(self, execution_id: str, name: str, version_id: str | None = None) -> bytes:
        """The bytes of an object; raises whatever keeps it from being read."""
        ...

    def lock_flaw(self, execution_id: str, name: str, version_id: str | None) -> str:
        """Why an object could be deleted or overwritten; empty where its lock holds."""
        ...

    def names(self, execution_id: str) -> Sequence[str]:
        """The objects of an attempt."""
        ...


class Auditor:
    """Audits attempts.

    Args:
        workspace: The attempts.
        keys: The public keys that are trusted.
        store: The durable copies to hold the local ones against; None where only files are looked at.
        pruned: Attempts that a signed receipt says were pruned, with the digests of their attestations.
    """

    def __init__(
        self,
        workspace: Workspace,
        keys: Sequence[Key],
        store: DurableCopy | None = None,
        pruned: Iterable[Predecessor] = (),
    ) -> None:
        self._workspace = workspace
        self._keys = keys
        self._store = store
        self._pruned = {item.execution_id: item.sha256 for item in pruned}
        self._digests: dict[str, str | None] = {}

    def audit(self, wanted: Sequence[Path]) -> Audit:
        """Audits attempts and everything that they rest on or follow.

        Args:
            wanted: The folders of the attempts.
        """
        found: set[Defect] = set(self._end_defects())
        notes: set[str] = set(self._end_notes())
        for stray in strays(self._workspace.layout):
            if stray.harmless:
                notes.add(f"{stray.place}: {stray.fact}")
            else:
                found.add(Defect("", stray.place, DefectKind.INTEGRITY, stray.fact))
        seen: dict[str, Path] = {}
        pending = list(wanted)
        while pending:
            path = pending.pop()
            if path.name in seen:
                continue
            seen[path.name] = path
            pack = self._workspace.history.pack(path)
            found |= set(self._pack_defects(pack))
            notes |= set(self._notes(pack))
            if not self._is_external(path):
                statement, flaws = self._statement(pack)
                found |= flaws
                previous = previous_of(statement) if statement is not None else ()
                found |= set(self._previous_defects(path.name, previous))
                pending += [folder for item in previous if (folder := self._find(item.execution_id)) is not None]
                found |= set(self._time_defects(pack, previous))
            for row in _rows(pack.summary):
                upstream = row.get("execution_id")
                folder = self._find(str(upstream)) if upstream is not None else None
                if folder is not None:
                    pending.append(folder)
                found |= set(self._upstream_defects(path.name, row, folder))
            if self._store is not None and not self._is_external(path):
                found |= set(self._durable_defects(pack, self._store))
        return Audit(tuple(sorted(seen)), tuple(sorted(found)), tuple(sorted(notes)))

    def _end_defects(self) -> Iterator[Defect]:
        """An end of the chain that is gone: no later attempt misses it yet."""
        for name in self._workspace.heads.names():
            if self._find(name) is None and name not in self._pruned:
                yield Defect(name, "", DefectKind.INTEGRITY, "the attempt is gone, which ended the chain")

    def _end_notes(self) -> Iterator[str]:
        """An end of the chain that nothing notes: were it taken away now, nobody would miss it."""
        noted = set(self._workspace.heads.names())
        for item in self._workspace.heads.read():
            if item.execution_id not in noted:
                yield f"{item.execution_id} ends the chain, and nothing notes it until an attempt follows"

    def _pack_defects(self, pack: VerifiedPack) -> Iterator[Defect]:
        for problem in pack.problems:
            name = Path(problem.place).name
            file = "" if name == pack.folder.name else name
            yield Defect(pack.folder.name, file, DefectKind.INTEGRITY, problem.fact)

    def _statement(self, pack: VerifiedPack) -> tuple[Mapping[str, Any] | None, set[Defect]]:
        """The signed statement of a pack, and what is wrong with what is signed."""
        name = pack.folder.name
        data = self._read(pack.folder / ATTESTATION)
        if data is None:
            return None, set()  # the pack's own defects name it
        found: set[Defect] = set()
        statement, flaw = self._opened(data)
        if flaw is not None:
            found.add(Defect(name, ATTESTATION, flaw[0], flaw[1]))
        if statement is not None and pack.credible and pack.sha256 is not None:
            summary_name = self._workspace.history.summary_name(name.partition("_")[0])
            wanted = statement_of(pack.summary, summary_name, pack.sha256, previous_of(statement))
            if wanted != statement:
                found.add(Defect(name, ATTESTATION, DefectKind.INTEGRITY, "what is signed is not about this pack"))
        found |= set(self._phase_defects(pack))
        return statement, found

    def _phase_defects(self, pack: VerifiedPack) -> Iterator[Defect]:
        """Whether an attempt that closes its phase, and only such a one, carries the phase's signed summary."""
        name = pack.folder.name
        parsed = ExecutionId.parse(name)
        gates = self._workspace.catalogue.gates.values()
        gate = next((gate for gate in gates if parsed is not None and gate.prefix == parsed.prefix), None)
        closes = gate is not None and self._workspace.catalogue.closes_phase(gate)
        data = self._read(pack.folder / PHASE_ATTESTATION)
        if data is None:
            if closes and self._read(pack.folder / ATTESTATION) is not None:
                yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, "the summary of the phase is missing")
            return
        if not closes:
            fact = "the attempt closes no phase, and carries the summary of one"
            yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, fact)
            return
        statement, flaw = self._opened(data)
        if flaw is not None:
            yield Defect(name, PHASE_ATTESTATION, flaw[0], flaw[1])
        if statement is None or not pack.credible or pack.sha256 is None or gate is None:
            return
        named = [row.get("execution_id") for row in _rows(pack.summary)]
        inputs = [
            Predecessor(str(item), digest)
            for item in named
            if item is not None and (digest := self._attested(str(item))) is not None
        ]
        wanted = phase_statement_of(
            pack.summary,
            gate.summary_name,
            pack.sha256,
            platform=self._workspace.layout.platform,
            inputs=inputs,
        )
        if wanted != statement:
            fact = "what is signed of the phase does not follow from the attempts that it rests on"
            yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, fact)

    def _opened(self, data: bytes) -> tuple[Mapping[str, Any] | None, tuple[DefectKind, str] | None]:
        try:
            return opened(data, self._keys).statement, None
        except EnvelopeError as error:
            kind = DefectKind.INTEGRITY if error.flaw is EnvelopeFlaw.MALFORMED else DefectKind.SIGNATURE
            return None, (kind, str(error))

    def _previous_defects(self, name: str, previous: Sequence[Predecessor]) -> Iterator[Defect]:
        for item in previous:
            digest = self._attested(item.execution_id)
            if digest is None and self._pruned.get(item.execution_id) == item.sha256:
                continue
            if self._find(item.execution_id) is None:
                fact = f"attempt {item.execution_id} is gone, which {name} followed"
                yield Defect(item.execution_id, "", DefectKind.INTEGRITY, fact)
            elif digest != item.sha256:
                fact = f"it is not the attestation that {name} followed"
                yield Defect(item.execution_id, ATTESTATION, DefectKind.INTEGRITY, fact)

    def _upstream_defects(self, name: str, row: Mapping[str, Any], folder: Path | None) -> Iterator[Defect]:
        upstream = row.get("execution_id")
        if upstream is None:
            return
        if folder is None:
            fact = f"upstream attempt {upstream} is gone, which {name} rests on"
            yield Defect(str(upstream), "", DefectKind.INTEGRITY, fact)
            return
        pack = self._workspace.history.pack(folder)
        if pack.sha256 != row.get("sha256"):
            fact = f"its summary is not the one that {name} rests on"
            yield Defect(str(upstream), str(row.get("summary") or ""), DefectKind.INTEGRITY, fact)
        elif row.get("green") is True and pack.summary.get("overall_pass") is not True:
            yield Defect(name, "", DefectKind.INTEGRITY, f"it says that {upstream} passed, which that does not say")
        elif row.get("green") is True and (reason := invalidation(folder)) is not None:
            yield Defect(name, "", DefectKind.INTEGRITY, f"it rests on {upstream}, which was invalidated: {reason}")

    def _time_defects(self, pack: VerifiedPack, previous: Sequence[Predecessor]) -> Iterator[Defect]:
        """An attempt that claims to be older than one that it names, or than its own id allows."""
        moment = _moment(pack.summary)
        parsed = ExecutionId.parse(pack.folder.name)
        if moment is None or parsed is None:
            return
        if pack.summary.get("clock_note") is None and moment < parsed.time - _CLOCK_TOLERANCE:
            fact = f"it says that it was made at {moment:%Y-%m-%dT%H:%M:%SZ}, before its own id"
            yield Defect(pack.folder.name, "", DefectKind.INTEGRITY, fact)
        for item in previous:
            folder = self._find(item.execution_id)
            earlier = _moment(self._workspace.history.pack(folder).summary) if folder is not None else None
            if earlier is not None and moment < earlier - _CLOCK_TOLERANCE and not pack.summary.get("clock_note"):
                fact = f"it says that it was made before {item.execution_id}, which it follows"
                yield Defect(pack.folder.name, "", DefectKind.INTEGRITY, fact)

    def _notes(self, pack: VerifiedPack) -> Iterator[str]:
        if (reason := invalidation(pack.folder)) is not None:
            yield f"{pack.folder.name} was invalidated: {reason}"
        if self._is_external(pack.folder):
            yield f"{pack.folder.name} was handed over: its digests are checked, and nobody signed it here"
        elif (digest := pack.summary.get("catalogue_sha256")) not in (None, self._workspace.catalogue.sha256):
            yield f"{pack.folder.name} was judged by another catalogue than the one here ({str(digest)[:16]}…)"

    def _durable_defects(self, pack: VerifiedPack, store: DurableCopy) -> Iterator[Defect]:
        name = pack.folder.name
        rows: list[Mapping[str, Any]] = pack.summary["artifacts"] if pack.credible else []
        versions = {row["file"]: row["version_id"] for row in rows if row["read_back"]}
        concluding = [self._workspace.history.summary_name(name.partition("_")[0]), ATTESTATION]
        if (pack.folder / PHASE_ATTESTATION).is_file():
            concluding.append(PHASE_ATTESTATION)
        if not versions and pack.summary.get("overall_pass") is not True:
            return  # an attempt that could not be published says so itself
        try:
            kept = set(store.names(name))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being read is the defect
            yield Defect(name, "", DefectKind.DURABLE, f"the durable copy cannot be listed: {type(error).__name__}")
            return
        if INVALIDATED in kept and pack.summary.get("overall_pass") is True and invalidation(pack.folder) is None:
            fact = "the durable copy was taken back, and the local one was not"
            yield Defect(name, INVALIDATED, DefectKind.DURABLE, fact)
        for file in (*versions, *concluding):
            yield from self._object_defects(pack, store, file, versions.get(file))
        for surplus in sorted(kept - {*versions, *concluding, INVALIDATED}):
            yield Defect(
                name, surplus, DefectKind.DURABLE, "it lies in the durable copy, and the summary does not list it"
            )

    def _object_defects(
        self, pack: VerifiedPack, store: DurableCopy, file: str, version_id: str | None
    ) -> Iterator[Defect]:
        name = pack.folder.name
        try:
            data = store.read(name, file, version_id)
            flaw = store.lock_flaw(name, file, version_id)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being read is the defect
            yield Defect(name, file, DefectKind.DURABLE, f"it cannot be read: {type(error).__name__}: {error}")
            return
        local = self._read(pack.folder / file)
        if local is not None and sha256(local) != sha256(data):
            yield Defect(name, file, DefectKind.DURABLE, "the durable copy has other bytes than the local one")
        if flaw:
            yield Defect(name, file, DefectKind.DURABLE, flaw)

    def _attested(self, execution_id: str) -> str | None:
        """Digest of the attestation of an attempt; None where there is none."""
        if execution_id not in self._digests:
            folder = self._find(execution_id)
            data = self._read(folder / ATTESTATION) if folder is not None else None
            self._digests[execution_id] = sha256(data) if data is not None else None
        return self._digests[execution_id]

    def _find(self, execution_id: str) -> Path | None:
        return self._workspace.history.find(execution_id)

    def _is_external(self, path: Path) -> bool:
        prefix = path.name.partition("_")[0]
        return any(gate.prefix == prefix for gate in self._workspace.catalogue.external.values())

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            return path.read_bytes() if path.is_file() and not path.is_symlink() else None
        except OSError:
            return None


def _rows(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = summary.get("upstream", [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _moment(summary: Mapping[str, Any]) -> datetime | None:
    text = summary.get("generated_at_utc")
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
