"""The artifacts of M4.J: the phase's own summary, and what M5 starts from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phasegate.api import ExecutionName, GateName, Part, Said, Sha256, UnresolvedBlocker
from verifiers.fields import RunArtifact

ClosingWord = Literal["ADVANCE_TO_M5", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED"]


class ChainRow(Part):
    """One gate of the phase, as the closure found it."""

    gate: GateName
    execution_id: ExecutionName | None
    overall_pass: bool
    sha256: Sha256 | None


class Reference(Part):
    """A file of a gate's pack, by its digest."""

    gate: GateName
    execution_id: ExecutionName | None
    file: Said
    sha256: Sha256 | None


class ObjectReference(Reference):
    """A file that lies for the run as well, and its key there; null where its handle cannot be used."""

    key: str | None


class PhaseSummary(RunArtifact, file="m4_execution_summary.json"):
    """The closure of the phase."""

    phase: Literal["M4"]
    verdict: ClosingWord
    overall_pass: bool
    upstream: Annotated[tuple[ChainRow, ...], Field(min_length=9)]
    upstream_green: Said
    unresolved_blockers: tuple[UnresolvedBlocker, ...]
    register_readable: bool
    m4i_verdict: Reference


class HandoffReferences(Part):
    """What M5 may rest on."""

    m4i_verdict: Reference
    m4i_register: Reference
    m4i_summary: Reference
    m3_handoff: Reference
    runtime_lanes_ready: ObjectReference
    runtime_binding_matrix: ObjectReference


class M5HandoffPack(RunArtifact, file="m5_handoff_pack.json"):
    """What the next phase starts from."""

    required_platform_run_id_env_key: str | None
    required_platform_run_id_env_value: str | None
    correlation_required_fields: tuple[Said, ...]
    m5_entry_ready: bool
    m4_verdict: ClosingWord
    references: HandoffReferences
    source_execution_ids: Annotated[dict[GateName, ExecutionName | None], Field(min_length=9)]
