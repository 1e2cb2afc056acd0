"""M4.F: correlation survives each boundary, proven by echo and log, and every active lane has telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.f_correlation.artifacts import (
    CorrelationAuditSnapshot,
    CorrelationConformanceSnapshot,
    TelemetrySurfaceSnapshot,
)

if TYPE_CHECKING:
    from fixtures.run_scope import RunScope
    from verifiers.m4.f_correlation.checks import CorrelationContract, CorrelationProbes

pytestmark = pytest.mark.gate("M4.F")


@pytest.mark.verifier("M4F-V2")
def test_the_correlation_contract_is_pinned(gate: GateRun, correlation_contract: CorrelationContract) -> None:
    gate.metric("required_field_count", len(correlation_contract.fields))
    gate.metric("required_header_count", len(correlation_contract.headers))
    for flaw in correlation_contract.flaws:
        block("M4F-B2", flaw)


@pytest.mark.verifier("M4F-V3")
def test_the_ingress_proves_correlation_by_echo_and_log(gate: GateRun, correlation_probes: CorrelationProbes) -> None:
    result = correlation_probes.ingress
    gate.metric("ingress_boundary_pass", result.status == "PASS")
    if result.status != "PASS":
        block("M4F-B3", correlation_probes.told(result))


@pytest.mark.verifier("M4F-V4")
def test_the_orchestrator_carries_correlation(gate: GateRun, correlation_probes: CorrelationProbes) -> None:
    result = correlation_probes.orchestrator
    gate.metric("orchestrator_boundary_pass", result.status == "PASS")
    if result.status != "PASS":
        block("M4F-B4", correlation_probes.told(result))


@pytest.mark.verifier("M4F-V5")
def test_every_active_lane_has_telemetry(gate: GateRun, correlation_probes: CorrelationProbes) -> None:
    gate.metric("active_lane_count", correlation_probes.active_lane_count)
    gate.metric("lane_surface_pass_count", correlation_probes.telemetry_pass_count)
    gate.metric("telemetry_pass", correlation_probes.telemetry_pass)
    if not correlation_probes.active_lane_count:
        block("M4F-B5", "no lane is active, so no surface shows that one lives")
    for lane in correlation_probes.lanes_without_surface:
        block("M4F-B5", f"{lane} is active, and no telemetry surface is known for it")
    for surface, result in correlation_probes.telemetry:
        if result.status != "PASS":
            block("M4F-B5", f"{result.probe.lane}: {surface}: {correlation_probes.told(result)}")


@pytest.mark.verifier("M4F-V6")
def test_the_correlation_evidence_is_written_without_a_secret(
    gate: GateRun,
    correlation_contract: CorrelationContract,
    correlation_probes: CorrelationProbes,
    run_scope: RunScope,
) -> None:
    rows = correlation_probes.audit_rows(gate.execution_id)
    passed = {row["boundary"]: row["pass"] for row in rows}
    telemetry = {
        "active_lane_count": correlation_probes.active_lane_count,
        "lane_surface_pass_count": correlation_probes.telemetry_pass_count,
        "telemetry_pass": correlation_probes.telemetry_pass,
    }
    for name in correlation_probes.leaks():
        block("M4F-B7", f"the log of the handler holds the value of {name}")
    if not passed["evidence_emission"]:
        block("M4F-B6", "an audit row lost a correlation field")
    gate.artifact(CorrelationAuditSnapshot, {**run_scope.header, "rows": rows})
    gate.artifact(
        TelemetrySurfaceSnapshot,
        {**run_scope.header, **telemetry, "lanes": correlation_probes.telemetry_rows()},
    )
    gate.artifact(
        CorrelationConformanceSnapshot,
        {
            **run_scope.header,
            "required_field_count": len(correlation_contract.fields),
            "required_header_count": len(correlation_contract.headers),
            "contract_flaws": list(correlation_contract.flaws),
            "ingress_boundary_pass": passed["ingress_edge"],
            "orchestrator_boundary_pass": passed["orchestrator"],
            "evidence_emission_pass": passed["evidence_emission"],
            "telemetry_pass": correlation_probes.telemetry_pass,
        },
    )
    gate.check()
