"""M4.E: every active lane is healthy, and ingress and orchestrator carry the run that was handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.e_health.artifacts import LaneHealthSnapshot, RunScopeBindingMatrix, RuntimeHealthBindingSnapshot

if TYPE_CHECKING:
    from fixtures.run_scope import RunScope
    from verifiers.m4.e_health.checks import RuntimeProbes

pytestmark = pytest.mark.gate("M4.E")


@pytest.mark.verifier("M4E-V1")
def test_m4d_is_green_and_the_handoff_is_readable(gate: GateRun, run_scope: RunScope) -> None:
    if gate.require_upstream("M4E-B1") and run_scope.identity is None:
        block("M4E-B1", "the handoff of M3.F does not say which run the surfaces have to carry")


@pytest.mark.verifier("M4E-V2")
def test_every_active_lane_is_healthy(runtime_probes: RuntimeProbes) -> None:
    for failure in runtime_probes.lane_health_failures():
        block("M4E-B2", failure)
    for lane in runtime_probes.unprobed_lanes:
        block("M4E-B2", f"{lane} is active, and no probe looks at its health")


@pytest.mark.verifier("M4E-V3")
def test_the_ingress_answers_its_health_check(runtime_probes: RuntimeProbes) -> None:
    for failure in runtime_probes.ingress_health_failures():
        block("M4E-B2", failure)


@pytest.mark.verifier("M4E-V4")
def test_the_ingress_admits_an_event_of_the_run(runtime_probes: RuntimeProbes, run_scope: RunScope) -> None:
    for disagreement in run_scope.disagreements:
        block("M4E-B3", disagreement)
    for failure in runtime_probes.ingress_binding_failures():
        block("M4E-B3", failure)


@pytest.mark.verifier("M4E-V5")
def test_the_orchestrator_carries_the_run(runtime_probes: RuntimeProbes) -> None:
    for failure in runtime_probes.orchestrator_binding_failures():
        block("M4E-B3", failure)


@pytest.mark.verifier("M4E-V6")
def test_no_surface_is_unstable(gate: GateRun, runtime_probes: RuntimeProbes) -> None:
    gate.metric("runtime_stability_pass", not runtime_probes.unstable)
    for surface in runtime_probes.unstable:
        block("M4E-B4", surface)


@pytest.mark.verifier("M4E-V7")
def test_the_health_evidence_is_written_without_a_secret(
    gate: GateRun, runtime_probes: RuntimeProbes, run_scope: RunScope
) -> None:
    lane_counts = {
        "active_lane_count": runtime_probes.active_lane_count,
        "healthy_lane_count": runtime_probes.healthy_lane_count,
    }
    probe_counts = {"probe_count": len(runtime_probes.results), "failed_probe_count": runtime_probes.failed_count}
    run_scope_pass = runtime_probes.run_scope_pass
    for name, value in {**lane_counts, **probe_counts, "run_scope_pass": run_scope_pass}.items():
        gate.metric(name, value)
    gate.artifact(LaneHealthSnapshot, {**run_scope.header, **lane_counts, "lanes": runtime_probes.lanes()})
    gate.artifact(
        RunScopeBindingMatrix,
        {
            **run_scope.header,
            "env_key": run_scope.identity.env_key if run_scope.identity else None,
            "rows": runtime_probes.binding_rows(),
            "disagreements": list(run_scope.disagreements),
            "run_scope_pass": run_scope_pass,
        },
    )
    gate.artifact(
        RuntimeHealthBindingSnapshot,
        {
            **run_scope.header,
            **lane_counts,
            **probe_counts,
            "run_scope_pass": run_scope_pass,
            "runtime_stability_pass": not runtime_probes.unstable,
            "failed_probes": [row["probe"] for row in runtime_probes.rows() if row["status"] != "PASS"],
        },
    )
    gate.check()
