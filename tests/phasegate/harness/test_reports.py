"""What reports are given: properties of each verifier's report, and one hook at the end with typed summaries."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from phasegate.errors import ExitCode

LISTENER = """
    import json

    def pytest_phasegate_session_judged(config, attempts, problems):
        with open("told.json", "a") as file:
            for attempt in attempts:
                summary = attempt.summary
                said = {"gate": summary.gate, "verdict": summary.verdict, "codes": summary.blockers}
                print(json.dumps(said | {"same": summary.phase_execution_id == attempt.execution_id}), file=file)
            print(json.dumps({"problems": [problem.fact for problem in problems]}), file=file)
    """


def properties(project) -> dict[str, dict[str, str]]:
    """Of each test of the JUnit report, by its name and gate."""
    tree = ET.parse(project.path / "junit.xml")  # noqa: S314 - pytest wrote it just now
    found = {}
    for case in tree.iter("testcase"):
        own = {each.get("name"): each.get("value") for each in case.iter("property")}
        found[f"{own.get('verifier', case.get('name'))}"] = own
    return found


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_report_names_gate_verifier_and_blockers(project, workers) -> None:
    project.gate("A", v2='block("M9A-B2", "one")\nblock("M9A-B3", "two")')
    project.gate("B", v2="raise LookupError")
    project.gate("C", v2="pytest.skip('later')")
    project.write("gates/test_plain.py", "def test_plain(): pass\n")
    assert project.run("--junitxml=junit.xml", *workers).ret == ExitCode.BLOCKED
    found = properties(project)
    assert found["M9A-V1"] == {"gate": "M9.A", "verifier": "M9A-V1", "blockers": ""}
    assert found["M9A-V2"]["blockers"] == "M9A-B2,M9A-B3"
    assert found["M9B-V1"]["blockers"] == "M9B-B1"
    assert found["M9B-V2"]["blockers"] == "M9B-UNMAPPED"
    assert found["M9C-V2"]["blockers"] == "M9C-NOT_EVALUATED"
    assert found["test_plain"] == {}


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_plugin_is_told_once_with_what_the_packs_say(project, workers) -> None:
    project.write("conftest.py", (project.path / "conftest.py").read_text() + LISTENER.replace("\n    ", "\n"))
    project.gate("B", v2='block("M9B-B2", "no")')
    assert project.run(*workers).ret == ExitCode.BLOCKED
    *attempts, last = [json.loads(line) for line in (project.path / "told.json").read_text().splitlines()]
    assert attempts == [
        {"gate": "M9.A", "verdict": "ADVANCE_TO_M9AX", "codes": [], "same": True},
        {"gate": "M9.B", "verdict": "HOLD_REMEDIATE", "codes": ["M9B-B2"], "same": True},
        {"gate": "M9.C", "verdict": "ADVANCE_TO_M9CX", "codes": [], "same": True},
    ]
    assert last == {"problems": []}


def test_a_session_without_gates_tells_nothing(project) -> None:
    project.write("conftest.py", (project.path / "conftest.py").read_text() + LISTENER.replace("\n    ", "\n"))
    project.write("other/test_plain.py", "def test_plain(): pass\n")
    assert project.run("other").ret == ExitCode.OK
    assert not (project.path / "told.json").exists()
