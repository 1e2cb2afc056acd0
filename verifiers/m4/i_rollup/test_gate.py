"""M4.I: eight gates rolled up, every blocker adjudicated, one verdict that repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from phasegate.api import GateRun, block

if TYPE_CHECKING:
    from verifiers.m4.i_rollup.checks import Adjudication
    from verifiers.m4.i_rollup.recount import Recount

pytestmark = pytest.mark.gate("M4.I")

MATRIX, REGISTER, VERDICT = "m4i_gate_rollup_matrix.json", "m4i_blocker_register.json", "m4i_phase_verdict.json"


@pytest.mark.verifier("M4I-V1")
def test_eight_summaries_are_readable(adjudication: Adjudication) -> None:
    for evidence in adjudication.absent:
        block("M4I-B1", evidence.why)


@pytest.mark.verifier("M4I-V2")
def test_eight_gates_are_green(gate: GateRun, adjudication: Adjudication) -> None:
    gate.metric("upstream_green", adjudication.upstream_green)
    for evidence in adjudication.held:
        block("M4I-B2", evidence.why)


@pytest.mark.verifier("M4I-V3")
def test_every_open_blocker_has_a_severity(gate: GateRun, adjudication: Adjudication) -> None:
    gate.metric("unresolved_blocker_count", len(adjudication.unresolved))
    for blocker in adjudication.unmapped:
        block("M4I-B3", f"{blocker.code} of {blocker.gate} has no severity; it counts as {blocker.severity}")


@pytest.mark.verifier("M4I-V4")
def test_the_matrix_agrees_with_its_sources(gate: GateRun, adjudication: Adjudication, recount: Recount) -> None:
    for contradiction in adjudication.contradictions():
        block("M4I-B4", contradiction)
    gate.artifact(MATRIX, adjudication.matrix())
    for flaw in recount.matrix_flaws(gate.recorded(MATRIX)):
        block("M4I-B4", flaw)


@pytest.mark.verifier("M4I-V5")
def test_the_register_names_every_code(gate: GateRun, adjudication: Adjudication, recount: Recount) -> None:
    gate.artifact(REGISTER, adjudication.register())
    for flaw in recount.register_flaws(gate.recorded(REGISTER)):
        block("M4I-B5", flaw)


@pytest.mark.verifier("M4I-V6")
def test_the_verdict_repeats(
    gate: GateRun, adjudication: Adjudication, adjudicate: Callable[[], Adjudication], recount: Recount
) -> None:
    verdict, again = adjudication.verdict(), adjudicate().verdict()
    payload = {**verdict, "payload_sha256_again": again["payload_sha256"], "repeatable": verdict == again}
    gate.artifact(VERDICT, payload)
    written: list[Any] = [gate.recorded(name) for name in (VERDICT, MATRIX, REGISTER)]
    for flaw in recount.verdict_flaws(*written):
        block("M4I-B6", flaw)
    if remains := recount.advances_wrongly(*written):
        block("M4I-B8", remains)
