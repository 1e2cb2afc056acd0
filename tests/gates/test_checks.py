"""What the gates judge by, on plain data: no session, no substrate, no AWS."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.run_scope import RunScope
from infra.drills.model import load_drill
from infra.drills.runner import Journal
from infra.lanes import LANES
from infra.probes import DEPENDENCY_PROBES, ErrorClass, ProbeResult, ProbeStatus
from phasegate.attempts import UpstreamEvidence
from phasegate.evidence.stated import StatedSummary
from verifiers.m4.a_handles.checks import LawClause, RuntimePathLaw
from verifiers.m4.c_identity.checks import RoleHandle, RoleReadback
from verifiers.m4.d_dependencies.artifacts import ProbeFailureClassification
from verifiers.m4.d_dependencies.checks import ProbeRun, blocker_of
from verifiers.m4.g_drill.checks import IngressDrill
from verifiers.m4.h_readiness.checks import LANE_HEALTH, ROLE_MATRIX, SOURCES, Readiness

DRILL = load_drill(Path(__file__).parents[2] / "verifiers/drills/m4g_ingress_clamp.yaml")


@pytest.mark.parametrize(
    ("actual", "status"), [(True, "PASS"), (False, "FAIL"), (1, "FAIL"), ("true", "FAIL"), (None, "FAIL")]
)
def test_m4a_a_clause_of_the_path_law_holds_for_its_value_in_its_type_alone(actual, status) -> None:
    law = RuntimePathLaw((LawClause("PIN_REQUIRED", True, actual), LawClause("MODE", "single", "single")))
    assert law.status == status
    assert [clause.handle for clause in law.broken] == ([] if status == "PASS" else ["PIN_REQUIRED"])
    assert law.values() == {"PIN_REQUIRED": actual, "MODE": "single"}


def role(handle: str, arn: str | None = "arn:aws:iam::0:role/r") -> RoleHandle:
    return RoleHandle(handle, "ingress_edge", arn, "text", "registry:1")


def test_m4c_a_role_passes_that_exists_and_is_what_its_lane_needs() -> None:
    facts = {
        "ROLE_A": SimpleNamespace(exists=True, drift=()),
        "ROLE_B": SimpleNamespace(exists=True, drift=("it may s3:* everywhere",)),
        "ROLE_C": SimpleNamespace(exists=False, drift=("it does not exist",)),
    }
    bindings: Any = SimpleNamespace(roles=(role("ROLE_A"), role("ROLE_B"), role("ROLE_C"), role("ROLE_D", None)))
    readback = RoleReadback(bindings, facts)  # type: ignore[arg-type]
    assert readback.pass_count == 1
    assert readback.drift == ("ROLE_B: it may s3:* everywhere", "ROLE_C: it does not exist")
    rows = {row["handle"]: (row["readback"], row["policy_check"], row["resolved"]) for row in readback.rows()}
    assert rows == {
        "ROLE_A": ("PASS", "PASS", True),
        "ROLE_B": ("PASS", "FAIL", True),
        "ROLE_C": ("FAIL", "FAIL", True),
        "ROLE_D": ("FAIL", "FAIL", False),
    }


def ended(number: int, error_class: ErrorClass | None = None) -> ProbeResult:
    probe = DEPENDENCY_PROBES[number - 1]
    status = ProbeStatus.PASS
    if error_class is not None:
        status = ProbeStatus.FAIL if error_class.about_surface else ProbeStatus.ERROR
    return ProbeResult(probe, "target", status, error_class, "seen", 1.0)


def test_m4d_each_failed_probe_is_the_blocker_of_its_group_or_the_uncategorised_one() -> None:
    seen = {1: ErrorClass.NOT_FOUND, 11: ErrorClass.BAD_FORM, 16: ErrorClass.ACCESS_DENIED, 4: ErrorClass.UNCATEGORISED}
    run = ProbeRun(tuple(ended(number, seen.get(number)) for number in range(1, 17)))
    assert (run.count, run.failed_count) == (16, 4)
    assert [failure.code for failure in run.stream_edge_storage] == ["M4D-B3", "M4D-B6"]
    assert [failure.code for failure in run.datastore] == ["M4D-B4"]
    assert [failure.code for failure in run.observability] == ["M4D-B5"]
    told = ProbeFailureClassification.read(run.classification())
    assert told is not None
    assert [(row.probe, row.code) for row in told.failures] == [
        (1, "M4D-B3"),
        (4, "M4D-B6"),
        (11, "M4D-B4"),
        (16, "M4D-B5"),
    ]
    assert [row.probe for row in told.uncategorized] == [4]
    assert all(blocker_of(ended(1).probe.group, kind) == "M4D-B6" for kind in ErrorClass if not kind.about_surface)


def journal(**changes: Any) -> Journal:
    steady = {"health": 200, "ingest": 202, "correlation": "carried"}
    made = Journal(
        status="completed",
        prestate_read=True,
        injected=0,
        failure_status=503,
        failure_shown=True,
        recovery_action="delete",
        restored=True,
        steady_before=dict(steady),
        steady_after=dict(steady),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("changes", "injected", "parity", "healthy"),
    [
        ({}, True, True, True),
        ({"restored": False, "poststate": 0}, True, False, True),
        ({"injected": None, "restored": None}, False, True, True),
        ({"injected": None, "restored": None, "prestate_read": False}, False, False, True),
        ({"steady_after": {"health": 503}}, True, True, False),
        ({"steady_after": {}}, True, True, False),
    ],
)
def test_m4g_a_drill_is_what_its_journal_shows(changes, injected, parity, healthy) -> None:
    drill = IngressDrill(DRILL, journal(**changes), ())
    assert (drill.injected, drill.parity, drill.holds_after("health")) == (injected, parity, healthy)
    assert drill.facts()["rollback_parity"] is parity


def test_m4g_a_control_that_nobody_read_has_no_state_to_show() -> None:
    drill = IngressDrill(DRILL, journal(prestate_read=False, restored=None, injected=None), ("HANDLE is open",))
    facts = drill.facts()
    assert (facts["prestate_reserved_concurrency"], facts["poststate_reserved_concurrency"]) == (None, None)
    assert drill.why == "HANDLE is open"


RUN = {"platform_run_id": "platform_20260223T184232Z", "scenario_run_id": f"scenario_{'0' * 32}"}
NAMES = [lane.name for lane in LANES]
CONTENT: dict[str, Any] = {
    "m4b_runtime_path_manifest.json": {
        "lanes": [{"lane": name, "active_path": "p", "components": {}} for name in NAMES]
    },
    "m4e_run_scope_binding_matrix.json": {**RUN, "run_scope_pass": True, "env_key": "K", "rows": []},
    "m4f_correlation_audit_snapshot.json": {"rows": [{"boundary": "ingress_edge", "pass": True, "fields": {}}]},
    "m4g_runtime_drill_snapshot.json": {**RUN, "drill_lane": "ingress_edge", "rollback_parity": True},
    ROLE_MATRIX: {"lanes": [{"lane": name, "roles": []} for name in NAMES]},
    LANE_HEALTH: {"lanes": [{"lane": name, "healthy": True} for name in NAMES]},
}


class Evidence(UpstreamEvidence):
    """A gate that left what is given."""

    content: dict[str, Any] = CONTENT

    def recorded(self, name: str) -> Any:
        return self.content.get(name)


def readiness(content: dict[str, Any], lost: str = "") -> Readiness:
    def upstream(gate: str) -> UpstreamEvidence:
        summary = StatedSummary.of({"artifacts": [{"file": file, "sha256": "0" * 64} for file in content]})
        name = f"{gate.replace('.', '').lower()}_execution_summary.json"
        found = Evidence(gate, f"{gate}-1", name, summary, "0" * 64, gate != lost, gate == lost, "gone", None)
        object.__setattr__(found, "content", content)
        return found

    identity: Any = SimpleNamespace(**RUN, env_key="K", env_value="V", fields=())
    return Readiness(upstream, RunScope(identity, ()))


def test_m4h_ten_sources_of_one_run_are_ready() -> None:
    made = readiness(CONTENT)
    assert len(made.sources) == len(SOURCES) == 10
    assert made.gaps == []
    assert made.invariants_pass_count == "4/4"
    assert made.active_lane_count == 5
    assert {row["healthy"] for row in made.lanes_ready()["lanes"]} == {True}


@pytest.mark.parametrize(
    ("file", "change", "gap", "invariants"),
    [
        (LANE_HEALTH, lambda c: c["lanes"][0].update(healthy=False), "stream_engine as False", "3/4"),
        (ROLE_MATRIX, None, ROLE_MATRIX, "3/4"),
        ("m4b_runtime_path_manifest.json", lambda c: c["lanes"].pop(), "", "3/4"),
        ("m4e_run_scope_binding_matrix.json", lambda c: c.update(run_scope_pass=False), "", "3/4"),
        ("m4g_runtime_drill_snapshot.json", lambda c: c.update(rollback_parity=False), "", "3/4"),
        ("m4g_runtime_drill_snapshot.json", lambda c: c.update(scenario_run_id="another"), "", "3/4"),
        ("m4f_correlation_audit_snapshot.json", lambda c: c.update(rows=[]), "", "3/4"),
    ],
)
def test_m4h_what_a_source_does_not_show_breaks_an_invariant(file, change, gap, invariants) -> None:
    content = copy.deepcopy(CONTENT)
    if change is None:
        del content[file]
    else:
        change(content[file])
    made = readiness(content)
    assert made.invariants_pass_count == invariants
    assert gap in "; ".join(made.gaps)
    assert bool(made.gaps) is bool(gap)


@pytest.mark.parametrize("gate", sorted({gate for gate, _ in SOURCES}))
def test_m4h_a_gate_that_is_not_green_leaves_no_source(gate) -> None:
    made = readiness(CONTENT, lost=gate)
    assert len(made.gaps) == sum(name == gate for name, _ in SOURCES)
    assert "gone" in made.gaps[0]
