"""The runtime-path manifest: built from the handles, and checked against the laws of the lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.lanes.catalog import EKS_POLICY_LANES, GOVERNANCE, LANES, Lane

_EKS_POLICY = "RUNTIME_EKS_USE_POLICY"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The runtime path of every lane, and what is wrong with it.

    Attributes:
        payload: The manifest as JSON: `governance` and `lanes[]`.
        malformed: Lanes without a path that the platform knows, without owner, or with unresolved parts.
        ambiguous: Lanes that show more than one active path.
        undeclared: Lanes whose fallbacks are not declared, or are declared without a reason.
        eks_violations: Lanes that run on EKS where the policy does not allow it.
    """

    payload: dict[str, Any]
    malformed: tuple[str, ...]
    ambiguous: tuple[str, ...]
    undeclared: tuple[str, ...]
    eks_violations: tuple[str, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The selection matrix: one row for each lane."""
        allowed = _allowed(self.payload["governance"].get(_EKS_POLICY))
        return [
            {
                "lane": lane["lane"],
                "active_count": len(lane["active_paths"]),
                "fallback_count": len(lane["inactive"]),
                "eks_active": lane["eks_active"],
                "eks_allowed": lane["lane"] in allowed,
                "pass": len(lane["active_paths"]) == 1
                and bool(lane["inactive"])
                and (not lane["eks_active"] or lane["lane"] in allowed),
            }
            for lane in self.payload["lanes"]
        ]


def build_manifest(handles: Mapping[str, Any], lanes: tuple[Lane, ...] = LANES) -> Manifest:
    """The manifest that follows from the registry.

    Args:
        handles: The resolved values of the registry, by name.
        lanes: The lanes of the platform.
    """
    built = [_lane(lane, handles) for lane in lanes]
    malformed: list[str] = []
    ambiguous: list[str] = []
    undeclared: list[str] = []
    violations: list[str] = []
    policy = handles.get(_EKS_POLICY)
    allowed = _allowed(policy)
    for lane, row in zip(lanes, built, strict=True):
        paths = row["active_paths"]
        if not paths:
            malformed.append(f"{lane.name}: {lane.source_handle} is {handles.get(lane.source_handle)!r}, no known path")
        if len(paths) > 1:
            ambiguous.append(f"{lane.name}: {' and '.join(paths)} are active at once")
        if not lane.owner:
            malformed.append(f"{lane.name}: it has no owner")
        if not row["inactive"]:
            undeclared.append(f"{lane.name}: no inactive path is declared")
        undeclared += [
            f"{lane.name}: inactive path {item['path']} has no reason"
            for item in row["inactive"]
            if not item["rationale"]
        ]
        malformed += [
            f"{lane.name}: component {name} has no value" for name, value in row["components"].items() if value is None
        ]
        if row["eks_active"] and lane.name not in allowed:
            violations.append(
                f"{lane.name}: {' and '.join(paths)} runs on EKS; {_EKS_POLICY}={policy!r} does not allow it"
            )
    payload = {
        "governance": {name: handles.get(name) for name in (*GOVERNANCE, _EKS_POLICY)},
        "lanes": built,
    }
    return Manifest(payload, tuple(malformed), tuple(ambiguous), tuple(undeclared), tuple(violations))


def _lane(lane: Lane, handles: Mapping[str, Any]) -> dict[str, Any]:
    named = _named_paths(lane, handles)
    known = {*lane.selects.values(), *(item.path for item in lane.inactive)}
    active = [path for path in named if path in known]
    return {
        "lane": lane.name,
        "active_path": active[0] if len(active) == 1 else None,
        "active_paths": active,
        "owner": lane.owner,
        "eks_active": any(path in lane.eks_paths for path in active),
        "components": {name: handles.get(name) for name in lane.components},
        "inactive": [
            {"path": item.path, "rationale": item.rationale, "components": list(item.components)}
            for item in lane.inactive
            if item.path not in active
        ],
    }


def _named_paths(lane: Lane, handles: Mapping[str, Any]) -> list[str]:
    """The paths that the lane's handles name, each once; `A|B` names both."""
    named: list[str] = []
    for handle in (lane.source_handle, lane.cross_check):
        value = handles.get(handle) if handle is not None else None
        if handle is None or not isinstance(value, str):
            continue
        for part in value.split("|"):
            path = lane.selects.get(part.strip(), part.strip())
            if path not in named:
                named.append(path)
    return named


def _allowed(policy: object) -> frozenset[str]:
    return EKS_POLICY_LANES.get(policy, frozenset()) if isinstance(policy, str) else frozenset()
