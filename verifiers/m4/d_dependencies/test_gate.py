"""M4.D: each dependency of an active lane answers on its control plane, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.d_dependencies.artifacts import DependencyMatrix, DependencyProbeSnapshot, ProbeFailureClassification

if TYPE_CHECKING:
    from verifiers.m4.d_dependencies.checks import LaneDependencies, ProbeRun

pytestmark = pytest.mark.gate("M4.D")


@pytest.mark.verifier("M4D-V2")
def test_the_dependency_matrix_covers_every_active_lane(gate: GateRun, lane_dependencies: LaneDependencies) -> None:
    gate.metric("active_lane_count", lane_dependencies.active_lane_count)
    gate.metric("matrix_complete_pass", lane_dependencies.complete)
    for detail in lane_dependencies.gaps:
        block("M4D-B2", detail)


@pytest.mark.verifier("M4D-V3")
def test_stream_edge_and_storage_answer(m4d_probes: ProbeRun) -> None:
    for failure in m4d_probes.stream_edge_storage:
        block(failure.code, failure.detail)


@pytest.mark.verifier("M4D-V4")
def test_datastore_endpoints_are_resolved(m4d_probes: ProbeRun) -> None:
    for failure in m4d_probes.datastore:
        block(failure.code, failure.detail)


@pytest.mark.verifier("M4D-V5")
def test_an_observability_surface_exists(m4d_probes: ProbeRun) -> None:
    for failure in m4d_probes.observability:
        block(failure.code, failure.detail)


@pytest.mark.verifier("M4D-V6")
def test_the_probe_evidence_is_published(
    gate: GateRun, lane_dependencies: LaneDependencies, m4d_probes: ProbeRun
) -> None:
    gate.metric("probe_count", m4d_probes.count)
    gate.metric("failed_probe_count", m4d_probes.failed_count)
    gate.artifact(
        DependencyMatrix,
        {
            "lanes": lane_dependencies.rows(),
            "active_lane_count": lane_dependencies.active_lane_count,
            "matrix_complete_pass": lane_dependencies.complete,
        },
    )
    gate.artifact(
        DependencyProbeSnapshot,
        {
            "probes": m4d_probes.rows(),
            "probe_count": m4d_probes.count,
            "failed_probe_count": m4d_probes.failed_count,
        },
    )
    gate.artifact(ProbeFailureClassification, m4d_probes.classification())
    gate.publish()
