"""M4.J: the phase is closed as M4.I decided, and handed over to M5."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.j_closure.artifacts import M5HandoffPack, PhaseSummary

if TYPE_CHECKING:
    from verifiers.m4.j_closure.checks import Closing

pytestmark = pytest.mark.gate("M4.J")


@pytest.mark.verifier("M4J-V1")
def test_m4i_left_a_verdict(closing: Closing) -> None:
    if flaw := closing.word_flaw:
        block("M4J-B1", flaw)


@pytest.mark.verifier("M4J-V2")
def test_nine_gates_are_green_and_nothing_is_open(gate: GateRun, closing: Closing) -> None:
    gate.metric("upstream_green", closing.upstream_green)
    gate.require_upstream("M4J-B2")
    if closing.unresolved is None:
        block("M4J-B3", "M4.I left no register, so nobody can say that nothing is open")
    for row in closing.unresolved or ():
        block("M4J-B3", f"{row['code']} of {row['gate']} is open: {row['reason']}")
    gate.metric("unresolved_blocker_count", len(closing.unresolved or ()))


@pytest.mark.verifier("M4J-V3")
def test_the_references_of_the_handoff_are_readable_and_of_one_run(closing: Closing) -> None:
    for flaw in closing.reference_flaws():
        block("M4J-B4", flaw)


@pytest.mark.verifier("M4J-V4")
def test_the_phase_summary_agrees_with_the_adjudication(gate: GateRun, closing: Closing) -> None:
    gate.artifact(PhaseSummary, closing.summary())
    for flaw in closing.summary_flaws(gate.recorded(PhaseSummary)):
        block("M4J-B5", flaw)


@pytest.mark.verifier("M4J-V5")
def test_the_handoff_is_complete(gate: GateRun, closing: Closing) -> None:
    for flaw in closing.path_flaws():
        block("M4J-B6", flaw)
    handoff = closing.handoff()
    written = gate.artifact(M5HandoffPack, handoff)
    for flaw in closing.handoff_flaws(gate.recorded(M5HandoffPack)):
        block("M4J-B6", flaw)
    gate.metric("m5_entry_ready", handoff["m5_entry_ready"])
    if written is not None:
        gate.metric("m5_handoff_pack_sha256", hashlib.sha256(written).hexdigest())


@pytest.mark.verifier("M4J-V7")
def test_verdict_and_entry_flag_agree_with_the_blockers(gate: GateRun, closing: Closing) -> None:
    for flaw in closing.inconsistencies(gate.recorded(PhaseSummary), gate.recorded(M5HandoffPack)):
        block("M4J-B8", flaw)
