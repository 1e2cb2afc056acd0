"""What attempts there are, and which of them is authoritative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import Journal
from phasegate.attempts.layout import STAGING, Layout
from phasegate.attempts.present import SUBSTRATE
from phasegate.attempts.root_id import RootId
from phasegate.catalog.grammar import summary_name
from phasegate.catalog.model import Catalogue
from phasegate.errors import EvidenceError
from phasegate.evidence.attestation import Origin
from phasegate.evidence.files import UnreadableError, entries, is_there, read_if_there
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.stated import StatedSummary
from phasegate.evidence.verify import INVALIDATED, Attested, HandedOver, VerifiedPack, read_summary, verify_pack

if TYPE_CHECKING:
    from securesystemslib.signer import Key

AUTHORITATIVE = "authoritative"
Trusted = Callable[[], "Sequence[Key] | None"]
_TargetKey = tuple[tuple[str, str], ...]
_Stamp = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt, committed or not.

    Attributes:
        execution_id: Its name.
        gate: Its gate.
        alias: The gate's alias.
        target: What it looked at; empty where nothing says so.
        verdict: Its verdict word; None where it was not committed.
        blockers: The codes that it raised.
        standing: `authoritative`, or why it is not.
        path: Its folder.
        waived: The codes that a waiver passed: they were seen, and do not hold.
        stale: Whether it is the newest word of its gate, and rests on what changed since.
    """

    execution_id: str
    gate: str
    alias: str | None
    target: Mapping[str, str]
    verdict: str | None
    blockers: tuple[str, ...]
    standing: str
    path: Path
    waived: tuple[str, ...] = ()
    stale: bool = False

    @property
    def authoritative(self) -> bool:
        """Whether it is the one that counts for its gate and target."""
        return self.standing == AUTHORITATIVE

    @property
    def substrate(self) -> str | None:
        """The substrate that it looked at; None where nothing says so."""
        return self.target.get(SUBSTRATE)


class History:
    """Reads the attempts of a platform; packs are verified once and kept while their files do not change.

    Args:
        layout: Where attempts lie.
        catalogue: What gates there are.
        schemas: The schemas that summaries must fit.
        root_id: The id of the runs root, which every signed attempt must name.
        trusted: Gives the keys of which one must have signed each attempt, at the first use; without it, or where it
            gives None, who signed is not looked at.
    """

    def __init__(
        self,
        layout: Layout,
        catalogue: Catalogue,
        schemas: SchemaSet,
        root_id: RootId,
        trusted: Trusted | None = None,
    ) -> None:
        self._layout = layout
        self._catalogue = catalogue
        self._schemas = schemas
        self._root_id = root_id
        self._trusted = trusted
        self._packs: dict[Path, tuple[_Stamp, VerifiedPack]] = {}
        self._gate_of_prefix = {gate.prefix: gate for gate in catalogue.gates.values()}
        self._external_of_prefix = {gate.prefix: gate for gate in catalogue.external.values()}

    def attempts(self, phase: str | None = None) -> list[AttemptRecord]:
        """Every attempt, in order of their ids within a phase; the newest last."""
        folders = self._layout.phases() if phase is None else [self._layout.phase(phase)]
        return [record for folder in folders for record in self._phase(folder)]

    def newest(self, gate_id: str, target: Mapping[str, str] | None = None) -> VerifiedPack | None:
        """The newest complete, not invalidated pack of a gate; it may be altered or blocked.

        A pack whose summary is not credible is returned and not passed over, whatever it says: it may have been
        complete, and of this target, before it was altered. Of a gate that is not run here the pack counts that
        the catalogue names, and no newer one.

        Args:
            gate_id: A catalogued or external gate.
            target: What it must have looked at, of what was handed over the substrate alone; None for anything.
        """
        external = self._catalogue.external.get(gate_id)
        looked_at = self.target if external is None else _substrate_of
        wanted = None if target is None else _target_key(target if external is None else _compared(target))
        if external is not None:
            place = self.find(external.execution_id)
            candidates = [place] if place is not None else []
        else:
            gate = self._catalogue.gates[gate_id]
            candidates = self.committed(self._layout.phase(gate.phase), gate.prefix)
        for path in reversed(candidates):
            if invalidation(path) is not None:
                continue
            pack = self.pack(path)
            if not pack.credible or (_is_newest_word(pack) and wanted in (None, _target_key(looked_at(pack.summary)))):
                return pack
        return None

    def targets(self, gate_id: str) -> list[Mapping[str, str]]:
        """What the complete attempts of a gate that were not taken back say that they looked at, each once."""
        gate = self._catalogue.gates[gate_id]
        found: dict[_TargetKey, Mapping[str, str]] = {}
        for path in self.committed(self._layout.phase(gate.phase), gate.prefix):
            summary = read_summary(path / gate.summary_name)
            target = self.target(summary)
            if target and not _is_incomplete(summary) and invalidation(path) is None:
                found[_target_key(target)] = target
        return list(found.values())

    def pack(self, path: Path) -> VerifiedPack:
        """The verified pack of a committed attempt's folder."""
        stamp = _stamp(path)
        kept = self._packs.get(path)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        execution_id = ExecutionId.parse(path.name)
        prefix = execution_id.prefix if execution_id else ""
        external = self._external_of_prefix.get(prefix)
        if external is None:
            pack = verify_pack(path, self.summary_name(prefix), Attested(self._origin(), self._keys), self._schemas)
        else:  # what was handed over has its own platform's form
            owes = HandedOver(external.execution_id, external.sha256, external.artifacts)
            pack = verify_pack(path, self.summary_name(prefix), owes)
        self._packs[path] = (stamp, pack)
        return pack

    def find(self, execution_id: str) -> Path | None:
        """The folder of a committed attempt, or what stands in its place; None where nothing does."""
        parsed = ExecutionId.parse(execution_id)
        path = self._layout.attempt(parsed) if parsed is not None else None
        return path if path is not None and is_there(path) else None

    def summary_name(self, prefix: str) -> str:
        """File name of the summary of the gate that a prefix stands for."""
        external = self._external_of_prefix.get(prefix)
        return external.summary if external is not None else summary_name(prefix)

    def target(self, summary: StatedSummary) -> Mapping[str, str]:
        """What an attempt looked at; of what was handed over the substrate alone, empty where nothing says so."""
        return summary.target if summary.target is not None else _substrate_of(summary)

    def committed(self, folder: Path, prefix: str | None = None) -> list[Path]:
        """The attempts that lie in a phase's folder, in order of their ids.

        What bears the name of one and is no folder counts: it may stand where one was.

        Raises:
            UnreadableError: The folder cannot be listed.
        """
        named = [(ExecutionId.parse(entry.name), entry.path) for entry in entries(folder)]
        found = [(parsed, path) for parsed, path in named if parsed and prefix in (None, parsed.prefix)]
        return [path for _, path in sorted(found, key=lambda pair: (pair[0].time, pair[1].name))]

    @cached_property
    def _keys(self) -> Sequence[Key] | None:
        return self._trusted() if self._trusted is not None else None

    def _origin(self) -> Origin | None:
        """What this runs root is; None where it has no id that could be read, which is named where it matters."""
        try:
            return self._root_id.origin()
        except EvidenceError:
            return None

    def _phase(self, folder: Path) -> list[AttemptRecord]:
        newest: dict[tuple[str, _TargetKey | None], str] = {}
        records: list[AttemptRecord] = []
        for path in reversed(self.committed(folder)):
            prefix = path.name.split("_", maxsplit=1)[0]
            summary = read_summary(path / self.summary_name(prefix))
            target = _target_key(self.target(summary))
            successor = newest.get((prefix, None)) or newest.get((prefix, target))
            if successor is not None and not _is_incomplete(summary) and invalidation(path) is None:
                # What a newer attempt took the place of feeds no gate; verifying each would cost for nothing.
                records.append(self._record(path, prefix, summary, f"superseded by {successor}"))
                continue
            pack = self.pack(path)
            if _is_newest_word(pack) and invalidation(path) is None:
                # As in `newest`: a summary that is not credible stands before the older ones of every target.
                newest.setdefault((prefix, target if pack.credible else None), path.name)
            records.append(self._record(path, prefix, summary, _intrinsic_standing(path, pack)))
        records.reverse()
        staged = [self._staged(path) for path in self.committed(folder / STAGING)]
        return records + [record for record in staged if record.path.is_dir()]  # not one that just left

    def _record(self, path: Path, prefix: str, summary: StatedSummary, standing: str) -> AttemptRecord:
        known = self._gate_of_prefix.get(prefix) or self._external_of_prefix.get(prefix)
        return AttemptRecord(
            execution_id=path.name,
            gate=known.id if known is not None else prefix,
            alias=summary.alias,
            target=self.target(summary),
            verdict=summary.verdict,
            blockers=summary.blockers,
            standing=standing,
            path=path,
            waived=tuple(dict.fromkeys(waiver.blocker for waiver in summary.waivers)),
        )

    def _staged(self, path: Path) -> AttemptRecord:
        journal = Journal(path)
        standing = "abandoned: its process ended before it was committed"
        try:
            opened = next((entry for entry in journal.entries() if entry.get("event") == "opened"), {})
        except UnreadableError as error:
            opened, standing = {}, f"abandoned: its journal {error.fact}"
        prefix = path.name.split("_", maxsplit=1)[0]
        known = self._gate_of_prefix.get(prefix)
        return AttemptRecord(
            execution_id=path.name,
            gate=known.id if known is not None else prefix,
            alias=known.alias if known is not None else None,
            target=StatedSummary.of(opened).target or {},
            verdict=None,
            blockers=(),
            standing="running" if journal.is_written() else standing,
            path=path,
        )


def defects(pack: VerifiedPack) -> str:
    """The problems of a pack in one line."""
    return "; ".join(f"{Path(problem.place).name}: {problem.fact}" for problem in pack.problems)


def invalidation(path: Path) -> str | None:
    """Why an attempt was invalidated; None where it was not."""
    try:
        data = read_if_there(path / INVALIDATED)
    except UnreadableError:
        data = b""  # whatever stands there, somebody meant to take the attempt back
    if data is None:
        return None
    lines = data.decode("utf-8", errors="backslashreplace").splitlines()
    reason = next((line.removeprefix("reason: ") for line in lines if line.startswith("reason: ")), None)
    return reason or "no reason given"


def _stamp(path: Path) -> _Stamp:
    try:
        found = [(entry.name, entry.status) for entry in entries(path)]
    except UnreadableError:
        return ()
    return tuple(
        (name, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino) for name, status in found
    )


def _intrinsic_standing(path: Path, pack: VerifiedPack) -> str:
    reason = invalidation(path)
    if reason is not None:
        return f"invalidated: {reason}"
    if pack.problems:
        return f"altered: {defects(pack)}"
    if _is_incomplete(pack.summary):
        return f"incomplete: {', '.join(pack.summary.not_evaluated) or 'something'} not evaluated"
    return AUTHORITATIVE


def _is_newest_word(pack: VerifiedPack) -> bool:
    """Whether a pack stands before the older ones: a partial run proves nothing, a doubtful one may have."""
    return not pack.credible or not _is_incomplete(pack.summary)


def _is_incomplete(summary: StatedSummary) -> bool:
    return summary.complete is False


def _target_key(target: Mapping[str, str]) -> _TargetKey:
    return tuple(sorted(target.items()))


def _substrate_of(summary: StatedSummary) -> Mapping[str, str]:
    """What packs that were handed over looked at: they have their own platform's form, and name no more."""
    return {SUBSTRATE: summary.substrate} if summary.substrate is not None else {}


def _compared(target: Mapping[str, str]) -> Mapping[str, str]:
    """What of a target is held against packs that were handed over."""
    return {SUBSTRATE: target[SUBSTRATE]} if SUBSTRATE in target else {}
