"""The runtime-path manifest: which path each lane takes, as the registry says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.lanes.catalog import GOVERNANCE_LAW, LANES
from infra.lanes.findings import Finding, Law, allowed_on_eks, check_manifest, eks_policy_of
from infra.lanes.model import Lane, LanePath

if TYPE_CHECKING:
    from pydantic import JsonValue

_ALTERNATIVES = re.compile(r"[|,]")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The runtime path of every lane, and what is wrong with it.

    Attributes:
        payload: The manifest as JSON: `governance` and `lanes[]`.
        findings: Everything that breaks a law of the lanes, lane by lane.
    """

    payload: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def malformed(self) -> tuple[str, ...]:
        """What makes the manifest partial: a lane, an owner, a path or a value that is missing or unknown."""
        return self._breaking(Law.WHOLE)

    @property
    def ambiguous(self) -> tuple[str, ...]:
        """Lanes that show more than one active path."""
        return self._breaking(Law.ONE_PATH)

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Lanes whose fallbacks are not declared, or are declared without a reason."""
        return self._breaking(Law.FALLBACKS)

    @property
    def eks_violations(self) -> tuple[str, ...]:
        """Lanes that run on EKS where the policy does not allow it."""
        return self._breaking(Law.EKS)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The selection matrix: one row for each lane."""
        allowed = allowed_on_eks(eks_policy_of(self.payload))
        blamed = {finding.lane for finding in self.findings}
        return [
            {
                "lane": lane["lane"],
                "active_count": len(lane["active_paths"]) + len(lane["unrecognised"]),
                "fallback_count": len(lane["inactive"]),
                "eks_active": lane["eks_active"],
                "eks_allowed": lane["lane"] in allowed,
                "pass": lane["lane"] not in blamed,
            }
            for lane in self.payload["lanes"]
        ]

    def _breaking(self, law: Law) -> tuple[str, ...]:
        return tuple(finding.detail for finding in self.findings if finding.law is law)


def build_manifest(handles: Mapping[str, JsonValue], lanes: Sequence[Lane] = LANES) -> Manifest:
    """The manifest that follows from the registry.

    A handle names a path when its value is one that the lane knows. `A|B`, `A,B` and a list name several; so do a
    source handle and a cross-checked handle that disagree.

    Args:
        handles: The resolved values of the registry, by name; what is absent or None is not resolved.
        lanes: The lanes of the platform.
    """
    payload = {
        "governance": {name: handles.get(name) for name in GOVERNANCE_LAW},
        "lanes": [_row(lane, handles) for lane in lanes],
    }
    return Manifest(payload, check_manifest(payload, lanes))


def active_lanes(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """The lanes of a manifest that have exactly one active path, in its order.

    Args:
        payload: A manifest as JSON, also one that was read back.
    """
    return tuple(active_paths(payload))


def active_paths(payload: Mapping[str, Any]) -> Mapping[str, str]:
    """The active path of each lane of a manifest that has exactly one, by the lane's name.

    A lane that has several rows, which is a finding, has no one path and is left out.

    Args:
        payload: A manifest as JSON, also one that was read back.
    """
    rows = list(_rows(payload))
    counts = Counter(str(row.get("lane")) for row in rows)
    return {
        str(row["lane"]): row["active_path"]
        for row in rows
        if isinstance(row.get("active_path"), str) and counts[str(row.get("lane"))] == 1
    }


def _rows(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    rows = payload.get("lanes")
    if isinstance(rows, list):
        yield from (row for row in rows if isinstance(row, Mapping))


def _row(lane: Lane, handles: Mapping[str, JsonValue]) -> dict[str, Any]:
    sources = [lane.source_handle, *([lane.cross_check] if lane.cross_check is not None else [])]
    named: list[str] = []
    if handles.get(lane.source_handle) is not None:  # a cross-checked handle alone selects nothing
        named = list(dict.fromkeys(value for source in sources for value in _named(handles.get(source))))
    active = [path for path in lane.paths if path.selector in named]
    return {
        "lane": lane.name,
        "active_path": active[0].name if len(active) == 1 and len(named) == 1 else None,
        "active_paths": [path.name for path in active],
        "unrecognised": [value for value in named if value not in lane.selectors],
        "source": {source: handles.get(source) for source in sources},
        "owner": lane.owner,
        "managed": bool(active) and all(path.managed for path in active),
        "eks_active": any(path.eks for path in active),
        "components": {name: handles.get(name) for path in active for name in path.components},
        "inactive": [_inactive(path) for path in (lane.paths if active else lane.fallbacks) if path not in active],
    }


def _inactive(path: LanePath) -> dict[str, Any]:
    return {"path": path.name, "rationale": path.rationale, "components": list(path.components), "eks": path.eks}


def _named(value: JsonValue) -> list[str]:
    """The paths that a handle's value names: itself, or each of its alternatives where it has several."""
    if value is None:
        return []
    alternatives = list(dict.fromkeys(_alternatives(value)))
    return alternatives if len(alternatives) > 1 else [value if isinstance(value, str) else json.dumps(value)]


def _alternatives(value: JsonValue) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _alternatives(item)
    elif isinstance(value, str):
        yield from (part.strip() for part in _ALTERNATIVES.split(value))
    else:
        yield json.dumps(value)
