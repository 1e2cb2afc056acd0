"""JUnit XML: it fits the schema of CI servers, names gates, and is red where a gate holds."""

from __future__ import annotations

import stat
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from phasegate.errors import ExitCode
from tests.phasegate.harness.conftest import project, s3_endpoint

SCHEMA = Path(__file__).parents[2] / "resources/junit-10.xsd"
__all__ = ["project", "s3_endpoint"]


@cache
def schema() -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(SCHEMA)


def report(project, name: str = "junit.xml") -> ET.Element:
    """The report, which fits the schema."""
    schema().validate(str(project.path / name))
    return ET.parse(project.path / name).getroot()  # noqa: S314 - a session wrote it just now


def said(suite: ET.Element) -> dict[str, str]:
    return {each.get("name", ""): each.get("value", "") for each in suite.iterfind("properties/property")}


def suites(root: ET.Element) -> dict[str, ET.Element]:
    """Each suite by the verifier or gate that it names, or by its own name."""
    return {said(suite).get("verifier") or suite.get("name", ""): suite for suite in root.iter("testsuite")}


def red(suite: ET.Element) -> list[str]:
    """The names of a suite's own test cases that failed."""
    return [c.get("name", "") for c in suite.findall("testcase") if {"failure", "error"} & {e.tag for e in c}]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_report_that_fits_the_schema_names_gate_verifier_blockers_and_attempt(project, workers) -> None:
    project.gate("A", v2='block("M9A-B2", "one")\nblock("M9A-B3", "two\\x1b[2J <&>")')
    project.gate("B", v2="raise LookupError")
    project.gate("C", v2="pytest.skip('later')")
    project.write("gates/test_plain.py", "def test_plain(): pass\n")
    assert project.run("--junitxml=junit.xml", *workers).ret == ExitCode.BLOCKED
    root = report(project)
    found = suites(root)
    attempts = {gate: summary["phase_execution_id"] for gate, summary in project.summaries().items()}
    assert len(attempts) == 3
    own = {"gate": "M9.A", "verifier": "M9A-V1", "blockers": "", "execution_id": attempts["M9.A"]}
    assert said(found["M9A-V1"]) == own
    assert said(found["M9A-V2"])["blockers"] == "M9A-B2,M9A-B3"
    assert said(found["M9B-V1"])["blockers"] == "M9B-B1"
    assert said(found["M9B-V2"])["blockers"] == "M9B-UNMAPPED"
    assert said(found["M9C-V2"])["blockers"] == "M9C-NOT_EVALUATED"
    assert [case.get("name") for case in found["pytest"]] == ["test_plain"]
    for gate, attempt in attempts.items():
        suite = found[gate]
        assert said(suite)["execution_id"] == attempt
        assert said(suite)["verdict"] == project.summaries()[gate]["verdict"]
        assert red(suite) == ["verdict"]
        assert len(suite.findall("testsuite")) == 3
        assert {said(each)["execution_id"] for each in suite.findall("testsuite")} == {attempt}
        assert suite.get("tests") == "4"
    assert "remedy of M9A-B2" in "".join(found["M9.A"].itertext())
    assert "two\\x1b[2J <&>" in "".join(found["M9.A"].itertext())


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_gate_whose_tests_all_passed_and_which_still_holds_is_red(project, workers, monkeypatch) -> None:
    conftest = (project.path / "conftest.py").read_text()
    project.write("conftest.py", conftest.replace("return S3Store", "return None\n    return S3Store"))
    project.write("gates/test_m9a.py", (project.path / "gates/test_m9a.py").read_text().replace("gate.publish()", ""))
    assert project.run("-m", "m9a", "--junitxml=junit.xml", *workers).ret == ExitCode.BLOCKED
    gate = suites(report(project))["M9.A"]
    assert all(not red(verifier) for verifier in gate.findall("testsuite"))
    assert red(gate) == ["verdict"]
    assert said(gate)["blockers"] == "M9A-B4"
    assert (gate.get("tests"), gate.get("failures"), gate.get("errors")) == ("4", "1", "0")


def test_a_session_that_passes_is_green_and_parametrised_verifiers_share_a_suite(project) -> None:
    text = (project.path / "gates/test_m9c.py").read_text()
    text = text.replace("def test_body(gate)", '@pytest.mark.parametrize("case", [1, 2, 3])\ndef test_body(gate, case)')
    project.write("gates/test_m9c.py", text)
    assert project.run("--junitxml=out/$NAME.xml").ret == ExitCode.OK
    root = report(project, "out/$NAME.xml")
    assert not [case for case in root.iter("testcase") if len(case)]
    verifier = suites(root)["M9C-V2"]
    assert [case.get("name") for case in verifier.iter("testcase")] == [f"test_body[{n}]" for n in (1, 2, 3)]


def test_the_old_family_keeps_properties_where_pytest_writes_them(project) -> None:
    assert project.run("-m", "m9c", "--junitxml=junit.xml", "-o", "junit_family=xunit1").ret == ExitCode.OK
    root = ET.parse(project.path / "junit.xml").getroot()  # noqa: S314 - a session wrote it just now
    (attempt,) = {said(case)["execution_id"] for case in suites(root)["pytest"].iter("testcase")}
    assert said(suites(root)["M9.C"])["execution_id"] == attempt


def test_a_file_of_an_earlier_session_does_not_speak_for_one_that_ended_before_it_was_written(project) -> None:
    assert project.run("-m", "m9c", "--junitxml=junit.xml").ret == ExitCode.OK
    project.gate("C", v2="import os; os._exit(0)")
    assert project.run("-m", "m9c", "--junitxml=junit.xml").ret != ExitCode.OK
    root = report(project)
    assert [suite.get("name") for suite in root] == ["M9.C"]
    assert red(suites(root)["M9.C"]) == ["verdict"]


def test_what_a_session_has_to_say_beside_its_gates_is_an_error_of_its_own(project) -> None:
    project.write("conftest.py", (project.path / "conftest.py").read_text() + LATE)
    text = (project.path / "gates/test_m9a.py").read_text()
    project.write("gates/test_m9a.py", text.replace("def test_body(gate)", "def test_body(gate, late)"))
    assert project.run("-m", "m9a or m9c", "--junitxml=junit.xml").ret == ExitCode.BLOCKED
    found = suites(report(project))
    assert red(found["M9.A"]) == []
    assert red(found["phasegate"]) == ["session"]
    assert "its tear-down failed when M9.A had been committed" in "".join(found["phasegate"].itertext())


LATE = """
import pytest


@pytest.fixture(scope="session")
def late():
    yield
    raise LookupError("too late")
"""


def test_a_lost_worker_leaves_a_report_that_fits_and_is_red(project) -> None:
    project.gate("C", v2="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert project.run("-n", "2", "-m", "m9c", "--junitxml=junit.xml").ret != ExitCode.OK
    assert red(suites(report(project))["M9.C"]) == ["verdict"]


def test_a_device_in_the_place_of_the_file_stays_one(project) -> None:
    pipe = project.path / "null"
    pipe.symlink_to("/dev/null")
    assert project.run("-m", "m9c", "--junitxml=null").ret == ExitCode.OK
    assert stat.S_ISCHR(pipe.stat().st_mode)


def test_a_file_that_is_no_report_is_named_and_the_session_does_not_end_well(project) -> None:
    project.write("conftest.py", (project.path / "conftest.py").read_text() + SPOILED)
    done = project.run("-m", "m9c", "--junitxml=junit.xml")
    assert done.ret == ExitCode.USAGE
    done.stdout.fnmatch_lines(["*junit.xml: the gates cannot be reported: *"])


SPOILED = """

def pytest_phasegate_session_judged(config):
    with open("junit.xml", "a") as file:
        file.write("<")
"""
