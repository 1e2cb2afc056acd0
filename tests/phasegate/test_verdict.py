"""The laws of the verdict, over generated gates and outcomes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.catalog.model import Gate
from phasegate.verdict import Finding, GateJudgement, Outcome, TestRecord, TestState, Verdict, judge, resolve, worst

GATE = Gate.model_validate(
    {
        "id": "M9.A",
        "code_prefix": "M9A",
        "title": "a gate",
        "owner": "somebody",
        "needs": [],
        "advance": "ADVANCE_TO_M9B",
        "hold": "HOLD_REMEDIATE",
        "reset": "NO_GO_RESET_REQUIRED",
        "next_gate": "M9.A_READY",
        "blocked_next_gate": "BLOCKED",
        "rolls_up_to": "M9-B1",
        "codes": {"entry": "M9A-B1", "evidence": "M9A-B3", "publish": "M9A-B3"},
        "verifiers": [
            {"id": "M9A-V1", "name": "FIRST", "purpose": "p", "raises": ["M9A-B1"]},
            {"id": "M9A-V2", "name": "SECOND", "purpose": "p", "raises": ["M9A-B2", "M9A-B3"]},
        ],
        "blockers": [
            {"code": "M9A-B1", "meaning": "m1", "remedy": "r", "severity": "S2", "rolls_up_to": "M9-B1"},
            {"code": "M9A-B2", "meaning": "m2", "remedy": "r", "severity": "S3", "rolls_up_to": "M9-B2"},
            {"code": "M9A-B3", "meaning": "m3", "remedy": "r", "severity": "S1", "rolls_up_to": "M9-B1"},
        ],
        "artifacts": ["m9a_snapshot.json"],
    }
)
WITH_OWN_UNCATEGORISED = GATE.model_copy(update={"codes": GATE.codes.model_copy(update={"uncategorised": "M9A-B2"})})
PASSED = {verifier.id: [TestRecord(f"t.py::{verifier.id}", TestState.PASSED)] for verifier in GATE.verifiers}

codes = st.sampled_from(["M9A-B1", "M9A-B2", "M9A-B3", "M9A-B99", "OTHER-B1"])
records = st.builds(
    TestRecord,
    nodeid=st.sampled_from(["t.py::a", "t.py::b", ""]),
    state=st.sampled_from(TestState),
    findings=st.lists(st.tuples(codes, st.text(max_size=5)), max_size=3).map(tuple),
    detail=st.text(max_size=5),
)
outcomes = st.dictionaries(st.sampled_from(["M9A-V1", "M9A-V2"]), st.lists(records, max_size=4))
duties = st.lists(
    st.builds(
        Finding,
        code=codes,
        verifier=st.just(""),
        state=st.sampled_from(["PUBLISH", "LEAK"]),
        detail=st.text(max_size=5),
    ),
    max_size=3,
)


def judged(**states: TestState) -> GateJudgement:
    changed = {f"M9A-{name}": [TestRecord("t.py::t", state)] for name, state in states.items()}
    return judge(GATE, PASSED | changed)


def test_a_gate_advances_when_each_verifier_of_the_catalogue_passed() -> None:
    judgement = judge(GATE, PASSED)
    assert judgement.overall_pass
    assert judgement.complete
    assert judgement.word == "ADVANCE_TO_M9B"
    assert judgement.next_gate == "M9.A_READY"
    assert judgement.blockers == ()


@given(outcomes, duties)
def test_nothing_but_clean_passes_of_every_verifier_advances(by_verifier, found) -> None:
    judgement = judge(GATE, by_verifier, found)
    clean = (
        not found
        and set(by_verifier) == {"M9A-V1", "M9A-V2"}
        and all(
            rows and all(row.state is TestState.PASSED and not row.findings for row in rows)
            for rows in by_verifier.values()
        )
    )
    assert judgement.overall_pass == clean
    assert judgement.overall_pass == (not judgement.blockers)
    assert (judgement.next_gate == "M9.A_READY") == clean


@given(outcomes, duties, st.randoms())
def test_the_order_of_outcomes_does_not_matter(by_verifier, found, random) -> None:
    expected = judge(GATE, by_verifier, found)
    shuffled = {key: random.sample(rows, len(rows)) for key, rows in sorted(by_verifier.items(), reverse=True)}
    assert judge(GATE, shuffled, random.sample(found, len(found))) == expected


@given(outcomes, duties, records, st.sampled_from(["M9A-V1", "M9A-V2"]))
def test_a_further_record_never_betters_a_verdict_but_where_nothing_had_run(
    by_verifier, found, extra, verifier
) -> None:
    before = judge(GATE, by_verifier, found)
    if not by_verifier.get(verifier):
        return
    after = judge(GATE, by_verifier | {verifier: [*by_verifier[verifier], extra]}, found)
    assert after.verdict.rank >= before.verdict.rank
    assert set(after.blockers) >= set(before.blockers)


@pytest.mark.parametrize("state", [TestState.SKIPPED, TestState.XFAILED, TestState.DESELECTED, TestState.NOT_RUN])
def test_what_was_not_evaluated_holds_the_gate_and_makes_it_incomplete(state) -> None:
    judgement = judged(V1=state)
    assert judgement.verdict is Verdict.HOLD_REMEDIATE
    assert judgement.blockers == ("M9A-NOT_EVALUATED",)
    assert judgement.not_evaluated == ("M9A-V1",)
    assert not judgement.complete


@pytest.mark.parametrize("state", [TestState.ERRORED, TestState.FLIPPED, TestState.LOST])
def test_what_maps_to_no_blocker_is_a_hard_no_go(state) -> None:
    judgement = judged(V2=state)
    assert judgement.verdict is Verdict.NO_GO_RESET_REQUIRED
    assert judgement.blockers == ("M9A-UNMAPPED",)
    assert judgement.complete == (state is not TestState.LOST)


def test_a_gate_with_a_code_of_its_own_for_the_uncategorised_uses_it() -> None:
    rows = PASSED | {"M9A-V1": [TestRecord("t.py::t", TestState.ERRORED)]}
    assert judge(WITH_OWN_UNCATEGORISED, rows).blockers == ("M9A-B2",)


def test_a_verifier_without_any_record_did_not_run() -> None:
    judgement = judge(GATE, {"M9A-V1": PASSED["M9A-V1"]})
    assert judgement.not_evaluated == ("M9A-V2",)
    assert not judgement.overall_pass


def test_a_blocker_that_the_verifier_may_not_raise_is_unmapped() -> None:
    record = TestRecord("t.py::t", TestState.BLOCKED, (("M9A-B3", "detail"),))
    result = resolve(GATE, GATE.verifiers[0], [record])
    assert result.outcome is Outcome.ERRORED
    assert [finding.code for finding in result.findings] == ["M9A-UNMAPPED"]


def test_a_blocked_test_that_names_no_blocker_is_unmapped() -> None:
    assert judged(V1=TestState.BLOCKED).blockers == ("M9A-UNMAPPED",)


def test_findings_with_a_pass_still_block() -> None:
    rows = PASSED | {"M9A-V1": [TestRecord("t.py::t", TestState.PASSED, (("M9A-B1", "late"),))]}
    assert judge(GATE, rows).blockers == ("M9A-B1",)


def test_a_duty_that_failed_blocks_a_gate_whose_verifiers_all_passed() -> None:
    judgement = judge(GATE, PASSED, [Finding("M9A-B3", "", "PUBLISH", "store is gone")])
    assert judgement.verdict is Verdict.NO_GO_RESET_REQUIRED
    assert judgement.phase_blockers == ("M9-B1",)


def test_a_planned_gate_never_advances() -> None:
    planned = GATE.model_copy(update={"planned": True})
    assert judge(planned, PASSED).verdict is Verdict.HOLD_REMEDIATE


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [("M9A-B2", Verdict.HOLD_REMEDIATE), ("M9A-B3", Verdict.NO_GO_RESET_REQUIRED)],
)
def test_the_gravest_severity_decides(severity, verdict) -> None:
    rows = PASSED | {"M9A-V2": [TestRecord("t", TestState.BLOCKED, ((severity, "d"), ("M9A-B2", "d")))]}
    assert judge(GATE, rows).verdict is verdict


def test_verdicts_form_a_lattice() -> None:
    for first, second, third in itertools.product(Verdict, repeat=3):
        assert worst([first, second]) == worst([second, first])
        assert worst([worst([first, second]), third]) == worst([first, worst([second, third])])
        assert worst([first, first]) == first
    assert worst([]) is Verdict.HOLD_REMEDIATE


@pytest.mark.parametrize(
    ("code", "word"), [(None, "UNLOCK_POPT2"), ("M9A-B2", "HOLD_POPT1"), ("M9A-B3", "REVERT_POPT1")]
)
def test_a_verdict_is_said_in_the_gates_own_words(code, word) -> None:
    lane = GATE.model_copy(update={"advance": "UNLOCK_POPT2", "hold": "HOLD_POPT1", "reset": "REVERT_POPT1"})
    duties = [Finding(code, "", "EVIDENCE", "")] if code is not None else []
    assert judge(lane, PASSED, duties).word == word
