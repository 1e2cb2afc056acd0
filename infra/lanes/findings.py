"""The laws of the lanes, checked on a manifest: what breaks one, and where.

The checks read the manifest alone, so one that was built a moment ago and one that was read back from evidence
are judged alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from infra.lanes.catalog import EKS_POLICY_HANDLE, EKS_POLICY_LANES, GOVERNANCE_LAW, LANES
from infra.lanes.model import Lane


class FindingKind(StrEnum):
    """What is wrong with a manifest."""

    GOVERNANCE = "governance"
    """A governing handle has not the value that the law pins."""
    LANE_MISSING = "lane missing"
    LANE_UNKNOWN = "lane unknown"
    LANE_TWICE = "lane twice"
    OWNER_MISSING = "owner missing"
    PATH_OPEN = "path open"
    """No handle says which path the lane takes, or the cross-checked handle does not."""
    PATH_UNKNOWN = "path unknown"
    COMPONENT_OPEN = "component open"
    """A part of the active path has no value."""
    AMBIGUOUS_PATH = "ambiguous path"
    CROSS_CHECK = "cross check"
    """Two handles that must agree name different paths."""
    FALLBACK_UNDECLARED = "fallback undeclared"
    FALLBACK_WITHOUT_REASON = "fallback without reason"
    EKS_POLICY = "EKS policy"
    MANAGED_FIRST = "managed first"
    """A lane that the platform runs on managed services takes another path, though not on EKS."""


class Law(StrEnum):
    """Which law of the lanes a finding breaks."""

    WHOLE = "whole"
    """Each lane has one row, an owner, one known path with its components, and its governing values."""
    ONE_PATH = "one path"
    FALLBACKS = "fallbacks"
    """Each inactive path is declared, with a reason."""
    EKS = "EKS"


_LAWS: Final[Mapping[FindingKind, Law]] = MappingProxyType(
    {
        FindingKind.GOVERNANCE: Law.WHOLE,
        FindingKind.LANE_MISSING: Law.WHOLE,
        FindingKind.LANE_UNKNOWN: Law.WHOLE,
        FindingKind.LANE_TWICE: Law.WHOLE,
        FindingKind.OWNER_MISSING: Law.WHOLE,
        FindingKind.PATH_OPEN: Law.WHOLE,
        FindingKind.PATH_UNKNOWN: Law.WHOLE,
        FindingKind.COMPONENT_OPEN: Law.WHOLE,
        FindingKind.MANAGED_FIRST: Law.WHOLE,
        FindingKind.AMBIGUOUS_PATH: Law.ONE_PATH,
        FindingKind.CROSS_CHECK: Law.ONE_PATH,
        FindingKind.FALLBACK_UNDECLARED: Law.FALLBACKS,
        FindingKind.FALLBACK_WITHOUT_REASON: Law.FALLBACKS,
        FindingKind.EKS_POLICY: Law.EKS,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law.

    Attributes:
        kind: What is wrong.
        lane: The lane that breaks it; None for the manifest as a whole.
        detail: What is wrong, and where.
    """

    kind: FindingKind
    lane: str | None
    detail: str

    @property
    def law(self) -> Law:
        """The law that it breaks."""
        return _LAWS[self.kind]


def check_manifest(payload: Mapping[str, Any], lanes: Sequence[Lane] = LANES) -> tuple[Finding, ...]:
    """Everything in a manifest that breaks a law of the lanes.

    Args:
        payload: The manifest as JSON.
        lanes: The lanes of the platform.
    """
    return (
        *_governance(payload.get("governance")),
        *_coverage(payload, lanes),
        *(
            finding
            for lane in lanes
            for row in _rows_of(payload)
            if row.get("lane") == lane.name
            for finding in _lane(lane, row)
        ),
        *_eks(payload, lanes),
    )


def eks_policy_of(payload: Mapping[str, Any]) -> object:
    """The value of RUNTIME_EKS_USE_POLICY that a manifest records; None where it records none."""
    for row in _rows_of(payload):
        source = row.get("source")
        if isinstance(source, Mapping) and EKS_POLICY_HANDLE in source:
            value: object = source[EKS_POLICY_HANDLE]
            return value
    return None


def allowed_on_eks(policy: object) -> frozenset[str]:
    """The lanes that may have an active EKS path under a policy; none under one that is not known."""
    return EKS_POLICY_LANES.get(policy, frozenset()) if isinstance(policy, str) else frozenset()


def _rows_of(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = payload.get("lanes")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _governance(governance: object) -> Iterator[Finding]:
    values = governance if isinstance(governance, Mapping) else {}
    for name, expected in GOVERNANCE_LAW.items():
        actual = values.get(name)
        if type(actual) is not type(expected) or actual != expected:
            yield Finding(FindingKind.GOVERNANCE, None, f"{name} is {actual!r}, the law pins {expected!r}")


def _coverage(payload: Mapping[str, Any], lanes: Sequence[Lane]) -> Iterator[Finding]:
    counts = Counter(str(row.get("lane")) for row in _rows_of(payload))
    known = {lane.name for lane in lanes}
    for lane in lanes:
        if not counts[lane.name]:
            yield Finding(FindingKind.LANE_MISSING, lane.name, f"{lane.name}: the manifest has no row for it")
        elif counts[lane.name] > 1:
            yield Finding(FindingKind.LANE_TWICE, lane.name, f"{lane.name}: the manifest has several rows for it")
    for name in sorted(set(counts) - known):
        yield Finding(FindingKind.LANE_UNKNOWN, name, f"{name}: the platform knows no such lane")


def _lane(lane: Lane, row: Mapping[str, Any]) -> Iterator[Finding]:
    yield from (Finding(kind, lane.name, f"{lane.name}: {text}") for kind, text in _owner(row))
    yield from (Finding(kind, lane.name, f"{lane.name}: {text}") for kind, text in _selection(lane, row))
    yield from (Finding(kind, lane.name, f"{lane.name}: {text}") for kind, text in _components(lane, row))
    yield from (Finding(kind, lane.name, f"{lane.name}: {text}") for kind, text in _fallbacks(lane, row))


_Said = Iterator[tuple[FindingKind, str]]


def _owner(row: Mapping[str, Any]) -> _Said:
    if not _is_text(row.get("owner")):
        yield FindingKind.OWNER_MISSING, "it has no owner"


def _selection(lane: Lane, row: Mapping[str, Any]) -> _Said:
    source = _mapping(row.get("source"))
    pinned = source.get(lane.source_handle)
    if pinned is None:
        yield FindingKind.PATH_OPEN, f"{lane.source_handle} is not resolved, so no path is active"
    unrecognised = _texts(row.get("unrecognised"))
    unknown = [*unrecognised, *(name for name in _active(row) if lane.path_named(name) is None)]
    if unknown:
        yield (
            FindingKind.PATH_UNKNOWN,
            f"{_list(unknown)} is no path of it; {lane.source_handle} may be {_list(lane.selectors, 'or')}",
        )
    if lane.cross_check is not None:
        checked = source.get(lane.cross_check)
        if checked is None:
            yield FindingKind.PATH_OPEN, f"{lane.cross_check} is not resolved, so nothing confirms the active path"
        elif pinned is not None and checked != pinned:
            yield (
                FindingKind.CROSS_CHECK,
                f"{lane.source_handle} is {pinned!r} and {lane.cross_check} is {checked!r}, they must be equal",
            )
            return  # the two paths that follow from it are this same fact
    named = [*_active(row), *unrecognised]
    if len(named) > 1:
        yield FindingKind.AMBIGUOUS_PATH, f"{_list(named)} are active at once"
    elif _active(row) and row.get("active_path") != _active(row)[0]:
        yield FindingKind.AMBIGUOUS_PATH, f"active_path is {row.get('active_path')!r}, active_paths is {_list(named)}"


def _components(lane: Lane, row: Mapping[str, Any]) -> _Said:
    components = _mapping(row.get("components"))
    expected = [name for path in lane.paths if path.name in _active(row) for name in path.components]
    for name in expected:
        if components.get(name) is None:
            yield FindingKind.COMPONENT_OPEN, f"its component {name} is not resolved"


def _fallbacks(lane: Lane, row: Mapping[str, Any]) -> _Said:
    items = row.get("inactive")
    declared = {}
    for item in items if isinstance(items, list) else []:
        entry = _mapping(item)
        declared[str(entry.get("path"))] = entry.get("rationale")
    if not declared:
        yield FindingKind.FALLBACK_UNDECLARED, "it declares no inactive path"
    named = _active(row)
    for path in lane.paths if named else lane.fallbacks:
        if declared and path.name not in named and path.name not in declared:
            yield FindingKind.FALLBACK_UNDECLARED, f"its inactive path {path.name} is not declared"
    for name, rationale in declared.items():
        if not _is_text(rationale):
            yield FindingKind.FALLBACK_WITHOUT_REASON, f"its inactive path {name} has no reason"


def _eks(payload: Mapping[str, Any], lanes: Sequence[Lane]) -> Iterator[Finding]:
    policy = eks_policy_of(payload)
    if not isinstance(policy, str) or policy not in EKS_POLICY_LANES:
        yield Finding(
            FindingKind.EKS_POLICY,
            None,
            f"{EKS_POLICY_HANDLE} is {policy!r}, which is no known policy and allows EKS in no lane",
        )
    allowed = allowed_on_eks(policy)
    for lane in lanes:
        for row in _rows_of(payload):
            if row.get("lane") != lane.name:
                continue
            active = [path for path in lane.paths if path.name in _active(row)]
            on_eks = [path.name for path in active if path.eks]
            if (on_eks or row.get("eks_active")) and lane.name not in allowed:
                yield Finding(
                    FindingKind.EKS_POLICY,
                    lane.name,
                    f"{lane.name}: {_list(on_eks) or 'its active path'} runs on EKS, "
                    f"{EKS_POLICY_HANDLE}={policy!r} does not allow it there",
                )
            unmanaged = [path.name for path in active if lane.pinned.managed and not path.managed and not path.eks]
            if unmanaged:
                yield Finding(
                    FindingKind.MANAGED_FIRST,
                    lane.name,
                    f"{lane.name}: {_list(unmanaged)} is active, managed services come first: {lane.pinned.name}",
                )


def _active(row: Mapping[str, Any]) -> list[str]:
    """The paths that a row shows as active: its list, or where it has none its one path."""
    if isinstance(row.get("active_paths"), list):
        return _texts(row["active_paths"])
    return [str(row["active_path"])] if row.get("active_path") is not None else []


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _list(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(repr(name) if not name.strip() else name for name in names)
