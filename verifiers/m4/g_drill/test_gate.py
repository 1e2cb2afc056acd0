"""M4.G: the ingress fails visibly when it is clamped, recovers, and is left exactly as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.g_drill.artifacts import FailureInjectionSnapshot, RecoveryRollbackSnapshot, RuntimeDrillSnapshot

if TYPE_CHECKING:
    from fixtures.run_scope import RunScope
    from verifiers.m4.g_drill.checks import IngressDrill

pytestmark = pytest.mark.gate("M4.G")


@pytest.mark.verifier("M4G-V2")
def test_the_steady_state_holds_before_the_drill(ingress_drill: IngressDrill) -> None:
    if ingress_drill.flaws or ingress_drill.journal.status == "not_started":
        block("M4G-B2", f"the drill was not begun: {ingress_drill.why}; {ingress_drill.journal.steady_before}")


@pytest.mark.verifier("M4G-V3")
def test_the_clamp_was_injected(ingress_drill: IngressDrill) -> None:
    if not ingress_drill.injected:
        block("M4G-B3", f"nothing was injected: {ingress_drill.why}")


@pytest.mark.verifier("M4G-V4")
def test_the_failure_shows_within_its_bound(ingress_drill: IngressDrill) -> None:
    if not ingress_drill.journal.failure_shown:
        seen = ingress_drill.journal.failure_status
        bound = ingress_drill.drill.bounds.failure_within_s
        block("M4G-B3", f"no failure showed within {bound:g} s (last seen: {seen}): {ingress_drill.why}")


@pytest.mark.verifier("M4G-V5")
def test_the_clamp_was_taken_off(ingress_drill: IngressDrill) -> None:
    if not ingress_drill.journal.restored:
        block("M4G-B4", f"no recovery was shown: {ingress_drill.why}")


@pytest.mark.verifier("M4G-V6")
def test_health_ingest_and_correlation_are_good_again(ingress_drill: IngressDrill) -> None:
    for name in ("health", "ingest"):
        if not ingress_drill.holds_after(name):
            block("M4G-B4", f"{name} after the drill: {ingress_drill.after(name)}: {ingress_drill.why}")
    if ingress_drill.holds_after("ingest") and not ingress_drill.holds_after("correlation"):
        block("M4G-B6", f"correlation after the drill: {ingress_drill.after('correlation')}")


@pytest.mark.verifier("M4G-V7")
def test_the_control_reads_as_before(ingress_drill: IngressDrill) -> None:
    if not ingress_drill.parity:
        facts = ingress_drill.facts()
        before, after = facts["prestate_reserved_concurrency"], facts["poststate_reserved_concurrency"]
        block("M4G-B5", f"reserved concurrency was {before} and reads {after}: {ingress_drill.why}")


@pytest.mark.verifier("M4G-V8")
def test_the_drill_evidence_is_published(gate: GateRun, ingress_drill: IngressDrill, run_scope: RunScope) -> None:
    journal, facts = ingress_drill.journal, ingress_drill.facts()
    for name, value in facts.items():
        gate.metric(name, value)
    lane = {"drill_lane": ingress_drill.drill.lane, "control": ingress_drill.drill.control.model_dump()}
    gate.artifact(
        FailureInjectionSnapshot,
        {
            **run_scope.header,
            **lane,
            "prestate": facts["prestate_reserved_concurrency"],
            "injected": journal.injected,
            "failure_within_s": ingress_drill.drill.bounds.failure_within_s,
            "failure_shown": journal.failure_shown,
            "failure_http_status": journal.failure_status,
        },
    )
    gate.artifact(
        RecoveryRollbackSnapshot,
        {
            **run_scope.header,
            **lane,
            "recovery_action": journal.recovery_action,
            "prestate": facts["prestate_reserved_concurrency"],
            "poststate": facts["poststate_reserved_concurrency"],
            "rollback_parity": facts["rollback_parity"],
            "after": dict(journal.steady_after),
        },
    )
    gate.artifact(
        RuntimeDrillSnapshot,
        {
            **run_scope.header,
            "drill": ingress_drill.drill.model_dump(mode="json"),
            "status": journal.status,
            "reason": ingress_drill.why if journal.status != "completed" else "",
            **facts,
            "steady_before": dict(journal.steady_before),
            "steady_after": dict(journal.steady_after),
            "journal": list(journal.steps),
        },
    )
    gate.publish()
