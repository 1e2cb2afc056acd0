"""Markers, order, upstream evidence and the two xdist modes."""

from __future__ import annotations

import json
import re

import pytest

from phasegate.errors import ExitCode


@pytest.mark.parametrize(
    ("expression", "count"),
    [("m9", 9), ("m9a", 3), ("m9b or m9c", 6), ("blocker(code='M9C-B2')", 1), ("not m9", 0)],
)
def test_derived_markers_select(project, expression, count) -> None:
    result = project.run("--collect-only", "-q", "-m", expression)
    listed = [line for line in result.outlines if "::" in line]
    assert len(listed) == count


def test_gates_run_in_chain_order_whatever_order_the_files_have(project) -> None:
    (project.path / "gates/test_m9a.py").rename(project.path / "gates/test_z.py")
    result = project.run("-v")
    assert result.ret == ExitCode.OK
    order = re.findall(r"gates/test_(z|m9b|m9c)\.py::test_(\w+)", result.stdout.str())
    assert order.index(("z", "publish")) < order.index(("m9b", "entry"))


def test_a_gate_alone_rests_on_the_last_authoritative_attempt(project) -> None:
    assert project.run("-m", "m9a").ret == ExitCode.OK
    assert project.run("-m", "m9b").ret == ExitCode.OK
    summary = project.summaries()["M9.B"]
    assert summary["upstream"][0]["gate"] == "M9.A"
    assert summary["upstream"][0]["execution_id"] == project.summaries()["M9.A"]["phase_execution_id"]


def test_an_upstream_summary_edited_by_hand_blocks(project) -> None:
    project.run("-m", "m9a")
    folder = project.attempts()[0]
    path = folder / "m9a_execution_summary.json"
    summary = json.loads(path.read_bytes())
    summary["metrics"]["edited"] = True
    path.write_text(json.dumps(summary))
    project.run("-m", "m9b")
    assert project.summaries()["M9.B"]["blockers"] == ["M9B-B1"]


def test_an_artifact_edited_by_hand_blocks_what_rests_on_it(project) -> None:
    project.run("-m", "m9a")
    (project.attempts()[0] / "m9a_snapshot.json").write_text('{"value":2}')
    project.run("-m", "m9b")
    summary = project.summaries()["M9.B"]
    assert summary["blockers"] == ["M9B-B1"]
    assert "m9a_snapshot.json" in json.dumps(summary["blocker_details"])


def test_evidence_of_the_other_substrate_does_not_count(project) -> None:
    assert project.run("-m", "m9a").ret == ExitCode.OK
    assert project.run("-m", "m9b", "--substrate=aws").ret == ExitCode.BLOCKED


def test_upstream_run_adds_the_gates_that_the_selected_ones_rest_on(project) -> None:
    result = project.run("-m", "m9b", "--upstream=run")
    assert result.ret == ExitCode.OK
    result.assert_outcomes(passed=6, deselected=6)
    assert set(project.summaries()) == {"M9.A", "M9.B"}


def test_upstream_run_says_when_the_upstream_tests_were_not_collected(project) -> None:
    result = project.run("gates/test_m9b.py", "--upstream=run")
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines(["*--upstream=run needs gate M9.A*", "*remedy:*"])


def _without_ids_and_times(project) -> dict[str, str]:
    packs = {}
    for folder in project.attempts():
        for path in sorted(folder.glob("[!av]*.json")):  # not what is signed, which is about the very bytes
            text = re.sub(r"_\d{8}T\d{6}Z", "_TIME", path.read_text())
            text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z", "TIME", text)
            text = re.sub(r'"(version_id|session|sha256)":"[^"]*"', r'"\1":"ID"', text)
            packs[f"{folder.name.split('_')[0]}/{path.name}"] = text
    return packs


def test_two_workers_leave_the_same_packs_as_one_process(project, pytester) -> None:
    assert project.run().ret == ExitCode.OK
    alone = _without_ids_and_times(project)
    (project.path / "runs").rename(project.path / "runs-alone")
    result = project.run("-n", "2")
    assert result.ret == ExitCode.OK
    result.stdout.fnmatch_lines(["3 of 3 gates advance"])
    assert _without_ids_and_times(project) == alone


def test_a_chain_stays_on_one_worker(project) -> None:
    for letter in "ABC":
        project.gate(
            letter,
            v2='import os, pathlib\npathlib.Path(f"{gate.id}.worker").write_text(os.environ["PYTEST_XDIST_WORKER"])',
        )
    assert project.run("-n", "2").ret == ExitCode.OK
    workers = {letter: (project.path / f"M9.{letter}.worker").read_text() for letter in "ABC"}
    assert workers["A"] == workers["B"]


def test_a_lost_worker_leaves_an_incomplete_attempt_and_no_pass(project) -> None:
    project.gate("C", v2="import os\nos._exit(0)")
    result = project.run("-n", "2", "-m", "m9c")
    assert result.ret != ExitCode.OK
    summaries = [json.loads((folder / "m9c_execution_summary.json").read_bytes()) for folder in project.attempts()]
    assert summaries
    assert all(not summary["overall_pass"] and not summary["complete"] for summary in summaries)
    assert any("M9C-UNMAPPED" in summary["blockers"] for summary in summaries)


@pytest.mark.parametrize("mode", ["each", "loadfile", "loadscope"])
def test_distribution_modes_that_could_split_or_repeat_a_gate_are_refused(project, mode) -> None:
    result = project.run("-n", "2", "--dist", mode)
    assert result.ret != ExitCode.OK
    assert f"--dist {mode}: it may split" in result.stdout.str() + result.stderr.str()
    assert project.attempts() == []


def test_a_verifier_that_was_left_out_holds_its_gate_and_no_more_than_that(project) -> None:
    project.gate("A", v2='gate.artifact("m9a_snapshot.json", {"value": 1})', v3="gate.publish()")
    source = (project.path / "gates/test_m9a.py").read_text()
    written, _, rest = source.rpartition('    gate.artifact("m9a_snapshot.json", {"value": 1})\n')
    (project.path / "gates/test_m9a.py").write_text(written + rest)  # V2 writes it, V3 publishes it
    for left_out, verifier in (("publish", "M9A-V3"), ("body", "M9A-V2")):
        assert project.run("-m", "m9a", "-k", f"not {left_out}").ret == ExitCode.INCOMPLETE
        summary = project.summaries()["M9.A"]
        assert summary["blockers"] == ["M9A-NOT_EVALUATED"]
        assert summary["not_evaluated"] == [verifier]
    assert project.run("-m", "m9a").ret == ExitCode.OK
