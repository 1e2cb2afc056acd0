"""The runtime lanes of dev_full: which paths each may take, what it binds, what it depends on."""

from infra.lanes.bindings import BindingMatrix, LaneBinding, RoleBinding, binding_matrix, role_arn_flaw
from infra.lanes.catalog import EKS_POLICY_LANES, GOVERNANCE_LAW, LANES, RUNTIME_PATH_LAW
from infra.lanes.dependencies import (
    LANE_DEPENDENCIES,
    SHARED_STORAGE,
    DependencyMatrix,
    dependency_matrix,
    dependency_rows,
)
from infra.lanes.findings import Finding, FindingKind, Law, check_manifest
from infra.lanes.manifest import Manifest, active_lanes, active_paths, build_manifest
from infra.lanes.model import Lane, LanePath, SecretPath

__all__ = [
    "EKS_POLICY_LANES",
    "GOVERNANCE_LAW",
    "LANES",
    "LANE_DEPENDENCIES",
    "RUNTIME_PATH_LAW",
    "SHARED_STORAGE",
    "BindingMatrix",
    "DependencyMatrix",
    "Finding",
    "FindingKind",
    "Lane",
    "LaneBinding",
    "LanePath",
    "Law",
    "Manifest",
    "RoleBinding",
    "SecretPath",
    "active_lanes",
    "active_paths",
    "binding_matrix",
    "build_manifest",
    "check_manifest",
    "dependency_matrix",
    "dependency_rows",
    "role_arn_flaw",
]
