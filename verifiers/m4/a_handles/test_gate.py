"""M4.A: every handle that the runtime lanes need is pinned, and the runtime-path law holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.a_handles.artifacts import HandleClosureSnapshot, RequiredHandleMatrix

if TYPE_CHECKING:
    from fixtures.closure import HandleClosure
    from verifiers.m4.a_handles.checks import RuntimePathLaw

pytestmark = pytest.mark.gate("M4.A")


@pytest.mark.verifier("M4A-V1")
def test_every_required_handle_is_assigned(gate: GateRun, closure: HandleClosure) -> None:
    gate.metric("required_handle_count", len(closure.rows))
    for row in closure.missing:
        block("M4A-B1", f"{row.handle} ({row.family}) has no line in {closure.source}")


@pytest.mark.verifier("M4A-V2")
def test_no_required_value_is_open_or_malformed(gate: GateRun, closure: HandleClosure) -> None:
    gate.metric("resolved_handle_count", len(closure.resolved))
    gate.metric("unresolved_handle_count", len(closure.rows) - len(closure.resolved))
    for row in closure.unresolved:
        block("M4A-B2", f"{row.handle} ({row.family}) is {row.value_form} at {row.place}")


@pytest.mark.verifier("M4A-V3")
def test_the_runtime_path_law_holds(gate: GateRun, runtime_path_law: RuntimePathLaw) -> None:
    gate.metric("runtime_path_contract", runtime_path_law.status)
    for clause in runtime_path_law.broken:
        block("M4A-B3", f"{clause.handle} is {clause.actual!r}; the law pins {clause.expected!r}")


@pytest.mark.verifier("M4A-V4")
def test_m3_closed_with_an_advance(gate: GateRun) -> None:
    green = gate.require_upstream("M4A-B4", "M3.J")
    gate.metric("m3_gate", "PASS" if green else "FAIL")


@pytest.mark.verifier("M4A-V5")
def test_the_closure_snapshot_is_published(
    gate: GateRun, closure: HandleClosure, runtime_path_law: RuntimePathLaw
) -> None:
    upstream = gate.upstream("M3.J")
    gate.artifact(RequiredHandleMatrix, {"rows": closure.matrix()})
    gate.artifact(
        HandleClosureSnapshot,
        {
            "required_handle_count": len(closure.rows),
            "resolved_handle_count": len(closure.resolved),
            "unresolved_handle_count": len(closure.rows) - len(closure.resolved),
            "runtime_path_contract": runtime_path_law.status,
            "runtime_path_values": runtime_path_law.values(),
            "m3_gate": "PASS" if upstream.green else "FAIL",
            "m3_execution_id": upstream.execution_id,
            "missing_handles": [row.handle for row in closure.missing],
            "unresolved_handles": [row.handle for row in closure.unresolved],
            "out_of_scope_open": closure.out_of_scope_open(),
            "registry": closure.source,
            "registry_sha256": closure.registry_sha256,
        },
    )
    written = (gate.recorded(RequiredHandleMatrix), gate.recorded(HandleClosureSnapshot))
    for flaw in closure.snapshot_flaws(*written):
        block("M4A-B5", flaw)
    gate.publish()
