"""What the artifacts of several gates are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from phasegate.api import Artifact, Count, Part, Said

LaneName = Literal[
    "stream_engine",
    "ingress_edge",
    "differentiating_services",
    "orchestration_commit_authority",
    "observability_runtime",
]
HandleName = Annotated[str, Field(pattern="^[A-Z0-9_]+$")]
PlatformRunId = Annotated[str, Field(pattern="^platform_[0-9]{8}T[0-9]{6}Z(_[0-9]{2})?$")]
ScenarioRunId = Annotated[str, Field(pattern="^scenario_[0-9a-f]{32}$")]
PassFail = Literal["PASS", "FAIL"]
Passed = Annotated[bool, Field(alias="pass")]
"""The member `pass`, whose name Python keeps for itself."""


def _holds(value: bool) -> bool:
    if not value:
        raise PydanticCustomError("holds", "it does not hold")
    return value


Holds = Annotated[bool, AfterValidator(_holds), WithJsonSchema({"const": True, "type": "boolean"})]
"""What an artifact may only say where it is so."""
Duration = Annotated[float, Field(ge=0)]
Setting = int | str | None
"""A setting or a status as it was read: a number, a word for what is none, or nothing."""


class RunArtifact(Artifact):
    """An artifact that says of which run it is; null where the handoff names none."""

    platform_run_id: PlatformRunId | None
    scenario_run_id: ScenarioRunId | None


class ProbeRow(Part):
    """One probe: what it asked, of what, and what came of it."""

    probe: Count
    lane: Said
    call: Said
    target_handle: HandleName
    target: str | None
    status: Literal["PASS", "FAIL", "ERROR"]
    error_class: str | None
    duration_ms: Duration
    detail: str
