"""The artifacts of M4.C."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phasegate.api import Artifact, Count, Part, Said
from verifiers.fields import HandleName, LaneName, Passed, PassFail


class RoleRow(Part):
    """One role as IAM has it, and where it goes beyond its lane."""

    handle: HandleName
    lane: LaneName
    arn: str | None
    resolved: bool
    readback: PassFail
    policy_check: PassFail
    drift: tuple[Said, ...]


class PostureRow(Part):
    """One handle of the secret posture."""

    handle: HandleName
    expected: Said
    actual: str | None
    passed: Passed


class IdentityConformanceSnapshot(Artifact, file="m4c_identity_conformance_snapshot.json"):
    """The roles as IAM has them, and the secret posture."""

    required_role_count: Count
    resolved_role_count: Count
    roles: Annotated[tuple[RoleRow, ...], Field(min_length=1)]
    posture: Annotated[tuple[PostureRow, ...], Field(min_length=1)]


class LaneRoles(Part):
    """The roles that one lane binds, and those of them that resolve."""

    lane: LaneName
    roles: tuple[HandleName, ...]
    resolved: tuple[HandleName, ...]
    complete: bool


class RoleBindingMatrix(Artifact, file="m4c_role_binding_matrix.json"):
    """The roles that each lane binds."""

    lanes: Annotated[tuple[LaneRoles, ...], Field(min_length=1)]
    binding_matrix_complete_pass: bool


class SecretPath(Part):
    """One path of the parameter store, by its metadata."""

    path: Annotated[str, Field(pattern="^/")]
    lane: LaneName
    type: str | None
    expected_type: Literal["String", "SecureString"]
    present: bool
    readable_by: tuple[HandleName, ...]
    passed: Passed


class SecretPathConformanceSnapshot(Artifact, file="m4c_secret_path_conformance_snapshot.json"):
    """The secret paths by their metadata; never a value."""

    required_secret_path_count: Count
    present_secret_path_count: Count
    paths: Annotated[tuple[SecretPath, ...], Field(min_length=1)]
