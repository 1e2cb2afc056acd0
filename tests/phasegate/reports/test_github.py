"""What GitHub shows of a session: annotations at the verifiers' lines, and a summary that it takes."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.attempts.conclusion import Committed
from phasegate.catalog.load import parse
from phasegate.catalog.model import Gate
from phasegate.errors import ExitCode, Problem
from phasegate.printable import printable
from phasegate.reports.github import Annotation
from phasegate.reports.job_summary import LIMIT, job_summary
from phasegate.verdict import Finding, TestRecord, TestState, judge
from tests.phasegate.harness.conftest import gate_document, project, s3_endpoint
from tests.phasegate.reports.runner import obeyed

__all__ = ["project", "s3_endpoint"]
MALICE = "50%, a:b | <img src=x> \\x1b[2J\\n::add-mask::e\\n ##[error]forged"


@pytest.fixture
def job(project, monkeypatch):
    """A project that is tested by a job of GitHub."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    return project


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_what_blocks_is_annotated_at_the_verifiers_line_and_nothing_that_a_test_says_is_obeyed(job, workers) -> None:
    job.gate("B", v2=f'print("::warning::forged")\nblock("M9B-B2", "{MALICE}")')
    job.write("summary.md", "said before\n")
    done = job.run("-rA", *workers)
    assert done.ret == ExitCode.BLOCKED
    (command,) = obeyed(done.stdout.str())
    assert command.name == "error"
    assert command.properties["file"] == "gates/test_m9b.py"
    line = (job.path / "gates/test_m9b.py").read_text().splitlines()[int(command.properties["line"]) - 1]
    assert line in {'@pytest.mark.verifier("M9B-V2")', "def test_body(gate):"}
    assert command.properties["title"] == "M9.B HOLD_REMEDIATE: M9B-B2 [S2] meaning of M9B-B2"
    detail = "50%, a:b | <img src=x> \\x1b[2J\n::add-mask::e\n ##[error]forged"
    assert command.data == f"{detail}\nowner: demo team\nremedy: remedy of M9B-B2"
    summary = (job.path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("said before\n## Gates: 2 of 3 advance\n")
    table = cells(summary)
    assert [row[0][:4] for row in table[1:]] == ["M9.A", "M9.B", "M9.C"]
    attempt = job.summaries()["M9.B"]["phase_execution_id"]
    assert table[2][1:5] == ["❌ HOLD_REMEDIATE", "M9B-B2 [S2]", "demo team", "M9B-B2: remedy of M9B-B2"]
    assert attempt in table[2][5]
    assert "s3://" in table[2][5]
    assert "<img" not in summary
    assert "\x1b" not in summary


def test_what_has_no_test_of_its_own_is_annotated_in_the_catalogue(job) -> None:
    (job.path / "gates/test_m9c.py").unlink()
    (job.path / "gates/test_m9b.py").write_text(
        (job.path / "gates/test_m9b.py").read_text().replace("gate.publish()", "")
    )
    job.write(
        "conftest.py", (job.path / "conftest.py").read_text().replace("return S3Store", "return None\n    S3Store")
    )
    done = job.run("-m", "m9c or m9b")
    assert done.ret == ExitCode.BLOCKED
    commands = obeyed(done.stdout.str())
    assert {command.name for command in commands} == {"error"}
    places = {command.properties["title"].partition(":")[0]: command.properties["file"] for command in commands}
    assert len(places) == 2
    assert set(places.values()) == {"catalog/m9.yaml"}


def test_a_session_that_is_no_job_or_runs_no_gate_says_nothing_to_a_runner(job, monkeypatch) -> None:
    job.write("other/test_plain.py", "def test_plain(): print('::notice::mine')\n")
    done = job.run("other", "-rA")
    assert [(command.name, command.data) for command in obeyed(done.stdout.str())] == [("notice", "mine")]
    assert not (job.path / "summary.md").exists()
    monkeypatch.delenv("GITHUB_ACTIONS")
    done = job.run("-m", "m9c")
    assert "::" not in done.stdout.str().replace(".py::", "")
    assert not (job.path / "summary.md").exists()


def test_a_summary_that_cannot_be_written_is_said_and_changes_no_verdict(job, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(job.path))
    done = job.run("-m", "m9c")
    assert done.ret == ExitCode.USAGE
    done.stdout.fnmatch_lines(["*GITHUB_STEP_SUMMARY*"])
    assert job.summaries()["M9.C"]["overall_pass"]


@given(st.text(), st.text(), st.text(min_size=1))
def test_an_annotation_says_what_it_was_given_on_one_line(title: str, message: str, file: str) -> None:
    line = str(Annotation("error", title, message, file, 3))
    assert len(line.splitlines()) == 1
    (command,) = obeyed(line)
    assert command.properties == {"file": printable(file), "line": "3", "title": printable(title)}
    assert command.data == printable(message)


@cache
def gate_of(letter: str) -> Gate:
    document = {
        "format": "phasegate-catalogue/1",
        "platform": "demo",
        "phase": {"id": "M9", "title": "demo", "blockers": [{"code": "M9-B1", "meaning": "a gate is blocked"}]},
        "gates": [gate_document(letter)],
    }
    catalogue, problems = parse([("m9.yaml", json.dumps(document))])  # JSON is YAML
    assert catalogue is not None, problems
    return catalogue.gates[f"M9.{letter}"]


def committed(letter: str, details: list[str]) -> Committed:
    """An attempt of a gate that is blocked by each detail; without any it advances."""
    gate = gate_of(letter)
    rows = {verifier.id: [TestRecord("t", TestState.PASSED)] for verifier in gate.verifiers}
    findings = [Finding(f"M9{letter}-B2", f"M9{letter}-V2", "BLOCKED", detail) for detail in details]
    return Committed(f"m9{letter.lower()}_20260101T000000Z", judge(gate, rows, findings), Path("runs/x"), None)


def test_a_summary_is_bounded_and_says_what_it_leaves_out() -> None:
    long = [f"{number} " + "ü&" * 600 for number in range(40)]
    attempts = [committed(letter, long) for letter in "BCDEFGHIJKLMNOPQRSTUVWXY"] + [committed("A", [])]
    whole = job_summary(attempts[:1], [])
    assert "Cut" not in whole
    text = job_summary(attempts, [Problem("the session ended", "here", "look")])
    assert len(text.encode()) <= LIMIT
    gates, parts = map(int, re.findall(r"\*\*Cut:\*\* (\d+) gates and (\d+) details", text)[0])
    assert gates == 0
    assert 0 < parts < len(attempts)
    assert text.count("<details") == len(attempts) - parts
    assert "the session ended" in text
    small = job_summary(attempts, [], 6_000)
    assert len(small.encode()) <= 6_000
    (cut, _) = map(int, re.findall(r"\*\*Cut:\*\* (\d+) gates and (\d+) details", small)[0])
    assert len(cells(small)) - 1 == len(attempts) - cut
    assert "M9.A" not in small  # what advances is left out first


@given(st.text(min_size=1).filter(str.strip), st.lists(st.text(), min_size=1, max_size=3), st.integers(3_000, 9_000))
def test_no_text_is_markup_or_more_than_there_is_room(owner: str, details: list[str], room: int) -> None:
    blocked = committed("A", details)
    text = job_summary([blocked], [Problem(owner, owner, owner)], room)
    assert len(text.encode()) <= room
    assert all(mark.isprintable() or mark in "\n\t" for mark in text)
    tags = set(re.findall(r"</?([a-zA-Z]+)", text))
    assert tags <= {"table", "tr", "th", "td", "b", "br", "details", "summary", "ul", "li"}


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.rows.append([])


def cells(text: str) -> list[list[str]]:
    """The texts of the table's rows."""
    parser = _Cells()
    parser.feed(text)
    return [row for row in parser.rows if row]
