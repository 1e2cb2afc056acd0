"""What reports are given: one hook at the end of a session, with typed summaries."""

from __future__ import annotations

import json

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
