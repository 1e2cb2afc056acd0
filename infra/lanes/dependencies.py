"""What each active lane depends on, by the handles that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

SHARED_STORAGE = "shared_storage"

LANE_DEPENDENCIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
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
"""The dependencies of each lane's active path; storage is shared by all. Fallback paths have none here."""


def dependency_rows(active_lanes: Iterable[str], handles: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each active lane and one for the shared storage.

    Args:
        active_lanes: The lanes that have an active path.
        handles: The resolved values of the registry, by name.

    Returns:
        Rows with `lane`, `dependencies`, `unresolved` and `complete`. A lane without known dependencies is
        incomplete: what it needs was never looked at.
    """
    rows = []
    for lane in (*active_lanes, SHARED_STORAGE):
        dependencies = LANE_DEPENDENCIES.get(lane, ())
        unresolved = [name for name in dependencies if handles.get(name) is None]
        rows.append(
            {
                "lane": lane,
                "dependencies": list(dependencies),
                "unresolved": unresolved,
                "complete": bool(dependencies) and not unresolved,
            }
        )
    return rows
