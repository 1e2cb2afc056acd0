"""What attempts there are, and which of them is authoritative."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import Journal
from phasegate.attempts.layout import Layout
from phasegate.catalog.model import Catalogue
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.verify import INVALIDATED, VerifiedPack, read_summary, verify_pack

AUTHORITATIVE = "authoritative"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt, committed or not.

    Attributes:
        execution_id: Its name.
        gate: Its gate.
        alias: The gate's alias.
        substrate: What it looked at; None where nothing says so.
        verdict: Its verdict word; None where it was not committed.
        blockers: The codes that it raised.
        standing: `authoritative`, or why it is not.
        path: Its folder.
    """

    execution_id: str
    gate: str
    alias: str | None
    substrate: str | None
    verdict: str | None
    blockers: tuple[str, ...]
    standing: str
    path: Path

    @property
    def authoritative(self) -> bool:
        """Whether it is the one that counts for its gate and substrate."""
        return self.standing == AUTHORITATIVE


class History:
    """Reads the attempts of a platform; packs are verified once and kept while their files do not change.

    Args:
        layout: Where attempts lie.
        catalogue: What gates there are.
        schemas: The schemas that summaries must fit.
    """

    def __init__(self, layout: Layout, catalogue: Catalogue, schemas: SchemaSet) -> None:
        self._layout = layout
        self._catalogue = catalogue
        self._schemas = schemas
        self._packs: dict[Path, tuple[Any, VerifiedPack]] = {}
        self._gate_of_prefix = {gate.prefix: gate for gate in catalogue.gates.values()}
        self._external_of_prefix = {gate.prefix: gate for gate in catalogue.external.values()}

    def attempts(self, phase: str | None = None) -> list[AttemptRecord]:
        """Every attempt, in order of their ids within a phase; the newest last."""
        folders = self._layout.phases() if phase is None else [self._layout.phase(phase)]
        return [record for folder in folders for record in self._phase(folder)]

    def newest(self, gate_id: str, substrate: str) -> VerifiedPack | None:
        """The newest complete, not invalidated pack of a gate on a substrate; it may be altered or blocked."""
        prefix = self._prefix(gate_id)
        folder = self._layout.phase(gate_id.split(".", maxsplit=1)[0])
        for path in reversed(self._committed(folder, prefix)):
            if (path / INVALIDATED).exists():
                continue
            pack = self.pack(path)
            # A pack whose summary cannot be read is returned and not passed over: it may have said anything.
            if not pack.summary or _eligible(pack.summary, substrate):
                return pack
        return None

    def pack(self, path: Path) -> VerifiedPack:
        """The verified pack of a committed attempt's folder."""
        stamp = _stamp(path)
        kept = self._packs.get(path)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        execution_id = ExecutionId.parse(path.name)
        prefix = execution_id.prefix if execution_id else ""
        external = prefix in self._external_of_prefix
        pack = verify_pack(path, self.summary_name(prefix), None if external else self._schemas)
        self._packs[path] = (stamp, pack)
        return pack

    def remember(self, pack: VerifiedPack) -> None:
        """Keeps a pack that this process just wrote and synced; a later change of any file voids it."""
        self._packs[pack.folder] = (_stamp(pack.folder), pack)

    def find(self, execution_id: str) -> Path | None:
        """The folder of a committed attempt; None where there is none of that name."""
        parsed = ExecutionId.parse(execution_id)
        path = self._layout.attempt(parsed) if parsed is not None else None
        return path if path is not None and path.is_dir() else None

    def summary_name(self, prefix: str) -> str:
        """File name of the summary of the gate that a prefix stands for."""
        external = self._external_of_prefix.get(prefix)
        return external.summary if external is not None else f"{prefix}_execution_summary.json"

    def _prefix(self, gate_id: str) -> str:
        known = self._catalogue.gates.get(gate_id) or self._catalogue.external[gate_id]
        return known.prefix

    def _committed(self, folder: Path, prefix: str | None = None) -> list[Path]:
        if not folder.is_dir():
            return []
        named = [(ExecutionId.parse(path.name), path) for path in folder.iterdir() if path.is_dir()]
        found = [(parsed, path) for parsed, path in named if parsed and prefix in (None, parsed.prefix)]
        return [path for _, path in sorted(found, key=lambda pair: (pair[0].time, pair[1].name))]

    def _phase(self, folder: Path) -> list[AttemptRecord]:
        newest: dict[tuple[str, str | None], str] = {}
        records: list[AttemptRecord] = []
        for path in reversed(self._committed(folder)):
            prefix = path.name.split("_", maxsplit=1)[0]
            summary = read_summary(path / self.summary_name(prefix))
            successor = newest.get((prefix, summary.get("substrate")))
            if successor is not None and summary.get("complete") is not False and invalidation(path) is None:
                # What a newer attempt took the place of feeds no gate; verifying each would cost for nothing.
                records.append(self._record(path, prefix, summary, f"superseded by {successor}"))
                continue
            standing = _intrinsic_standing(path, self.pack(path))
            if standing == AUTHORITATIVE or standing.startswith("altered"):
                newest[prefix, summary.get("substrate")] = path.name
            records.append(self._record(path, prefix, summary, standing))
        records.reverse()
        return records + [self._staged(path) for path in self._committed(folder / ".staging")]

    def _record(self, path: Path, prefix: str, summary: dict[str, Any], standing: str) -> AttemptRecord:
        known = self._gate_of_prefix.get(prefix) or self._external_of_prefix.get(prefix)
        return AttemptRecord(
            execution_id=path.name,
            gate=known.id if known is not None else prefix,
            alias=summary.get("alias"),
            substrate=summary.get("substrate"),
            verdict=summary.get("verdict"),
            blockers=tuple(str(code) for code in summary.get("blockers") or ()),
            standing=standing,
            path=path,
        )

    def _staged(self, path: Path) -> AttemptRecord:
        opened = next((entry for entry in Journal(path).entries() if entry.get("event") == "opened"), {})
        alive = _alive(opened.get("pid"))
        return AttemptRecord(
            execution_id=path.name,
            gate=str(opened.get("gate", path.name.split("_", maxsplit=1)[0])),
            alias=None,
            substrate=opened.get("substrate"),
            verdict=None,
            blockers=(),
            standing="running" if alive else "abandoned: its process ended before it was committed",
            path=path,
        )


def _stamp(path: Path) -> tuple[tuple[str, int, int, int, int], ...]:
    return tuple(
        (entry.name, status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        for entry in sorted(path.iterdir())
        for status in [entry.lstat()]
    )


def defects(pack: VerifiedPack) -> str:
    """The problems of a pack in one line."""
    return "; ".join(f"{Path(problem.place).name}: {problem.fact}" for problem in pack.problems)


def invalidation(path: Path) -> str | None:
    """Why an attempt was invalidated; None where it was not."""
    marker = path / INVALIDATED
    if not marker.exists():
        return None
    try:
        lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    reason = next((line.removeprefix("reason: ") for line in lines if line.startswith("reason: ")), None)
    return reason or "no reason given"


def _intrinsic_standing(path: Path, pack: VerifiedPack) -> str:
    reason = invalidation(path)
    if reason is not None:
        return f"invalidated: {reason}"
    if pack.problems:
        return f"altered: {defects(pack)}"
    if pack.summary.get("complete") is False:
        missing = pack.summary.get("not_evaluated") or []
        return f"incomplete: {', '.join(str(name) for name in missing)} not evaluated"
    return AUTHORITATIVE


def _eligible(summary: dict[str, Any], substrate: str) -> bool:
    return summary.get("substrate") == substrate and summary.get("complete") is not False


def _alive(pid: object) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
