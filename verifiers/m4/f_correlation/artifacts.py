"""The artifacts of M4.F."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from phasegate.api import Count, Part, Said
from verifiers.fields import LaneName, Passed, RunArtifact

CorrelationField = Literal["platform_run_id", "scenario_run_id", "phase_id", "event_id", "runtime_lane", "trace_id"]


class AuditRow(Part):
    """One boundary that correlation crosses: what was sent, what was seen of it, and the proof."""

    boundary: Literal["ingress_edge", "orchestrator", "evidence_emission"]
    fields: dict[CorrelationField, Said]
    headers: dict[str, Said]
    proof: Annotated[tuple[Said, ...], Field(min_length=1)]
    observed: dict[str, JsonValue]
    detail: str
    passed: Passed


class CorrelationAuditSnapshot(RunArtifact, file="m4f_correlation_audit_snapshot.json"):
    """One row for each boundary that correlation crosses."""

    rows: Annotated[tuple[AuditRow, ...], Field(min_length=3)]


class TelemetryRow(Part):
    """The telemetry surface of one active lane."""

    lane: LaneName
    surface: Said
    call: Said
    present: bool
    detail: str
    passed: Passed


class TelemetrySurfaceSnapshot(RunArtifact, file="m4f_telemetry_surface_snapshot.json"):
    """The telemetry surface of each active lane."""

    active_lane_count: Count
    lane_surface_pass_count: Count
    telemetry_pass: bool
    lanes: tuple[TelemetryRow, ...]


class CorrelationConformanceSnapshot(RunArtifact, file="m4f_correlation_conformance_snapshot.json"):
    """Correlation as a whole."""

    required_field_count: Count
    required_header_count: Count
    contract_flaws: tuple[str, ...]
    ingress_boundary_pass: bool
    orchestrator_boundary_pass: bool
    evidence_emission_pass: bool
    telemetry_pass: bool
