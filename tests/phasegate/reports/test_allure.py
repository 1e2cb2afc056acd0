"""Allure's results of a session of gates: what each says, in whatever way the session ran or ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from phasegate.errors import ExitCode
from tests.phasegate.audit.test_waivers import waiver
from tests.phasegate.reports.conftest import label, tags

ALLURE = "--alluredir=results"
SCHEMA = Path(__file__).with_name("allure_result.schema.json")
GREEN = {f"M9{letter}-V{number}": "passed" for letter in "ABC" for number in (1, 2, 3)} | {
    "M9.A": "passed",
    "M9.B": "passed",
    "M9.C": "passed",
}


def test_a_green_day_names_phase_gate_verifier_owner_and_verdict(project, results) -> None:
    assert project.run(ALLURE).ret == ExitCode.OK
    assert results.statuses() == GREEN
    (body,) = results.of("M9A-V2")
    assert body["name"] == "M9A-V2-BODY body holds"
    assert (label(body, "epic"), label(body, "feature"), label(body, "owner")) == ("M9", "M9.A gate A", "demo team")
    assert label(body, "severity") == "critical"
    attempt = project.summaries()["M9.A"]["phase_execution_id"]
    gate = results.gate("M9.A")
    assert label(body, "execution_id") == label(gate, "execution_id") == attempt
    assert (gate["name"], label(gate, "verdict")) == ("M9.A ADVANCE_TO_M9AX", "ADVANCE_TO_M9AX")
    assert {link["name"] for link in gate["links"]} == {"durable evidence"}
    attached = {each["name"]: results.folder / each["source"] for each in gate["attachments"]}
    pack = project.path / "runs/demo/m9" / attempt
    assert "PASSED" in attached.pop("outcomes.svg").read_text()
    assert {name: path.read_bytes() for name, path in attached.items()} == {
        path.name: path.read_bytes() for path in pack.iterdir()
    }


def test_every_result_fits_the_schema_and_two_sessions_share_their_histories(project, results) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    project.gate("B", v2='with blocks("M9B-B2"):\n    assert False, "held"')
    for _ in range(2):
        project.run(ALLURE)
    found = results.all
    assert [error.message for result in found for error in validator.iter_errors(result)] == []
    histories: dict[str, list[str]] = {}
    for result in found:
        histories.setdefault(result["historyId"], []).append(result["fullName"])
    assert {len(names) for names in histories.values()} == {2}
    assert all(len(set(names)) == 1 for names in histories.values())


def test_a_blocked_gate_says_what_blocks_how_grave_it_is_and_what_closes_it(project, results) -> None:
    project.gate("A", v2='with blocks("M9A-B2"):\n    assert False, "role missing"\nblock("M9A-B3", "policy <b>")')
    assert project.run(ALLURE).ret == ExitCode.BLOCKED
    (body,) = results.of("M9A-V2")
    assert body["status"] == "failed"
    assert tags(body) == {"M9A-B2", "M9A-B3"}
    assert "M9A-B2: role missing" in body["statusDetails"]["message"]
    gate = results.gate("M9.A")
    assert (gate["status"], label(gate, "severity")) == ("failed", "critical")
    assert tags(gate) == {"M9A-B2", "M9A-B3"}
    assert "remedy of M9A-B2" in gate["description"]
    assert {link["name"] for link in gate["links"]} == {"durable evidence", "M9A-B2", "M9A-B3"}
    assert results.gate("M9.B")["status"] == "failed"
    assert tags(results.gate("M9.B")) == {"M9B-B1"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("1 / 0", "broken", "M9C-UNMAPPED"),
        ("pytest.skip('later')", "skipped", "M9C-NOT_EVALUATED"),
        ("pytest.xfail('known')", "skipped", "M9C-NOT_EVALUATED"),
    ],
)
def test_what_is_no_blocker_is_broken_or_skipped_and_its_gate_is_red(project, results, body, status, code) -> None:
    project.only("C")
    project.gate("C", v2=body)
    assert project.run(ALLURE).ret != ExitCode.OK
    (found,) = results.of("M9C-V2")
    assert (found["status"], tags(found)) == (status, {code})
    assert results.gate("M9.C")["status"] == "broken"
    assert code in tags(results.gate("M9.C"))


def test_a_gate_whose_tests_all_passed_and_which_holds_is_red(project, results) -> None:
    project.only("C")
    project.write("catalog/schemas/m9c_snapshot.schema.json", '{"type": "object", "required": ["nothing"]}')
    assert project.run(ALLURE).ret == ExitCode.BLOCKED
    assert {result["status"] for number in (1, 2) for result in results.of(f"M9C-V{number}")} == {"passed"}
    gate = results.gate("M9.C")
    assert gate["status"] == "failed"
    assert "M9C-B4: " in gate["statusDetails"]["message"]


def test_what_was_never_run_is_there_and_never_green(project, results) -> None:
    project.only("C")
    assert project.run(ALLURE, "-k", "test_entry").ret == ExitCode.INCOMPLETE
    assert results.statuses() == {"M9C-V1": "passed", "M9C-V2": "skipped", "M9C-V3": "skipped", "M9.C": "broken"}
    (absent,) = results.of("M9C-V2")
    assert tags(absent) == {"M9C-NOT_EVALUATED"}


def test_workers_leave_one_result_for_each_test_and_gate(project, results) -> None:
    project.write("results/mine.txt", "kept, or removed once")
    assert project.run(ALLURE, "--clean-alluredir", "-n", "2").ret == ExitCode.OK
    assert results.statuses() == GREEN
    assert not (results.folder / "mine.txt").exists()


def test_a_verifier_that_takes_its_worker_along_is_not_evaluated_and_takes_no_others_result(project, results) -> None:
    project.gate("C", v2="import os\nos._exit(3)")
    assert project.run(ALLURE, "--clean-alluredir", "-n", "2").ret == ExitCode.BLOCKED
    found = results.statuses()
    lost = {"M9C-V2": "skipped", "M9C-V3": "skipped", "M9.C": "failed"}
    assert found == GREEN | lost


def test_parametrised_verifiers_and_reruns_are_told_apart_by_their_histories(project, results) -> None:
    project.only("C")
    path = project.path / "gates/test_m9c.py"
    text = path.read_text().replace("def test_body(gate):", "def test_body(gate, case):")
    marker = '@pytest.mark.parametrize("case", ["one", "two"])\n@pytest.mark.verifier("M9C-V2")'
    path.write_text(text.replace('@pytest.mark.verifier("M9C-V2")', marker))
    for _ in range(2):
        assert project.run(ALLURE).ret == ExitCode.OK
    found = results.of("M9C-V2")
    assert sorted(result["name"] for result in found) == [
        f"M9C-V2-BODY body holds [{case}]" for case in ("one", "one", "two", "two")
    ]
    assert len({result["historyId"] for result in found}) == 2
    assert len({result["testCaseId"] for result in found}) == 1


def test_an_interrupted_verifier_was_not_evaluated(project, results) -> None:
    project.only("C")
    project.gate("C", v2="raise KeyboardInterrupt")
    assert project.run(ALLURE).ret == ExitCode.INTERRUPTED
    assert results.statuses() == {"M9C-V1": "passed", "M9C-V2": "skipped", "M9C-V3": "skipped", "M9.C": "broken"}


def test_a_waived_blocker_is_told_and_does_not_fail(project, results) -> None:
    project.only("C")
    project.gate("C", v2='with blocks("M9C-B2"):\n    assert False, "seen"')
    project.write("catalog/waivers/m9c.yaml", waiver(blocker="M9C-B2"))
    assert project.run(ALLURE).ret == ExitCode.OK
    (body,) = results.of("M9C-V2")
    assert (body["status"], tags(body)) == ("passed", {"waived", "M9C-B2"})
    assert tags(results.gate("M9.C")) == {"waived"}


def test_nothing_that_the_scan_withholds_reaches_the_results(project, results) -> None:
    project.only("C")
    secret = "q8Zr2vK1mW7xT4nB9cD6"
    project.write(
        "conftest.py",
        (project.path / "conftest.py").read_text() + f'\nimport os\nos.environ["APP_API_KEY"] = "{secret}"\n',
    )
    project.gate("C", v2=f'with blocks("M9C-B2"):\n    assert False, "{secret}"')
    project.run(ALLURE)
    text = b"\n".join(path.read_bytes() for path in results.folder.iterdir())
    assert secret.encode() not in text
    assert results.gate("M9.C")["status"] == "failed"


def test_what_allure_reads_beside_results_comes_from_the_catalogue(project, results) -> None:
    project.only("C")
    project.run(ALLURE)
    named = json.loads((results.folder / "categories.json").read_text())
    assert [each["name"] for each in named][:2] == ["M9C-B1 meaning of M9C-B1", "M9C-B2 meaning of M9C-B2"]
    config = json.loads((results.folder / "allurerc.json").read_text())
    assert config["plugins"]["awesome"]["options"]["groupBy"] == ["epic", "feature", "story"]
    assert len(config["categories"]["rules"]) == len(named)
    facts = (results.folder / "environment.properties").read_text()
    assert "platform = demo\n" in facts
    assert "substrate = embedded\n" in facts
    assert json.loads((results.folder / "executor.json").read_text())["type"] == "local"


def test_packs_are_the_same_with_and_without_and_results_that_cannot_be_written_change_no_verdict(project) -> None:
    project.only("C")
    project.run()
    plain = project.summaries()["M9.C"]
    project.run(ALLURE)
    reported = project.summaries()["M9.C"]
    changing = {"phase_execution_id", "generated_at_utc", "content", "artifacts"}
    assert {name: value for name, value in plain.items() if name not in changing} == {
        name: value for name, value in reported.items() if name not in changing
    }
    project.gate("C", v2="import shutil\nshutil.rmtree('results')")
    done = project.run(ALLURE)
    assert project.summaries()["M9.C"]["overall_pass"] is True
    assert done.ret == ExitCode.USAGE


def test_what_was_done_on_the_way_stands_as_steps_of_the_verifier_that_did_it(project, results) -> None:
    project.only("C")
    project.gate(
        "C",
        v1="from phasegate.api import step\nstep('probe 1', seconds=0.25)",
        v2="from phasegate.api import step\nstep('clamp', seconds=1.5, passed=False, detail='seen 503')",
    )
    assert project.run(ALLURE).ret == ExitCode.OK
    (first,), (second,) = results.of("M9C-V1"), results.of("M9C-V2")
    assert [(each["name"], each["status"], each["stop"] - each["start"]) for each in first["steps"]] == [
        ("probe 1", "passed", 250)
    ]
    assert [(each["name"], each["status"], each["statusDetails"]) for each in second["steps"]] == [
        ("clamp", "failed", {"message": "seen 503"})
    ]
    assert "steps" not in results.of("M9C-V3")[0]
