"""Which roles each active lane binds, and whether the registry pins them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.lanes.catalog import LANES
from infra.lanes.manifest import active_paths
from infra.lanes.model import Lane

if TYPE_CHECKING:
    from pydantic import JsonValue

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """One role handle of a lane.

    Attributes:
        lane: The lane that binds it.
        handle: Its name.
        arn: Its value; None where it is not pinned to the ARN of a role.
        flaw: Why it is not, as a clause about the value; empty where it is.
    """

    lane: str
    handle: str
    arn: str | None
    flaw: str

    @property
    def resolved(self) -> bool:
        """Whether the handle is pinned to the ARN of a role."""
        return self.arn is not None


@dataclass(frozen=True, slots=True)
class LaneBinding:
    """The role-binding map of one active lane.

    Attributes:
        lane: The lane.
        roles: Its roles; an explicit empty row for a lane without a role of its own.
        flaw: Why the map is not the right one for the lane's active path; empty where it is.
    """

    lane: str
    roles: tuple[RoleBinding, ...]
    flaw: str = ""

    @property
    def complete(self) -> bool:
        """Whether the map fits the lane and every role of it is pinned."""
        return not self.flaw and all(role.resolved for role in self.roles)

    def row(self) -> dict[str, Any]:
        """The row of the binding matrix."""
        return {
            "lane": self.lane,
            "roles": [role.handle for role in self.roles],
            "resolved": [role.handle for role in self.roles if role.resolved],
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True)
class BindingMatrix:
    """The role-binding maps of a manifest's active lanes.

    Attributes:
        lanes: One map for each active lane.
        drift: Where the matrix disagrees with the manifest: a lane of the platform that is not active in it, one
            that the platform does not know, or one on a path for which no roles are pinned.
    """

    lanes: tuple[LaneBinding, ...]
    drift: tuple[str, ...]

    @property
    def roles(self) -> tuple[RoleBinding, ...]:
        """Every role that an active lane binds."""
        return tuple(role for lane in self.lanes for role in lane.roles)

    @property
    def complete(self) -> bool:
        """Whether every lane has its map, and every map is complete."""
        return not self.drift and all(lane.complete for lane in self.lanes)

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is missing in each incomplete map."""
        return tuple(
            f"{lane.lane}: the role-binding map is incomplete, "
            + (", ".join(f"{role.handle} {role.flaw}" for role in lane.roles if not role.resolved) or lane.flaw)
            for lane in self.lanes
            if not lane.complete
        )


def binding_matrix(
    payload: Mapping[str, Any], handles: Mapping[str, JsonValue], lanes: Sequence[Lane] = LANES
) -> BindingMatrix:
    """The roles that the active lanes of a manifest bind.

    Args:
        payload: The runtime-path manifest as JSON.
        handles: The resolved values of the registry, by name.
        lanes: The lanes of the platform.
    """
    active = active_paths(payload)
    known = {lane.name: lane for lane in lanes}
    drift = [
        f"{name}: it has no active path in the manifest, so it has no role-binding map"
        for name in known
        if name not in active
    ]
    rows = []
    for name, path in active.items():
        lane = known.get(name)
        if lane is None:
            drift.append(f"{name}: the manifest has it active, the platform knows no such lane")
            continue
        flaw = ""
        if path != lane.pinned.name:
            flaw = f"its roles are pinned for {lane.pinned.name}, the manifest has {path} active"
            drift.append(f"{name}: {flaw}")
        rows.append(LaneBinding(name, tuple(_binding(name, role, handles) for role in lane.roles), flaw))
    return BindingMatrix(tuple(rows), tuple(drift))


def role_arn_flaw(value: JsonValue) -> str:
    """Why a handle's value is not the ARN of an IAM role, as a clause about it; empty where it is one."""
    if value is None:
        return "is not resolved"
    if not isinstance(value, str) or _ROLE_ARN.fullmatch(value) is None:
        return f"is {value!r}, which is not the ARN of a role"
    return ""


def _binding(lane: str, handle: str, handles: Mapping[str, JsonValue]) -> RoleBinding:
    value = handles.get(handle)
    flaw = role_arn_flaw(value)
    return RoleBinding(lane, handle, None if flaw else str(value), flaw)
