"""What M4.A, M4.I and M4.J hold against what they wrote: each word of it that is changed is named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from fixtures.run_scope import RunScope
from tests.gates.rehearsal import CATALOGUE, Rehearsal


@pytest.fixture(scope="module")
def written(passed, tmp_path_factory):
    """Artifacts of a phase that passed, and the objects that judge them, by name."""
    found: dict[str, Any] = {}
    for gate in ("M4.A", "M4.I", "M4.J"):
        rehearsal = Rehearsal(CATALOGUE.gates[gate], passed, tmp_path_factory.mktemp("recount"))
        assert rehearsal.codes() == set()
        found |= rehearsal.made
        if gate == "M4.I":
            found["recount"] = rehearsal.made["gate"].recount()
        for name in CATALOGUE.gates[gate].artifacts:
            found[name.removesuffix(".json")] = rehearsal.made["gate"].recorded(name)
    return found


def changed(content: Any, change) -> Any:
    """A copy of an artifact in which something is changed; None where it was not written."""
    if change is None:
        return None
    content = copy.deepcopy(content)
    change(content)
    return content


AS_IT_IS = repr
"""A change that changes nothing."""

MATRIX = [
    (None, "was not written"),
    (lambda m: m["rows"].pop(), "0 rows for M4.H"),
    (lambda m: m["rows"].append(m["rows"][0]), "2 rows for M4.A"),
    (lambda m: m["rows"].append({**m["rows"][0], "gate": "M4.X"}), "1 rows for M4.X"),
    (lambda m: m["rows"][2].update(execution_id="m4c_20260101T000000Z"), "execution_id m4c_2026"),
    (lambda m: m["rows"][2].update(readable=False), "readable False"),
    (lambda m: m["rows"][2].update(overall_pass=False), "overall_pass False"),
    (lambda m: m["rows"][2].update(verdict="HOLD_REMEDIATE"), "verdict HOLD_REMEDIATE"),
    (lambda m: m["rows"][2].update(blockers=["M4C-B2"]), "blockers ['M4C-B2']"),
    (lambda m: m.update(upstream_green="7/8"), "7/8 gates green"),
]


@pytest.mark.parametrize(("change", "said"), MATRIX)
def test_a_matrix_that_departs_from_its_sources_is_named(written, change, said) -> None:
    matrix, recount = written["m4i_gate_rollup_matrix"], written["recount"]
    assert list(recount.matrix_flaws(matrix)) == []
    assert said in "; ".join(recount.matrix_flaws(changed(matrix, change)))


REGISTER = [
    (None, "no unresolved set"),
    (lambda r: r.pop("unresolved"), "no unresolved set"),
    (lambda r: r.update(unresolved=None), "no unresolved set"),
    (lambda r: r["resolved"].pop(0), "does not have M4A-B1 of M4.A as resolved"),
    (lambda r: r["resolved"].append(r["resolved"][0]), "M4A-B1 of M4.A as resolved, which"),
    (lambda r: r["unresolved"].append(r["resolved"][0]), "M4A-B1 of M4.A as unresolved, which"),
    (lambda r: r["waived"].append(r["resolved"][0]), "M4A-B1 of M4.A as waived, which"),
    (lambda r: r.update(unresolved_blocker_count=1), "counts 1 open codes, and lists 0"),
]


@pytest.mark.parametrize(("change", "said"), REGISTER)
def test_a_register_that_leaves_out_or_adds_a_code_is_named(written, change, said) -> None:
    register, recount = written["m4i_blocker_register"], written["recount"]
    assert list(recount.register_flaws(register)) == []
    assert said in "; ".join(recount.register_flaws(changed(register, change)))


def test_a_verdict_that_does_not_follow_from_matrix_and_register_is_named(written) -> None:
    recount = written["recount"]
    parts = [written[name] for name in ("m4i_phase_verdict", "m4i_gate_rollup_matrix", "m4i_blocker_register")]
    verdict, matrix, register = parts
    assert list(recount.verdict_flaws(*parts)) == []
    assert recount.advances_wrongly(*parts) == ""
    for missing in range(3):
        lacking = [None if number == missing else part for number, part in enumerate(parts)]
        assert list(recount.verdict_flaws(*lacking)) == ["the verdict, or what it is built on, was not written"]
    for name in ("payload_sha256", "payload_sha256_again"):
        other = changed(verdict, lambda v, name=name: v.update({name: "0" * 64}))
        assert "was built over" in "; ".join(recount.verdict_flaws(other, matrix, register))
    held = changed(verdict, lambda v: v.update(verdict="HOLD_REMEDIATE"))
    assert "the verdict is HOLD_REMEDIATE" in "; ".join(recount.verdict_flaws(held, matrix, register))
    assert recount.advances_wrongly(held, matrix, register) == ""
    opened = {**register["resolved"][0], "status": "open"}
    for severity, word in (("S1", "NO_GO_RESET_REQUIRED"), ("S2", "HOLD_REMEDIATE"), ("S3", "HOLD_REMEDIATE")):
        row = {**opened, "severity": severity}
        left = changed(register, lambda r, row=row: r["unresolved"].append(row))
        assert recount.advances_wrongly(verdict, matrix, left).endswith(f"give {word}")
    for change in (
        lambda m: m["rows"].pop(),
        lambda m: m["rows"][0].update(readable=False),
        lambda m: m.update(contradictions=["one"]),
        lambda m: m["rows"][0].update(overall_pass=False),
    ):
        assert recount.advances_wrongly(verdict, changed(matrix, change), register)


SUMMARY = [
    (None, "was not written"),
    (lambda s: s.update(verdict="HOLD_REMEDIATE", overall_pass=False), "M4.I says ADVANCE_TO_M4J"),
    (lambda s: s.update(overall_pass=False), "with overall_pass False"),
    (lambda s: s.update(unresolved_blockers=[{"code": "M4A-B1"}]), "other open blockers"),
    (lambda s: s["upstream"].pop(), "other gates or attempts"),
    (lambda s: s["upstream"][0].update(execution_id="m4a_20260101T000000Z"), "other gates or attempts"),
]


@pytest.mark.parametrize(("change", "said"), SUMMARY)
def test_a_phase_summary_that_departs_from_the_adjudication_is_named(written, change, said) -> None:
    summary, closing = written["m4_execution_summary"], written["closing"]
    assert closing.summary_flaws(summary) == []
    assert said in "; ".join(closing.summary_flaws(changed(summary, change)))


def test_a_handoff_whose_digests_or_flags_are_of_something_else_is_named(written) -> None:
    summary, handoff, closing = written["m4_execution_summary"], written["m5_handoff_pack"], written["closing"]
    assert closing.handoff_flaws(handoff) == closing.inconsistencies(summary, handoff) == []
    assert closing.handoff_flaws(None) == ["the handoff was not written"]
    for name in handoff["references"]:
        for digest in (None, "0" * 64):
            other = changed(handoff, lambda h, n=name, d=digest: h["references"][n].update(sha256=d))
            assert any(f"the reference {name} " in flaw for flaw in closing.handoff_flaws(other)), name
    assert closing.inconsistencies(None, handoff)
    assert closing.inconsistencies(summary, None)
    for change in (
        lambda h: h.update(m5_entry_ready=False),
        lambda h: h.update(m4_verdict="HOLD_REMEDIATE"),
        lambda h: h.update(m5_entry_ready=1),
    ):
        assert "the summary says" in closing.inconsistencies(summary, changed(handoff, change))[0]
    for register in (None, {"unresolved": [{"code": "M4A-B1"}]}):
        behind = copy.copy(closing)
        behind.register = register
        assert behind.inconsistencies(summary, handoff) == ["ADVANCE_TO_M5 although blockers are open"]
    behind = copy.copy(closing)
    behind._scope = RunScope(None, ())
    assert "the handoff of M3.F cannot be read" in behind.reference_flaws()[0]


CLOSURE = [
    (None, AS_IT_IS, "was not written"),
    (AS_IT_IS, None, "was not written"),
    (lambda m: m["rows"].pop(), AS_IT_IS, " 0 times"),
    (lambda m: m["rows"].append(m["rows"][0]), AS_IT_IS, " 2 times"),
    (lambda m: m["rows"].append({**m["rows"][0], "handle": "ANOTHER"}), AS_IT_IS, "ANOTHER, which is not"),
    (lambda m: m["rows"][0].update(resolved=False), AS_IT_IS, "resolved_handle_count"),
    (AS_IT_IS, lambda s: s.update(missing_handles=["ANOTHER"]), "missing_handles"),
    (AS_IT_IS, lambda s: s.update(required_handle_count=1), "required_handle_count 1, its matrix 33"),
]


@pytest.mark.parametrize(("rows", "counts", "said"), CLOSURE)
def test_a_closure_that_lost_a_row_or_miscounts_is_named(written, rows, counts, said) -> None:
    matrix, snapshot = written["m4a_required_handle_matrix"], written["m4a_handle_closure_snapshot"]
    closure = written["closure"]
    assert closure.snapshot_flaws(matrix, snapshot) == []
    assert sum(map(len, CATALOGUE.gates["M4.A"].handles.values())) == len(matrix["rows"]) == 33
    assert said in "; ".join(closure.snapshot_flaws(changed(matrix, rows), changed(snapshot, counts)))


def test_lanes_ready_have_each_lanes_own_health(passed, tmp_path) -> None:
    rehearsal = Rehearsal(CATALOGUE.gates["M4.H"], passed, tmp_path)
    assert rehearsal.codes() == set()
    ready, readiness = rehearsal.made["gate"].recorded("runtime_lanes_ready.json"), rehearsal.made["readiness"]
    assert [row["healthy"] for row in ready["lanes"]] == [True] * 5
    readiness._healthy["stream_engine"] = False
    assert [row["healthy"] for row in readiness.lanes_ready()["lanes"] if row["lane"] == "stream_engine"] == [False]
    assert "stream_engine as False" in "; ".join(readiness.gaps)
    assert json.dumps(readiness.lanes_ready()).count('"healthy": true') == 4
