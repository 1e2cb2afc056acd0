"""The artifacts of M4.I: the roll-up of eight gates, in the words of this phase."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phasegate.api import BlockerRegister, ExecutionName, GateName, RollupMatrix, RollupRow, RollupVerdict


class GateRollupMatrix(RollupMatrix, file="m4i_gate_rollup_matrix.json"):
    """One row for each gate of the phase."""

    rows: Annotated[tuple[RollupRow, ...], Field(min_length=8)]


class PhaseBlockerRegister(BlockerRegister, file="m4i_blocker_register.json"):
    """Every blocker code of the phase, open or closed."""


class PhaseVerdict(RollupVerdict, file="m4i_phase_verdict.json"):
    """The verdict of the roll-up."""

    verdict: Literal["ADVANCE_TO_M4J", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED"]
    source_execution_ids: Annotated[dict[GateName, ExecutionName | None], Field(min_length=8)]
