"""A plugin adds findings, stores and reports, and never a verdict."""

from __future__ import annotations

import pytest

from phasegate.errors import ExitCode

COMMITTING = """
    def pytest_phasegate_commit_attempt(attempt):
        return None
    """
MISFITTING = "def pytest_phasegate_provenance(konfig):\n    return {}\n"
MISSPELT = """
    def pytest_phasegate_evidence_stores(config):
        return None
    """


@pytest.mark.parametrize(
    ("file", "source", "option", "lines"),
    [
        (
            "judge.py",
            COMMITTING,
            ["-p", "judge"],
            ["there is no hook pytest_phasegate_commit_attempt", "no plugin judges"],
        ),
        ("gates/conftest.py", COMMITTING, [], ["there is no hook pytest_phasegate_commit_attempt", "no plugin judges"]),
        (
            "judge.py",
            MISSPELT,
            ["-p", "judge"],
            ["no hook pytest_phasegate_evidence_stores", "name it pytest_phasegate_evidence_store"],
        ),
        ("gates/conftest.py", MISFITTING, [], ["does not fit a hook", "pytest_phasegate_provenance", "'konfig'"]),
        ("judge.py", MISFITTING, ["-p", "judge"], ["does not fit a hook", "pytest_phasegate_provenance", "'konfig'"]),
    ],
)
def test_a_plugin_that_answers_no_hook_of_ours_or_in_another_form_is_refused_by_name(
    project, file, source, option, lines
) -> None:
    project.write(file, source)
    result = project.run("-m", "m9a", *option)
    assert result.ret == ExitCode.USAGE
    said = result.stdout.str() + result.stderr.str()
    assert all(line in said for line in (*lines, file)), said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert project.attempts() == []
