"""The artifacts of M4.D."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phasegate.api import Artifact, Count, Part, Said
from verifiers.fields import HandleName, ProbeRow


class LaneDependencyRow(Part):
    """What one active lane depends on."""

    lane: Said
    dependencies: Annotated[tuple[HandleName, ...], Field(min_length=1)]
    complete: bool


class DependencyMatrix(Artifact, file="m4d_dependency_matrix.json"):
    """What each active lane depends on."""

    lanes: Annotated[tuple[LaneDependencyRow, ...], Field(min_length=1)]
    active_lane_count: Count
    matrix_complete_pass: bool


class DependencyProbeSnapshot(Artifact, file="m4d_dependency_probe_snapshot.json"):
    """One row for each probe."""

    probes: Annotated[tuple[ProbeRow, ...], Field(min_length=1)]
    probe_count: Count
    failed_probe_count: Count


class ProbeFailure(Part):
    """A probe that failed, its category and the blocker that this is."""

    probe: Count
    category: Said
    code: Annotated[str, Field(pattern="^M4D-B[0-9]+$")]


class UncategorizedFailure(Part):
    """A probe that failed in a way that no category describes."""

    probe: Count
    category: Said
    code: Literal["M4D-B6"]


class ProbeFailureClassification(Artifact, file="m4d_probe_failure_classification.json"):
    """Which blocker each failed probe maps to."""

    failures: tuple[ProbeFailure, ...]
    uncategorized: tuple[UncategorizedFailure, ...]
