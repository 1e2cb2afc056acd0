"""What a gate rests on: the authoritative attempt of an earlier gate, verified back to the start of the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from phasegate.attempts.history import History, defects, invalidation
from phasegate.catalog.model import Catalogue, UpstreamEdge
from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import canonical, parsed
from phasegate.evidence.summary import UpstreamRow
from phasegate.evidence.verify import VerifiedPack


@dataclass(frozen=True, slots=True)
class UpstreamEvidence:
    """The evidence of an upstream gate as this session finds it.

    Attributes:
        gate: The upstream gate.
        execution_id: Its authoritative attempt; None where there is none.
        summary_name: File name of its summary.
        summary: The parsed summary; empty where there is none.
        sha256: Digest of the summary.
        green: Whether it says what is required, and its chain verifies.
        absent: Whether it is not green because evidence is missing, unreadable or altered.
        why: Why it is not green, with the way out; empty where it is green.
        path: Its folder; None where there is none.
    """

    gate: str
    execution_id: str | None
    summary_name: str
    summary: Mapping[str, Any]
    sha256: str | None
    green: bool
    absent: bool
    why: str
    path: Path | None

    def artifact(self, name: str) -> Any:
        """The parsed content of one of its artifacts; None unless the attempt is green and has it."""
        return self.recorded(name) if self.green else None

    def recorded(self, name: str) -> Any:
        """The parsed content of one of its artifacts, green or not; None unless the attempt verifies and has it.

        For roll-ups, which report on blocked gates too; nothing else may rest on an attempt that is not green.
        """
        if self.absent or self.path is None:
            return None
        listed = {row["file"] for row in self.summary["artifacts"]}  # a green pack verified, so its rows have form
        return parsed((self.path / name).read_bytes()) if name in listed else None

    def row(self) -> UpstreamRow:
        """How the summary of the attempt that rests on it lists it."""
        return UpstreamRow(self.gate, self.execution_id, self.summary_name, self.sha256, self.green, self.why)


class Chain:
    """Verifies upstream evidence back to the gates that rest on nothing here.

    Args:
        history: The attempts that there are.
        catalogue: The gates and their edges.
        substrate: The substrate whose evidence counts.
    """

    def __init__(self, history: History, catalogue: Catalogue, substrate: str) -> None:
        self._history = history
        self._catalogue = catalogue
        self._substrate = substrate

    def evidence(self, gate_id: str, requires: Mapping[str, JsonValue] | None = None) -> UpstreamEvidence:
        """The authoritative evidence of a gate, held against what is required of it.

        Args:
            gate_id: A catalogued or external gate.
            requires: Fields of its summary and their values; by default a pass.
        """
        name = self._summary_name(gate_id)
        pack = self._history.newest(gate_id, self._substrate)
        if pack is None:
            why = f"{gate_id} has no complete, valid attempt on substrate {self._substrate}"
            return UpstreamEvidence(gate_id, None, name, {}, None, green=False, absent=True, why=why, path=None)
        broken = self.defects(pack)
        wanted = {"overall_pass": True} if requires is None else dict(requires)
        differing = [key for key, value in wanted.items() if not _is_same(pack.summary.get(key), value)]
        why = ""
        if broken:
            why = f"{gate_id} attempt {pack.folder.name} does not verify: {broken}"
        elif differing:
            found = ", ".join(f"{key} is {pack.summary.get(key)!r}, not {wanted[key]!r}" for key in differing)
            blockers = pack.summary.get("blockers")
            named = ", ".join(str(code) for code in blockers) if isinstance(blockers, list) else ""
            why = f"{gate_id} attempt {pack.folder.name}: {found}" + (f" (blockers: {named})" if named else "")
        return UpstreamEvidence(
            gate=gate_id,
            execution_id=pack.folder.name,
            summary_name=name,
            summary=pack.summary,
            sha256=pack.sha256,
            green=not why,
            absent=bool(broken),
            why=why,
            path=pack.folder,
        )

    def of_edge(self, edge: UpstreamEdge) -> UpstreamEvidence:
        """The evidence that an edge of the catalogue names."""
        return self.evidence(edge.gate, edge.requires)

    def defects(self, pack: VerifiedPack) -> str:
        """What is wrong with a pack or with anything that it rests on; empty where nothing is."""
        found: list[str] = []
        pending = [pack]
        seen: set[Path] = set()
        while pending:
            current = pending.pop()
            if current.folder in seen:
                continue
            seen.add(current.folder)
            if current.problems:
                found.append(defects(current))
                continue
            for row in _rows(current.summary):
                fact, upstream = self._upstream(row)
                if fact:
                    found.append(fact)
                elif upstream is not None:
                    pending.append(upstream)
        return "; ".join(found)

    def _upstream(self, row: Mapping[str, Any]) -> tuple[str, VerifiedPack | None]:
        """What is wrong with the attempt that a row names, or its pack; neither where it names none."""
        execution_id = row.get("execution_id")
        if execution_id is None:
            return "", None
        path = self._history.find(str(execution_id))
        if path is None:
            return f"its upstream attempt {execution_id} is gone", None
        pack = self._history.pack(path)
        if pack.sha256 != row.get("sha256"):
            return f"the summary of its upstream attempt {execution_id} was altered", None
        reason = invalidation(path)
        if reason is not None and row.get("green") is True:
            return f"its upstream attempt {execution_id} was invalidated: {reason}", None
        return "", pack

    def _summary_name(self, gate_id: str) -> str:
        external = self._catalogue.external.get(gate_id)
        return external.summary if external is not None else self._catalogue.gates[gate_id].summary_name


def _rows(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The upstream rows of a summary; what is no row, as a pack handed over may have, names an attempt that is gone."""
    rows = summary.get("upstream", [])
    rows = rows if isinstance(rows, list) else [rows]
    return [row if isinstance(row, dict) else {"execution_id": repr(row)} for row in rows]


def _is_same(found: JsonValue, wanted: JsonValue) -> bool:
    """Whether two JSON values are the same; `1` is not `true`, which Python's comparison would let pass."""
    try:
        return canonical(found) == canonical(wanted)
    except EvidenceError:
        return False
