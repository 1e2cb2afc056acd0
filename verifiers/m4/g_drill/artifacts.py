"""The artifacts of M4.G."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from phasegate.api import Count, Part, Said
from verifiers.fields import Duration, HandleName, LaneName, RunArtifact, Setting


class DrillControl(Part):
    """The control that the drill turns."""

    kind: Said
    handle: HandleName


class FailureInjectionSnapshot(RunArtifact, file="m4g_failure_injection_snapshot.json"):
    """The fault that was injected, and how it showed."""

    drill_lane: LaneName
    control: DrillControl
    prestate: Setting
    injected: int | None
    failure_within_s: Duration
    failure_shown: bool
    failure_http_status: Setting


class RecoveryRollbackSnapshot(RunArtifact, file="m4g_recovery_rollback_snapshot.json"):
    """The recovery and the rollback."""

    drill_lane: LaneName
    control: DrillControl
    recovery_action: str | None
    prestate: Setting
    poststate: Setting
    rollback_parity: bool
    after: dict[str, int | str]


class JournalStep(Part):
    """One step of the drill, and when it was taken, in milliseconds from its start."""

    at_ms: Duration
    name: Said
    what: Said
    value: Setting
    tolerated: Annotated[bool | None, Field(exclude_if=lambda value: value is None)] = None
    probes: Annotated[Count | None, Field(exclude_if=lambda value: value is None)] = None


class DeclaredDrill(Part):
    """The drill as it was declared."""

    format: Said
    title: Said
    lane: LaneName
    control: DrillControl
    steady_state: JsonValue
    method: JsonValue
    rollbacks: JsonValue
    bounds: JsonValue


class RuntimeDrillSnapshot(RunArtifact, file="m4g_runtime_drill_snapshot.json"):
    """The whole drill: what was declared, and its journal."""

    drill: DeclaredDrill
    status: Literal["completed", "failed", "not_started", "interrupted"]
    reason: str
    drill_lane: LaneName
    prestate_reserved_concurrency: Setting
    injected_reserved_concurrency: int | None
    failure_http_status: Setting
    recovery_action: str | None
    poststate_reserved_concurrency: Setting
    rollback_parity: bool
    post_health_status: Setting
    post_ingest_status: Setting
    steady_before: dict[str, int | str]
    steady_after: dict[str, int | str]
    journal: tuple[JournalStep, ...]
