"""The runtime lanes of dev_full: which paths each may take, what it binds, what it depends on."""

from infra.lanes.catalog import EKS_POLICY_LANES, LANES, RUNTIME_PATH_LAW, InactivePath, Lane
from infra.lanes.dependencies import LANE_DEPENDENCIES, dependency_rows
from infra.lanes.manifest import Manifest, build_manifest

__all__ = [
    "EKS_POLICY_LANES",
    "LANES",
    "LANE_DEPENDENCIES",
    "RUNTIME_PATH_LAW",
    "InactivePath",
    "Lane",
    "Manifest",
    "build_manifest",
    "dependency_rows",
]
