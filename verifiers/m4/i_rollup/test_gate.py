"""M4.I: eight gates rolled up, every blocker adjudicated, one verdict that repeats."""

from __future__ import annotations

from typing import Any

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.i_rollup.artifacts import GateRollupMatrix, PhaseBlockerRegister, PhaseVerdict

pytestmark = pytest.mark.gate("M4.I")


@pytest.mark.verifier("M4I-V1")
def test_eight_summaries_are_readable(gate: GateRun) -> None:
    for evidence in gate.rollup().absent:
        block("M4I-B1", evidence.why)


@pytest.mark.verifier("M4I-V2")
def test_eight_gates_are_green(gate: GateRun) -> None:
    rollup = gate.rollup()
    gate.metric("upstream_green", rollup.upstream_green)
    for evidence in rollup.held:
        block("M4I-B2", evidence.why)


@pytest.mark.verifier("M4I-V3")
def test_every_open_blocker_has_a_severity(gate: GateRun) -> None:
    rollup = gate.rollup()
    gate.metric("unresolved_blocker_count", len(rollup.unresolved))
    for blocker in rollup.unmapped:
        block("M4I-B3", f"{blocker.code} of {blocker.gate} has no severity; it counts as {blocker.severity}")


@pytest.mark.verifier("M4I-V4")
def test_the_matrix_agrees_with_its_sources(gate: GateRun) -> None:
    rollup = gate.rollup()
    for contradiction in rollup.contradictions():
        block("M4I-B4", contradiction)
    gate.artifact(rollup.matrix(GateRollupMatrix))
    for flaw in gate.recount().matrix_flaws(gate.recorded(GateRollupMatrix)):
        block("M4I-B4", flaw)


@pytest.mark.verifier("M4I-V5")
def test_the_register_names_every_code(gate: GateRun) -> None:
    gate.artifact(gate.rollup().register(PhaseBlockerRegister))
    for flaw in gate.recount().register_flaws(gate.recorded(PhaseBlockerRegister)):
        block("M4I-B5", flaw)


@pytest.mark.verifier("M4I-V6")
def test_the_verdict_repeats(gate: GateRun) -> None:
    gate.artifact(gate.rollup().verdict(PhaseVerdict, again=gate.rollup()))
    recount = gate.recount()
    written: list[Any] = [gate.recorded(kind) for kind in (PhaseVerdict, GateRollupMatrix, PhaseBlockerRegister)]
    for flaw in recount.verdict_flaws(*written):
        block("M4I-B6", flaw)
    if remains := recount.advances_wrongly(*written):
        block("M4I-B8", remains)
