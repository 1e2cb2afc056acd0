"""M4.B: each lane has one active path, its fallbacks are declared, and the manifest is frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.b_runtime_path.artifacts import LanePathSelectionMatrix, RuntimePathManifest

if TYPE_CHECKING:
    from fixtures.closure import HandleClosure
    from fixtures.lanes import LaneManifest

pytestmark = pytest.mark.gate("M4.B")


@pytest.mark.verifier("M4B-V2")
def test_every_mapping_handle_is_resolved(gate: GateRun, closure: HandleClosure) -> None:
    gate.metric("mapping_handle_count", len(closure.rows))
    for row in (*closure.missing, *closure.unresolved):
        block("M4B-B2", f"{row.handle} is {row.value_form} at {row.place}")


@pytest.mark.verifier("M4B-V3")
def test_each_lane_has_one_active_path_and_declared_fallbacks(gate: GateRun, lane_manifest: LaneManifest) -> None:
    gate.metric("lane_count", lane_manifest.lane_count)
    gate.metric("single_active_path_pass", lane_manifest.single_active_path)
    for detail in lane_manifest.malformed:
        block("M4B-B3", detail)
    for detail in lane_manifest.ambiguous:
        block("M4B-B4", detail)
    for detail in lane_manifest.undeclared_fallbacks:
        block("M4B-B6", detail)


@pytest.mark.verifier("M4B-V4")
def test_eks_is_active_only_where_the_policy_allows(gate: GateRun, lane_manifest: LaneManifest) -> None:
    gate.metric("eks_policy_conformance_pass", lane_manifest.eks_conformant)
    for detail in lane_manifest.eks_violations:
        block("M4B-B5", detail)


@pytest.mark.verifier("M4B-V5")
def test_the_manifest_is_frozen_and_published(gate: GateRun, lane_manifest: LaneManifest) -> None:
    gate.metric("manifest_sha256", lane_manifest.sha256)
    gate.artifact(RuntimePathManifest, lane_manifest.payload)
    gate.artifact(
        LanePathSelectionMatrix,
        {
            "rows": lane_manifest.selection_matrix(),
            "lane_count": lane_manifest.lane_count,
            "single_active_path_pass": lane_manifest.single_active_path,
            "eks_policy_conformance_pass": lane_manifest.eks_conformant,
            "manifest_sha256": lane_manifest.sha256,
        },
    )
    gate.publish()
