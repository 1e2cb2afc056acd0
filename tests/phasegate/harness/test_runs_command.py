"""`phasegate runs`: the list, one summary, and what it says to a wrong word."""

from __future__ import annotations

import json

import pytest

from phasegate.errors import ExitCode


@pytest.fixture
def ran(project):
    """A project with three authoritative attempts and a blocked one."""
    assert project.run().ret == ExitCode.OK
    project.gate("C", v2='block("M9C-B2", "broken")')
    assert project.run("-m", "m9c").ret == ExitCode.BLOCKED
    return project


def listed(project, *options) -> list[dict]:
    done = project.phasegate("runs", "--json", *options)
    assert done.ret == ExitCode.OK
    return json.loads(done.stdout.str())


def test_the_list_says_verdict_blockers_and_standing(ran) -> None:
    rows = {row["execution_id"]: row for row in listed(ran)}
    assert len(rows) == 4
    newest = rows[max(name for name in rows if name.startswith("m9c"))]
    assert newest["verdict"] == "HOLD_REMEDIATE"
    assert newest["blockers"] == ["M9C-B2"]
    assert newest["authoritative"] is True
    older = rows[min(name for name in rows if name.startswith("m9c"))]
    assert older["standing"] == f"superseded by {newest['execution_id']}"
    text = ran.phasegate("runs").stdout.str()
    assert all(name in text for name in rows)
    assert f"superseded by {newest['execution_id']}" in text


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--gate", "m9c"], 2),
        (["--gate", "M9.A"], 1),
        (["--phase", "m9"], 4),
        (["--substrate", "aws"], 0),
        (["--substrate", "embedded", "--gate", "m9b"], 1),
    ],
)
def test_the_list_can_be_narrowed(ran, options, count) -> None:
    assert len(listed(ran, *options)) == count


def test_an_empty_runs_root_is_said(project) -> None:
    project.phasegate("runs").stdout.fnmatch_lines(["no attempts under *demo"])


def test_one_attempt_is_shown_whole_and_an_altered_one_with_its_defects(ran) -> None:
    folder = next(path for path in ran.attempts() if path.name.startswith("m9a"))
    done = ran.phasegate("runs", "show", folder.name)
    assert done.ret == ExitCode.OK
    assert json.loads(done.stdout.str())["gate"] == "M9.A"
    (folder / "m9a_snapshot.json").write_text("{}")
    done = ran.phasegate("runs", "show", folder.name)
    assert done.ret == ExitCode.EVIDENCE
    done.stderr.fnmatch_lines(["*m9a_snapshot.json: was altered*", "*remedy:*"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["runs", "--gate", "m9z"], ExitCode.USAGE, "*'m9z' is no gate of the catalogue*"),
        (["runs", "--phase", "M8"], ExitCode.USAGE, "*'M8' is no phase of the catalogue*"),
        (["runs", "show", "m9a_20200101T000000Z"], ExitCode.EVIDENCE, "*no committed attempt of this name*"),
        (["runs", "show", "../../etc"], ExitCode.EVIDENCE, "*no committed attempt of this name*"),
        (["runs", "invalidate", "nope", "--reason", "r"], ExitCode.EVIDENCE, "*no committed attempt of this name*"),
        (["runs", "invalidate", "nope"], ExitCode.USAGE, "*--reason*"),
    ],
)
def test_a_wrong_word_gets_the_fact_and_its_own_exit_code(project, arguments, code, message) -> None:
    done = project.phasegate(*arguments)
    assert done.ret == code
    done.stderr.fnmatch_lines([message])
    assert "Traceback" not in done.stderr.str()
