"""What a summary says, whoever wrote it: anything reads to something typed, and what is well formed reads to itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.stated import StatedSummary

MEMBERS = sorted(set(StatedSummary.model_fields) - {"everything"})
EMPTY = StatedSummary()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MEMBERS, "code", "file"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_nothing_that_lies_in_the_place_of_a_summary_is_refused(content: Any) -> None:
    stated = StatedSummary.of(content)
    assert stated.everything == (content if isinstance(content, dict) else {})
    assert stated.passed is (isinstance(content, dict) and content.get("overall_pass") is True)


@pytest.mark.parametrize("member", [name for name in MEMBERS if name not in {"upstream", "code"}])
@given(wrong=st.sampled_from([None, 7, 0.5, float("nan"), b"bytes"]))
def test_a_member_that_is_not_what_its_name_says_is_as_if_it_were_not_there(member: str, wrong: Any) -> None:
    if not (member == "blocker_count" and wrong == 7):
        assert getattr(StatedSummary.of({member: wrong}), member) == getattr(EMPTY, member)


@pytest.mark.parametrize("said", ["true", 1, "True", [True], {"overall_pass": True}])
def test_nothing_but_true_is_a_pass(said: Any) -> None:
    assert not StatedSummary.of({"overall_pass": said, "complete": said}).passed
    assert not StatedSummary.of({"upstream": [{"gate": "M9.A", "green": said}]}).upstream[0].green


@pytest.mark.parametrize("rows", ["m9a", [["m9a"]], [7], {"gate": "M9.A", "execution_id": 7}])
def test_an_upstream_row_that_is_none_names_an_attempt_that_is_gone(rows: Any) -> None:
    (row,) = StatedSummary.of({"upstream": rows}).upstream
    assert row.execution_id
    assert not row.green


def test_what_is_well_formed_reads_to_itself() -> None:
    detail = {"code": "M9A-B1", "severity": "S2", "verifier": None, "state": "LEAK", "detail": "seen", "remedy": "fix"}
    stated = StatedSummary.of(
        {
            "gate": "M9.A",
            "blockers": ["M9A-B1"],
            "blocker_count": 1,
            "overall_pass": False,
            "blocker_details": [detail],
            "generated_at_utc": "2026-02-24T06:48:02.000Z",
            "metrics": {"rows": 3},
            "everything": "a member of that name is one of many",
        }
    )
    assert (stated.gate, stated.blockers, stated.blocker_count, stated.overall_pass) == ("M9.A", ("M9A-B1",), 1, False)
    assert stated.blocker_details[0].said == "LEAK: seen"
    assert stated.moment is not None
    assert stated.metrics == {"rows": 3}
    assert stated.everything["everything"] == "a member of that name is one of many"
