"""M4.H: the readiness of the lanes, assembled from passing attempts alone, is published for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.h_readiness.artifacts import ReadinessPublicationSnapshot, RuntimeBindingMatrix, RuntimeLanesReady

if TYPE_CHECKING:
    from fixtures.run_scope import RunScope
    from verifiers.m4.h_readiness.checks import Readiness, RunScopedTargets

pytestmark = pytest.mark.gate("M4.H")


@pytest.mark.verifier("M4H-V3")
def test_the_readiness_is_assembled_from_its_ten_sources(gate: GateRun, readiness: Readiness) -> None:
    gate.metric("source_artifact_count", sum(not source.why for source in readiness.sources))
    gate.metric("active_lane_count", readiness.active_lane_count)
    gate.metric("invariants_pass_count", readiness.invariants_pass_count)
    for gap in readiness.gaps:
        block("M4H-B2", gap)
    for row in readiness.invariants():
        if not row["pass"] and not readiness.gaps:
            block("M4H-B2", f"does not hold: {row['invariant']}")
    _assemble(gate, readiness)


@pytest.mark.verifier("M4H-V4")
def test_every_source_is_readable_where_it_is_kept(unreadable_sources: list[str]) -> None:
    for source in unreadable_sources:
        block("M4H-B3", source)


@pytest.mark.verifier("M4H-V6")
def test_the_readiness_is_published_for_the_run(
    gate: GateRun, readiness: Readiness, run_scoped_targets: RunScopedTargets
) -> None:
    files = _assemble(gate, readiness)
    run_scoped_targets.publish(files)
    for flaw in run_scoped_targets.flaws:
        block("M4H-B4", flaw)
    if not files:
        block("M4H-B4", "nothing was published, because nothing could be assembled")


@pytest.mark.verifier("M4H-V7")
def test_the_publication_is_published(
    gate: GateRun, readiness: Readiness, run_scoped_targets: RunScopedTargets, run_scope: RunScope
) -> None:
    gate.artifact(
        ReadinessPublicationSnapshot,
        {
            **run_scope.header,
            "source_artifact_count": sum(not source.why for source in readiness.sources),
            "sources": [source.row() for source in readiness.sources],
            "targets": dict(run_scoped_targets.keys),
            "receipts": list(run_scoped_targets.receipts),
            "invariants": readiness.invariants(),
            "invariants_pass_count": readiness.invariants_pass_count,
            "gaps": [*readiness.gaps, *run_scoped_targets.flaws],
        },
    )
    gate.publish()


def _assemble(gate: GateRun, readiness: Readiness) -> dict[str, bytes]:
    """Writes the two objects, the same bytes at each call; none where the sources do not stand for them."""
    if readiness.gaps or not all(row["pass"] for row in readiness.invariants()):
        return {}
    files = {
        "runtime_lanes_ready.json": gate.artifact(RuntimeLanesReady, readiness.lanes_ready()),
        "runtime_binding_matrix.json": gate.artifact(RuntimeBindingMatrix, readiness.binding_matrix()),
    }
    clean = {name: data for name, data in files.items() if data is not None}
    return clean if len(clean) == len(files) else {}
