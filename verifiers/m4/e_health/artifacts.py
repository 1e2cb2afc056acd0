"""The artifacts of M4.E."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from phasegate.api import Count, Part, Said
from verifiers.fields import LaneName, Passed, ProbeRow, RunArtifact


class LaneHealth(Part):
    """The health of one active lane, and the probes that tell it."""

    lane: LaneName
    healthy: bool
    probes: tuple[ProbeRow, ...]


class LaneHealthSnapshot(RunArtifact, file="m4e_lane_health_snapshot.json"):
    """The health of each active lane."""

    active_lane_count: Count
    healthy_lane_count: Count
    lanes: tuple[LaneHealth, ...]


class BindingRow(Part):
    """One field of the run's identity at one boundary."""

    boundary: LaneName
    field: Said
    expected: str | None
    observed: JsonValue
    proof: Said
    passed: Passed


class RunScopeBindingMatrix(RunArtifact, file="m4e_run_scope_binding_matrix.json"):
    """The run scope at each boundary."""

    env_key: Said | None
    disagreements: tuple[str, ...]
    run_scope_pass: bool
    rows: Annotated[tuple[BindingRow, ...], Field(min_length=1)]


class RuntimeHealthBindingSnapshot(RunArtifact, file="m4e_runtime_health_binding_snapshot.json"):
    """Health and run scope together."""

    active_lane_count: Count
    healthy_lane_count: Count
    probe_count: Count
    failed_probe_count: Count
    run_scope_pass: bool
    runtime_stability_pass: bool
    failed_probes: tuple[Count, ...]
