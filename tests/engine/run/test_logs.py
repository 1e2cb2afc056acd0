"""Random-number logs add up, and every way to alter them is named; timings are complete and add up too."""

import json

import jsonschema
import pytest

from engine.errors import EngineError
from engine.run import perf, rng
from engine.run.layout import AUDIT, EVENTS, PERF, TRACE
from engine.run.seal import contract
from tests.engine.kernels.worlds import EVENTS_OF


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path, change):
    rows = lines(path)
    change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_logs_of_a_world_add_up_and_have_the_events_of_the_reference(witness) -> None:
    assert rng.verify_rng(witness.layout) == EVENTS_OF
    schema = contract("schemas_layer3.v1.yaml")["rng_event"]
    for label in EVENTS_OF:
        for event in lines(witness.layout.path(EVENTS, label=label)):
            jsonschema.validate(event, schema)
    assert len(lines(witness.layout.path(TRACE))) == len(EVENTS_OF)
    assert len(lines(witness.layout.path(AUDIT))) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.pop(3),
        lambda rows: rows.append(rows[-1]),
        lambda rows: rows[5].update(rng_counter_after_lo=rows[5]["rng_counter_after_lo"] ^ 1),
        lambda rows: rows[5].update(draws=str(int(rows[5]["draws"]) + 9)),
        lambda rows: rows[0].update(rng_counter_before_hi=0),
        lambda rows: rows[7].update(blocks=rows[7]["blocks"] + 1),
    ],
    ids=["lost", "doubled", "moved", "draws", "start", "blocks"],
)
def test_an_altered_event_log_does_not_add_up(copy, change) -> None:
    rewrite(copy.layout.path(EVENTS, label="account_allocation_sampling"), change)
    with pytest.raises(EngineError, match="RNG_ACCOUNTING_MISMATCH"):
        rng.verify_rng(copy.layout)


def test_an_altered_trace_or_a_missing_audit_row_is_named(copy) -> None:
    rewrite(copy.layout.path(TRACE), lambda rows: rows[2].update(draws_total=rows[2]["draws_total"] + 1))
    with pytest.raises(EngineError, match="the trace says draws_total"):
        rng.verify_rng(copy.layout)
    rewrite(copy.layout.path(TRACE), lambda rows: rows[2].update(draws_total=rows[2]["draws_total"] - 1))
    copy.layout.path(AUDIT).write_text("")
    with pytest.raises(EngineError, match="audit log has no row"):
        rng.verify_rng(copy.layout)


def test_every_substep_is_timed_and_the_summary_adds_up(witness) -> None:
    folder = witness.layout.path(PERF)
    totals = {}
    for state, steps in perf.STEPS.items():
        rows = lines(folder / f"{state.lower()}_perf_events_6A.jsonl")
        assert tuple(row["step"] for row in rows) == steps
        assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
        assert all(row["status"] == "ok" and row["elapsed_s"] >= 0.0 for row in rows)
        totals[state] = sum(row["elapsed_s"] for row in rows)
    summary = json.loads((folder / "perf_summary_6A.json").read_bytes())
    assert summary["state_totals_s"] == pytest.approx(totals, abs=1e-5)
    check = json.loads((folder / "perf_budget_check_6A.json").read_bytes())
    assert check["overall_budget_pass"] is True
    assert check["states_absent"] == []


def test_a_state_whose_timings_are_missing_fails_the_budget(copy) -> None:
    (copy.layout.path(PERF) / "s3_perf_events_6A.jsonl").unlink()
    perf.write_summary(copy.layout)
    check = json.loads((copy.layout.path(PERF) / "perf_budget_check_6A.json").read_bytes())
    assert check["overall_budget_pass"] is False
    assert check["states_absent"] == ["S3"]


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "{}", "[1]", '{"state": []}', "\x00"])
def test_a_log_that_says_nothing_is_an_error_with_its_place(copy, text) -> None:
    label = next(iter(EVENTS_OF))
    for path in (copy.layout.path(EVENTS, label=label), copy.layout.path(TRACE), copy.layout.path(AUDIT)):
        whole = path.read_bytes()
        path.write_text(text)
        with pytest.raises(EngineError) as caught:
            rng.verify_rng(copy.layout)
        assert caught.value.code.endswith(".IO_READ_FAILED")
        assert caught.value.place == str(path)
        path.write_bytes(whole)
    (copy.layout.path(PERF) / perf.PERF_EVENTS.format(state="s2")).write_text(text)
    perf.write_summary(copy.layout)
    summary = json.loads((copy.layout.path(PERF) / "perf_summary_6A.json").read_bytes())
    assert "S2" not in summary["state_totals_s"]
