"""The artifacts of M4.H."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from phasegate.api import Artifact, Count, ExecutionName, Part, Said, Sha256
from verifiers.fields import HandleName, Holds, LaneName, Passed, PlatformRunId, RunArtifact, ScenarioRunId

ByName = dict[str, Holds]
"""What has to hold, each by its name."""


class ReadyArtifact(Artifact):
    """An artifact that is written for a run that is known."""

    platform_run_id: PlatformRunId
    scenario_run_id: ScenarioRunId


class Source(Part):
    """A source that the readiness rests on: green, and readable where it is kept."""

    gate: Said
    execution_id: ExecutionName
    file: Said
    sha256: Sha256
    overall_pass: Holds
    readable: Holds


class ReadyLane(Part):
    """One lane, healthy on its one path."""

    lane: LaneName
    active_path: Said
    healthy: Holds


class DrillProof(Part):
    """The lane that was drilled, and came back as it was."""

    lane: LaneName
    rollback_parity: Holds


class RuntimeLanesReady(ReadyArtifact, file="runtime_lanes_ready.json"):
    """The runtime lanes of a run are ready."""

    lanes: Annotated[tuple[ReadyLane, ...], Field(min_length=5)]
    upstream: Annotated[ByName, Field(min_length=7)]
    correlation: Annotated[ByName, Field(min_length=3)]
    drill: DrillProof
    sources: Annotated[tuple[Source, ...], Field(min_length=10)]


class LaneBinding(Part):
    """What one lane of a run is bound to."""

    lane: LaneName
    components: dict[HandleName, JsonValue]
    roles: tuple[JsonValue, ...]
    run_scope_bound: bool
    correlation_bound: bool


class RuntimeBindingMatrix(ReadyArtifact, file="runtime_binding_matrix.json"):
    """What each lane of a run is bound to."""

    env_key: Said
    lanes: Annotated[tuple[LaneBinding, ...], Field(min_length=5)]
    sources: Annotated[tuple[Source, ...], Field(min_length=10)]


class SourceRow(Part):
    """A source as it was found, whatever it is."""

    gate: Said
    execution_id: Said | None
    file: Said
    sha256: Sha256 | None
    overall_pass: bool
    readable: bool


class StoredTarget(Part):
    """An object of the readiness as it was stored for the run."""

    file: Said
    uri: Said
    version_id: str | None
    sha256: Sha256
    read_back: Holds


class InvariantRow(Part):
    """Something that must hold of the readiness."""

    invariant: Said
    passed: Passed


class ReadinessPublicationSnapshot(RunArtifact, file="m4h_readiness_publication_snapshot.json"):
    """Sources, invariants and targets of the readiness."""

    source_artifact_count: Count
    sources: Annotated[tuple[SourceRow, ...], Field(min_length=10)]
    targets: dict[str, Said]
    receipts: tuple[StoredTarget, ...]
    invariants: Annotated[tuple[InvariantRow, ...], Field(min_length=4)]
    invariants_pass_count: Said
    gaps: tuple[str, ...]
