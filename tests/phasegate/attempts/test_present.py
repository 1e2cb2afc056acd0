"""Upstream means now: the authoritative attempt, of this target, back to the start of the chain."""

from __future__ import annotations

import json

import pytest

from phasegate.catalog.load import parse
from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import digest_of
from phasegate.verdict import TestRecord, TestState
from tests.phasegate.attempts.conftest import document


def standing(bench) -> dict[str, str]:
    return {record.execution_id: record.standing for record in bench.staging.archive.attempts("M9")}


@pytest.mark.parametrize("again", ["blocked", "passed", "altered"])
def test_what_rests_on_an_attempt_that_another_took_the_place_of_is_not_green(bench, again) -> None:
    first, second = bench.pass_("A"), bench.pass_("B")
    newest = bench.commit(bench.open("A")) if again == "blocked" else bench.pass_("A")
    if again == "altered":
        (newest.path / newest.judgement.gate.summary_name).write_bytes(b"{}")
    found = bench.staging.upstream("M9.B")
    assert not found.green
    assert not found.absent
    why = (
        f"{second.execution_id} rests on {first.execution_id}, which is not the authoritative attempt of M9.A any more "
        f"({newest.execution_id} took its place); run M9.B again"
    )
    assert found.why == why
    assert standing(bench)[second.execution_id] == f"stale: {why}"
    third = bench.pass_("C")
    assert third.judgement.blockers == ("M9C-B1",)
    assert third.judgement.findings[0].detail == why


def test_a_chain_is_stale_from_its_start_and_whole_again_once_it_was_run_again(bench) -> None:
    for letter in "ABC":
        bench.pass_(letter)
    bench.pass_("A")
    first, second = (bench.staging.upstream(f"M9.{letter}").why for letter in "BC")
    assert first == second
    assert "run M9.B again" in second
    bench.pass_("B")
    assert bench.staging.upstream("M9.B").green
    assert "run M9.C again" in bench.staging.upstream("M9.C").why
    bench.pass_("C")
    assert bench.staging.upstream("M9.C").green
    assert sorted(found.split(":")[0] for found in standing(bench).values()) == [
        *["authoritative"] * 3,
        *[f"superseded by {bench.staging.upstream(f'M9.{letter}').execution_id}" for letter in "ABC"],
    ]


def test_an_incomplete_attempt_of_the_upstream_changes_nothing(bench) -> None:
    bench.pass_("A")
    bench.pass_("B")
    bench.commit(bench.filled("A", TestState.SKIPPED))
    assert bench.staging.upstream("M9.B").green


def test_an_upstream_that_was_invalidated_and_run_again_does_not_bring_the_old_chain_back(bench) -> None:
    first, second = bench.pass_("A"), bench.pass_("B")
    bench.staging.archive.invalidate(first.execution_id, "the verifier was broken")
    bench.pass_("A")
    assert standing(bench)[second.execution_id].startswith("unsound: ")


def test_evidence_of_another_place_does_not_count_and_says_where_it_was_made(bench) -> None:
    bench.staging = bench.make_staging(world="0", region="eu-west-2")
    first = bench.pass_("A")
    bench.pass_("B")
    bench.staging = bench.make_staging(world="1", region="eu-west-2")
    assert bench.staging.upstream("M9.A").why == (
        "M9.A has no complete, valid attempt on embedded, region eu-west-2, world 1; "
        f"{first.execution_id} looked at embedded, region eu-west-2, world 0; run M9.A here"
    )
    other = bench.pass_("A")
    assert bench.summary(other)["target"] == {
        "platform": "demo",
        "substrate": "embedded",
        "world": "1",
        "region": "eu-west-2",
    }
    assert bench.staging.upstream("M9.A").execution_id == other.execution_id
    assert not bench.staging.upstream("M9.B").green
    assert set(standing(bench).values()) == {"authoritative"}, "each is the newest word of its own place"
    for facts in ({"world": "0", "region": "us-east-1"}, {"world": "0"}, {}):
        assert not bench.make_staging(**facts).upstream("M9.A").green
    before = bench.make_staging(world="0", region="eu-west-2")
    assert before.upstream("M9.B").green
    assert before.upstream("M9.A").execution_id == first.execution_id


def test_inputs_that_changed_or_that_nobody_knows_any_more_are_named_with_what_to_run(bench) -> None:
    now = {"handle:A": 1, "handle:B": None, "pinned:C": True}
    attempt = bench.filled("A")
    for name, value in now.items():
        attempt.uses(name, digest_of(value))
    first = bench.commit(attempt)
    assert bench.summary(first)["inputs"] == {name: digest_of(value) for name, value in now.items()}
    bench.staging = bench.make_staging(inputs=now)
    second = bench.pass_("B")
    assert second.judgement.overall_pass
    assert bench.make_staging(inputs=now | {"handle:D": 4}).upstream("M9.B").green
    for changed, named in (
        ({"handle:A": True}, "handle:A"),
        ({"handle:A": "1", "handle:B": 0}, "handle:A, handle:B"),
        ({"pinned:C": False}, "pinned:C"),
    ):
        found = bench.make_staging(inputs=now | changed).upstream("M9.B")
        assert (found.green, found.absent) == (False, False)
        assert found.why == f"{named} changed since {first.execution_id} used it; run M9.A again"
    assert "handle:A, handle:B, pinned:C changed" in bench.make_staging().upstream("M9.A").why


@pytest.mark.parametrize(
    ("change", "owed"),
    [
        (lambda gate: gate["artifacts"].append("m9a_three.json"), "m9a_three.json"),
        (lambda gate: gate["verifiers"].append({**gate["verifiers"][0], "id": "M9A-V2", "name": "MORE"}), "M9A-V2"),
        (lambda gate: gate["blockers"][0].update(meaning="other words"), ""),
    ],
)
def test_a_gate_must_have_shown_what_it_owes_today(bench, change, owed) -> None:
    first, second = bench.pass_("A"), bench.pass_("B")
    grown = document()
    change(grown["gates"][0])
    catalogue, problems = parse([("m9.yaml", json.dumps(grown))])
    assert catalogue is not None, problems
    bench.catalogue = catalogue
    bench.staging = bench.make_staging()
    why = f"{first.execution_id} did not show what M9.A owes now: {owed}; run M9.A again" if owed else ""
    assert bench.staging.upstream("M9.A").why == bench.staging.upstream("M9.B").why == why
    for committed in (first, second):
        assert standing(bench)[committed.execution_id] == (f"stale: {why}" if owed else "authoritative")


def test_what_a_gate_requires_today_of_its_upstream_is_asked_of_what_it_rests_on(bench) -> None:
    bench.pass_("A")
    second = bench.pass_("B")
    grown = document()
    grown["gates"][1]["upstream"] = [{"gate": "M9.A", "requires": {"overall_pass": True, "next_gate": "M9.X"}}]
    bench.catalogue, _ = parse([("m9.yaml", json.dumps(grown))])
    bench.staging = bench.make_staging()
    assert "next_gate is 'M9.A_READY', not 'M9.X'" in bench.staging.upstream("M9.B").why
    assert standing(bench)[second.execution_id].startswith("stale: ")


@pytest.mark.parametrize("state", [TestState.SKIPPED, TestState.DESELECTED, TestState.NOT_RUN, None])
def test_what_a_verifier_that_was_left_out_would_have_written_is_not_missed(bench, state) -> None:
    attempt = bench.staging.open(bench.catalogue.gates["M9.A"])
    bench.opened.append(attempt)
    if state is not None:
        attempt.record("M9A-V1", TestRecord("t.py::t", state))
    assert bench.commit(attempt).judgement.blockers == ("M9A-NOT_EVALUATED",)


@pytest.mark.parametrize("state", [TestState.PASSED, TestState.BLOCKED, TestState.ERRORED, TestState.FLIPPED])
def test_what_a_verifier_that_ran_did_not_write_is_missed(bench, state) -> None:
    assert "M9A-B3" in bench.commit(bench.open("A", state)).judgement.blockers


@pytest.mark.parametrize(
    ("name", "value", "fact"), [("a:b", 2, "changed while"), ("", 1, "names no"), (" ", 1, "names no")]
)
def test_an_input_has_one_name_and_one_value_in_an_attempt(bench, name, value, fact) -> None:
    attempt = bench.open("A")
    attempt.uses("a:b", digest_of(1))
    attempt.uses("a:b", digest_of(1))
    with pytest.raises(EvidenceError, match=fact):
        attempt.uses(name, digest_of(value))
