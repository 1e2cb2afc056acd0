"""What each active lane depends on, by the handles that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from infra.lanes.catalog import LANES
from infra.lanes.manifest import active_paths
from infra.lanes.model import Lane

if TYPE_CHECKING:
    from pydantic import JsonValue

SHARED_STORAGE: Final = "shared_storage"
"""The row of what every lane depends on; no lane of its own."""

LANE_DEPENDENCIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "stream_engine": (
            "MSK_CLUSTER_ARN",
            "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
            "FP_BUS_CONTROL_V1",
            "FP_BUS_RTDL_V1",
            "FP_BUS_CASE_TRIGGERS_V1",
            "FP_BUS_LABELS_EVENTS_V1",
            "FP_BUS_AUDIT_V1",
        ),
        "ingress_edge": ("APIGW_IG_API_ID", "LAMBDA_IG_HANDLER_NAME", "DDB_IG_IDEMPOTENCY_TABLE"),
        "differentiating_services": (
            "EKS_CLUSTER_ARN",
            "SSM_AURORA_ENDPOINT_PATH",
            "SSM_AURORA_READER_ENDPOINT_PATH",
            "SSM_AURORA_USERNAME_PATH",
            "SSM_AURORA_PASSWORD_PATH",
            "SSM_REDIS_ENDPOINT_PATH",
        ),
        "orchestration_commit_authority": ("SFN_PLATFORM_RUN_ORCHESTRATOR_V0",),
        "observability_runtime": ("CLOUDWATCH_LOG_GROUP_PREFIX", "OTEL_COLLECTOR_SERVICE"),
        SHARED_STORAGE: ("S3_OBJECT_STORE_BUCKET", "S3_EVIDENCE_BUCKET", "S3_ARTIFACTS_BUCKET"),
    }
)
"""The dependencies of each lane's pinned path; storage is shared by all. Fallback paths have none here."""


@dataclass(frozen=True, slots=True)
class DependencyMatrix:
    """Lane to dependency, for every active lane of a manifest.

    Attributes:
        rows: One row for each active lane and one for the shared storage: `lane`, `dependencies`, `unresolved`
            and `complete`.
        gaps: What makes the matrix partial, or sets it apart from the manifest.
        active_lane_count: How many lanes are active.
    """

    rows: tuple[Mapping[str, Any], ...]
    gaps: tuple[str, ...]
    active_lane_count: int

    @property
    def complete(self) -> bool:
        """Whether every lane is covered and every dependency is named."""
        return not self.gaps


def dependency_matrix(
    payload: Mapping[str, Any],
    handles: Mapping[str, JsonValue],
    lanes: Sequence[Lane] = LANES,
    dependencies: Mapping[str, tuple[str, ...]] = LANE_DEPENDENCIES,
) -> DependencyMatrix:
    """Derives what the active lanes of a manifest depend on.

    Args:
        payload: The runtime-path manifest as JSON.
        handles: The resolved values of the registry, by name.
        lanes: The lanes of the platform.
        dependencies: The dependencies of each lane's pinned path.
    """
    active = active_paths(payload)
    rows = dependency_rows(active, handles, dependencies)
    known = {lane.name: lane for lane in lanes}
    gaps = [f"{name}: it has no active path in the manifest" for name in known if name not in active]
    for name, path in active.items():
        lane = known.get(name)
        if lane is None:
            gaps.append(f"{name}: the manifest has it active, the platform knows no such lane")
            continue
        if path != lane.pinned.name:
            gaps.append(f"{name}: the manifest has {path} active, its dependencies are known for {lane.pinned.name}")
        unused = {handle for fallback in lane.fallbacks for handle in fallback.components}
        gaps += [
            f"{name}: {handle} belongs to a fallback, which is not probed"
            for handle in dependencies.get(name, ())
            if handle in unused
        ]
    for row in rows:
        if not row["dependencies"]:
            gaps.append(f"{row['lane']}: it has no known dependency, so nothing of it would be probed")
        gaps += [f"{row['lane']}: {handle} is not resolved" for handle in row["unresolved"]]
    return DependencyMatrix(tuple(rows), tuple(gaps), len(active))


def dependency_rows(
    active_lanes: Iterable[str],
    handles: Mapping[str, JsonValue],
    dependencies: Mapping[str, tuple[str, ...]] = LANE_DEPENDENCIES,
) -> list[dict[str, Any]]:
    """One row for each active lane and one for the shared storage.

    Args:
        active_lanes: The lanes that have an active path.
        handles: The resolved values of the registry, by name.
        dependencies: The dependencies of each lane's pinned path.

    Returns:
        Rows with `lane`, `dependencies`, `unresolved` and `complete`. A lane without known dependencies is
        incomplete: what it needs was never looked at.
    """
    rows = []
    for lane in (*active_lanes, SHARED_STORAGE):
        named = dependencies.get(lane, ())
        unresolved = [name for name in named if handles.get(name) is None]
        rows.append(
            {
                "lane": lane,
                "dependencies": list(named),
                "unresolved": unresolved,
                "complete": bool(named) and not unresolved,
            }
        )
    return rows
