"""The audit of evidence by a stranger: every pack, its chain and its signatures; every defect, not the first.

It reads files and public keys alone, so that it works on a copied folder on any machine. Held against a durable store
it also reads each object back by its version. Whatever stands in the place of evidence, it neither waits for it nor
dies of it: what cannot be read or judged is a defect at its place, and the rest is judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phasegate.attempts.archive import Archive
from phasegate.attempts.defects import Defect, DefectKind
from phasegate.attempts.durable import DurableCopy, durable_defects
from phasegate.attempts.gone import receipts, removed_by
from phasegate.attempts.history import invalidation
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.index import NAME as INDEX
from phasegate.attempts.index import index_lies, is_current
from phasegate.attempts.present import target_in_words
from phasegate.attempts.root_id import NAME as ROOT_ID
from phasegate.attempts.sealed import examine
from phasegate.attempts.strays import strays
from phasegate.errors import EvidenceError
from phasegate.evidence.attestation import (
    ATTESTATION,
    PHASE_ATTESTATION,
    Origin,
    Predecessor,
    origin_of,
    phase_statement_of,
    previous_of,
)
from phasegate.evidence.dsse import EnvelopeError, EnvelopeFlaw, opened
from phasegate.evidence.files import UnreadableError, read_file, read_if_there
from phasegate.evidence.stated import StatedUpstream
from phasegate.evidence.verify import VerifiedPack

if TYPE_CHECKING:
    from securesystemslib.signer import Key

_CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far an execution id may run ahead of the clock: ids that collide take the next free second."""


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


class Auditor:
    """Audits attempts.

    Args:
        archive: The attempts.
        keys: The public keys that are trusted.
        store: The durable copies to hold the local ones against; None where only files are looked at.
    """

    def __init__(self, archive: Archive, keys: Sequence[Key], store: DurableCopy | None = None) -> None:
        self._archive = archive
        self._keys = keys
        self._store = store
        self._origin: Origin | None = None
        self._pruned: dict[str, str] = {}
        self._chain: dict[str, tuple[Predecessor, ...]] = {}
        self._found: set[Defect] = set()
        self._notes: set[str] = set()

    def everything(self) -> list[Path]:
        """The folders of all attempts in folders that can be read; what cannot be is a defect of every audit."""
        found: list[Path] = []
        for folder in self._archive.layout.phases():
            try:
                found += self._archive.history.committed(folder)
            except UnreadableError:
                continue
        return found

    def audit(self, wanted: Sequence[Path]) -> Audit:
        """Audits attempts and everything that they rest on or follow.

        Args:
            wanted: The folders of the attempts.

        Raises:
            UnreadableError: The platform's folder itself cannot be read.
        """
        self._look_beside()
        seen: set[str] = set()
        pending = list(wanted)
        while pending:
            path = pending.pop()
            if path.name not in seen:
                seen.add(path.name)
                try:
                    pending += self._judge(path)
                except Exception as error:  # noqa: BLE001 - what an attempt does to its judge is its own defect
                    self._defect(path.name, "", f"it could not be judged: {type(error).__name__}: {error}")
        self._found |= set(self._branches())
        return Audit(tuple(sorted(seen)), tuple(sorted(self._found)), tuple(sorted(self._notes)))

    def _defect(self, execution_id: str, file: str, fact: str, kind: DefectKind = DefectKind.INTEGRITY) -> None:
        self._found.add(Defect(execution_id, file, kind, fact))

    def _look_beside(self) -> None:
        """What belongs to no attempt: the id of the runs root, strays, receipts, noted ends, indexes."""
        flaw = self._archive.root_id.flaw()
        if flaw:
            self._defect("", ROOT_ID, flaw)
        else:
            self._origin = self._archive.root_id.origin()
        for stray in strays(self._archive.layout):
            if stray.harmless:
                self._notes.add(f"{stray.place}: {stray.fact}")
            else:
                self._defect("", stray.place, stray.fact)
        for look in (self._look_at_receipts, self._look_at_ends, self._look_at_indexes, self._look_at_reports):
            try:
                look()
            except UnreadableError:
                continue  # the strays name the folder

    def _look_at_receipts(self) -> None:
        for path in receipts(self._archive.layout):
            place = f"{path.parent.name}/{path.name}"
            try:
                statement = opened(read_file(path), self._keys).statement
            except UnreadableError as error:
                self._defect("", place, f"the receipt {error.fact}")
                continue
            except EnvelopeError as error:
                self._defect("", place, str(error), _kind_of(error))
                continue
            removed = removed_by(statement, self._origin)
            if removed is None:
                self._defect("", place, "it is no receipt of a prune of this runs root")
            else:
                self._pruned |= removed
        for name in self._pruned:
            if self._find(name) is not None:
                self._notes.add(f"{name} is there, and a receipt says that it was pruned")

    def _look_at_ends(self) -> None:
        try:
            noted = self._archive.heads.names()
        except UnreadableError:
            noted = []  # the strays name the folder
        for name in noted:
            if self._find(name) is None and name not in self._pruned:
                self._defect(
                    name, "", "the attempt is gone, and the chain of attestations ended with it: restore it from a copy"
                )
        ends = {item.execution_id for item in self._archive.heads.read()}
        for name in ends.difference(noted):
            self._notes.add(f"{name} ends the chain, and nothing notes it until an attempt follows")
        for name in set(noted) - ends:
            if self._attested(name) is not None:
                self._notes.add(f"{name} is noted as an end of the chain, and another attempt follows it")

    def _look_at_indexes(self) -> None:
        history = self._archive.history
        for folder in self._archive.layout.phases():
            place = f"{folder.name}/{INDEX}"
            try:
                data = read_if_there(folder / INDEX)
                records = history.attempts(folder.name) if data is not None else []
            except UnreadableError as error:
                named = {found.file for found in self._found}  # a closed folder, or what is no file at all
                if Path(error.problems[0].place).name == INDEX and not named & {folder.name, place}:
                    self._defect("", place, f"the index {error.fact}")
                continue
            if data is None or is_current(folder, data, records):
                continue
            committed = [item for item in records if item.path.parent == folder]
            doubtful = {item.execution_id for item in committed if history.pack(item.path).problems}
            lies = index_lies(folder, data, records, doubtful, self._pruned)
            for fact in lies:
                self._defect("", place, fact)
            # What stands in the chain takes a walk of it, and is asked only where the index says more than the packs.
            if not lies and not is_current(folder, data, self._archive.attempts(folder.name)):
                self._notes.add(f"{place}: it is not what the folders say now; `phasegate runs` is")

    def _look_at_reports(self) -> None:
        found = examine(self._archive, self._keys, self._origin, self._pruned, self._store)
        self._found |= {*found.defects}
        self._notes |= {*found.notes}

    def _judge(self, path: Path) -> list[Path]:
        """Judges one attempt; returns the folders of those that it rests on or follows."""
        pack = self._archive.history.pack(path)
        self._found |= set(_pack_defects(pack))
        self._notes |= set(self._remarks(pack))
        if _is_closed(pack):
            return []
        following: list[Path] = []
        if not self._is_external(path):
            statement = self._statement(pack)
            previous = previous_of(statement) if statement is not None else ()
            if statement is not None and origin_of(statement) == self._origin:
                self._chain[path.name] = previous
            self._found |= set(self._phase_defects(pack))
            self._found |= set(self._previous_defects(path.name, previous))
            self._found |= set(self._time_defects(pack, previous))
            following += [folder for item in previous if (folder := self._find(item.execution_id)) is not None]
            if self._store is not None:
                name = self._archive.history.summary_name(path.name.partition("_")[0])
                self._found |= set(durable_defects(pack, name, self._store))
        for row in pack.summary.upstream:
            folder = self._find(row.execution_id) if row.execution_id is not None else None
            self._found |= set(self._upstream_defects(pack, row, folder))
            following += [folder] if folder is not None else []
        return following

    def _statement(self, pack: VerifiedPack) -> Mapping[str, Any] | None:
        """The signed statement of a pack; that it is about the pack is the pack's own check."""
        try:
            return opened(read_file(pack.folder / ATTESTATION), self._keys).statement
        except UnreadableError:
            return None  # the pack's own defects name it
        except EnvelopeError as error:
            self._defect(pack.folder.name, ATTESTATION, str(error), _kind_of(error))
            return None

    def _phase_defects(self, pack: VerifiedPack) -> Iterator[Defect]:
        """Whether an attempt that closes its phase, and only such a one, carries the phase's signed summary."""
        name = pack.folder.name
        parsed = ExecutionId.parse(name)
        gates = self._archive.catalogue.gates.values()
        gate = next((gate for gate in gates if parsed is not None and gate.prefix == parsed.prefix), None)
        closes = gate is not None and self._archive.catalogue.closes_phase(gate)
        data = _bytes(pack.folder / PHASE_ATTESTATION)
        if data is None:
            if closes and self._attested(name) is not None:
                yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, "the summary of the phase is missing")
            return
        if not closes:
            fact = "the attempt closes no phase, and carries the summary of one"
            yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, fact)
            return
        try:
            statement = opened(data, self._keys).statement
        except EnvelopeError as error:
            yield Defect(name, PHASE_ATTESTATION, _kind_of(error), str(error))
            return
        if not pack.credible or pack.sha256 is None or gate is None:
            return
        named = [row.execution_id for row in pack.summary.upstream if row.execution_id is not None]
        found = {item: self._attested(item) for item in named if not self._is_external(Path(item))}
        if None in found.values():
            return  # what it rests on cannot be read, which is a defect there
        inputs = [Predecessor(item, digest) for item, digest in found.items() if digest is not None]
        origin = origin_of(statement)
        wanted = phase_statement_of(pack.summary, gate.summary_name, pack.sha256, origin=origin, inputs=inputs)
        if wanted != statement or (self._origin is not None and origin != self._origin):
            fact = "what is signed of the phase does not follow from the attempts that it rests on"
            yield Defect(name, PHASE_ATTESTATION, DefectKind.INTEGRITY, fact)

    def _branches(self) -> Iterator[Defect]:
        """Attempts that follow the same one, or that all begin the chain: no two of this runs root ever do."""
        followers: dict[str, list[str]] = defaultdict(list)
        for name, previous in self._chain.items():
            for predecessor in [item.execution_id for item in previous] or [""]:
                followers[predecessor].append(name)
        for predecessor, names in followers.items():
            for name in names if len(names) > 1 else ():
                others = ", ".join(sorted(set(names) - {name}))
                what = f"follows {predecessor}" if predecessor else "begins the chain"
                fact = f"it {what}, and so does {others}: one of them was made elsewhere and brought here"
                yield Defect(name, ATTESTATION, DefectKind.INTEGRITY, fact)

    def _previous_defects(self, name: str, previous: Sequence[Predecessor]) -> Iterator[Defect]:
        for item in previous:
            digest = self._attested(item.execution_id)
            if digest is None and self._pruned.get(item.execution_id) == item.sha256:
                continue
            folder = self._find(item.execution_id)
            if folder is None:
                fact = f"attempt {item.execution_id} is gone, which {name} followed"
                yield Defect(item.execution_id, "", DefectKind.INTEGRITY, fact)
            elif digest is not None and digest != item.sha256:  # what cannot be read, its own pack's defects name
                fact = f"it is not the attestation that {name} followed"
                yield Defect(item.execution_id, ATTESTATION, DefectKind.INTEGRITY, fact)

    def _upstream_defects(self, pack: VerifiedPack, row: StatedUpstream, folder: Path | None) -> Iterator[Defect]:
        name, upstream = pack.folder.name, row.execution_id
        if upstream is None:
            return
        if folder is None:
            fact = f"upstream attempt {upstream} is gone, which {name} rests on"
            yield Defect(upstream, "", DefectKind.INTEGRITY, fact)
            return
        found = self._archive.history.pack(folder)
        target = self._archive.history.target
        if _is_closed(found):
            return
        if found.sha256 != row.sha256:
            fact = f"its summary is not the one that {name} rests on"
            yield Defect(upstream, row.summary, DefectKind.INTEGRITY, fact)
        elif not row.green:
            return
        elif not found.summary.passed:
            yield Defect(name, "", DefectKind.INTEGRITY, f"it says that {upstream} passed, which that does not say")
        elif (reason := invalidation(folder)) is not None:
            yield Defect(name, "", DefectKind.INTEGRITY, f"it rests on {upstream}, which was invalidated: {reason}")
        elif not self._is_external(folder) and target(found.summary) != target(pack.summary):
            fact = f"it rests on {upstream}, which looked at {target_in_words(target(found.summary))}"
            yield Defect(name, "", DefectKind.INTEGRITY, fact)

    def _time_defects(self, pack: VerifiedPack, previous: Sequence[Predecessor]) -> Iterator[Defect]:
        """An attempt that claims to be older than one that it names, or than its own id allows."""
        moment = pack.summary.moment
        parsed = ExecutionId.parse(pack.folder.name)
        if moment is None or parsed is None:
            return
        if not pack.summary.clock_note and moment < parsed.time - _CLOCK_TOLERANCE:
            fact = f"it says that it was made at {moment:%Y-%m-%dT%H:%M:%SZ}, before its own id"
            yield Defect(pack.folder.name, "", DefectKind.INTEGRITY, fact)
        for item in previous:
            folder = self._find(item.execution_id)
            earlier = self._archive.history.pack(folder).summary.moment if folder is not None else None
            if earlier is not None and moment < earlier - _CLOCK_TOLERANCE and not pack.summary.clock_note:
                fact = f"it says that it was made before {item.execution_id}, which it follows"
                yield Defect(pack.folder.name, "", DefectKind.INTEGRITY, fact)

    def _remarks(self, pack: VerifiedPack) -> Iterator[str]:
        if (reason := invalidation(pack.folder)) is not None:
            yield f"{pack.folder.name} was invalidated: {reason}"
        if self._is_external(pack.folder):
            yield f"{pack.folder.name} was handed over: the catalogue vouches for it, and nobody signed it here"
        elif (digest := pack.summary.catalogue_sha256) not in (None, self._archive.catalogue.sha256):
            yield f"{pack.folder.name} was judged by another catalogue than the one here ({digest[:16]}…)"

    def _attested(self, execution_id: str) -> str | None:
        """Digest of the attestation of an attempt; None where there is none that can be read."""
        try:
            found = self._archive.heads.attested(execution_id)
        except (EvidenceError, OSError):
            return None
        return found.sha256 if found is not None else None

    def _find(self, execution_id: str) -> Path | None:
        return self._archive.history.find(execution_id)

    def _is_external(self, path: Path) -> bool:
        prefix = path.name.partition("_")[0]
        return any(gate.prefix == prefix for gate in self._archive.catalogue.external.values())


def _pack_defects(pack: VerifiedPack) -> Iterator[Defect]:
    for problem in pack.problems:
        name = Path(problem.place).name
        file = "" if name == pack.folder.name else name
        yield Defect(pack.folder.name, file, DefectKind.INTEGRITY, problem.fact)


def _is_closed(pack: VerifiedPack) -> bool:
    """Whether nothing of a pack can be seen: that is one defect, and no other follows from it."""
    return pack.sha256 is None and any(Path(problem.place) == pack.folder for problem in pack.problems)


def _kind_of(error: EnvelopeError) -> DefectKind:
    return DefectKind.INTEGRITY if error.flaw is EnvelopeFlaw.MALFORMED else DefectKind.SIGNATURE


def _bytes(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except UnreadableError:
        return None
