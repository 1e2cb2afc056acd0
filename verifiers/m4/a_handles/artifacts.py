"""The artifacts of M4.A."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phasegate.api import Artifact, Count, ExecutionName, Part, Said, Sha256, Unique
from verifiers.fields import HandleName, PassFail


class HandleRow(Part):
    """One required handle, without its value."""

    handle: HandleName
    family: Said
    present: bool
    value_form: Said
    resolved: bool
    verification: Said


class RequiredHandleMatrix(Artifact, file="m4a_required_handle_matrix.json"):
    """One row for each required handle."""

    rows: Annotated[tuple[HandleRow, ...], Field(min_length=1)]


class HandleClosureSnapshot(Artifact, file="m4a_handle_closure_snapshot.json"):
    """Closure of the handles that the runtime lanes need."""

    required_handle_count: Count
    resolved_handle_count: Count
    unresolved_handle_count: Count
    runtime_path_contract: PassFail
    runtime_path_values: Annotated[dict[HandleName, str | bool | float | None], Field(min_length=3)]
    m3_gate: PassFail
    m3_execution_id: ExecutionName | None
    missing_handles: Unique[HandleName]
    unresolved_handles: Unique[HandleName]
    out_of_scope_open: Unique[HandleName]
    registry: Said
    registry_sha256: Sha256
