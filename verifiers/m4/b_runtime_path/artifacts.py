"""The artifacts of M4.B."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from phasegate.api import Artifact, Count, Part, Said, Sha256
from verifiers.fields import HandleName, LaneName, Passed


class InactivePath(Part):
    """A path that a lane could take and does not, with the reason."""

    path: Said
    rationale: str
    components: tuple[HandleName, ...]
    eks: bool


class LanePath(Part):
    """The path of one lane; null where not exactly one is active."""

    lane: LaneName
    active_path: str | None
    active_paths: tuple[str, ...]
    unrecognised: tuple[str, ...]
    source: dict[HandleName, JsonValue]
    owner: Said
    managed: bool
    eks_active: bool
    components: dict[HandleName, JsonValue]
    inactive: tuple[InactivePath, ...]


class RuntimePathManifest(Artifact, file="m4b_runtime_path_manifest.json"):
    """The frozen runtime path of each lane."""

    governance: Annotated[dict[HandleName, JsonValue], Field(min_length=4)]
    lanes: Annotated[tuple[LanePath, ...], Field(min_length=1)]


class SelectionRow(Part):
    """What one lane selects, and whether that conforms."""

    lane: LaneName
    active_count: Count
    fallback_count: Count
    eks_active: bool
    eks_allowed: bool
    passed: Passed


class LanePathSelectionMatrix(Artifact, file="m4b_lane_path_selection_matrix.json"):
    """One row for each lane: its active path, fallbacks and EKS conformance."""

    rows: Annotated[tuple[SelectionRow, ...], Field(min_length=1)]
    lane_count: Count
    single_active_path_pass: bool
    eks_policy_conformance_pass: bool
    manifest_sha256: Sha256
