"""What a session of gates cannot do without is refused where it is left out, and what it can, changes no verdict."""

from __future__ import annotations

import pytest

from phasegate.errors import ExitCode

SHOWING = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.collectonly = True
"""
INTERRUPTING = """
def pytest_phasegate_attestor(config):
    def attest(statement):
        raise KeyboardInterrupt
    return attest
"""
UNAWAITED = """
async def check():
    assert False
check()
"""


def refused(project, code: ExitCode, *said: str, options: tuple[str, ...] = ()) -> None:
    """A session that ends with this code and these words, without a traceback and without a verdict."""
    result = project.run("-m", "m9c", *options)
    text = result.stdout.str() + result.stderr.str()
    assert result.ret == code, text
    assert all(part in text for part in said), text
    assert not any(part in text for part in ("Traceback", "INTERNALERROR", "outcomes.Exit", "overall_pass")), text
    assert project.attempts() == []


@pytest.mark.parametrize("name", ["python", "skipping", "phasegate-ending", "phasegate-outlets", "phasegate-streams"])
def test_a_plugin_that_gates_rest_on_cannot_be_left_out(project, name) -> None:
    refused(project, ExitCode.USAGE, f"-p no:{name}: ", "remedy: leave", options=("-p", f"no:{name}"))


def test_what_pytest_logs_and_warns_of_is_no_part_of_a_verdict(project) -> None:
    project.gate("C", v2=UNAWAITED)
    quiet = ("-p", "no:logging", "-p", "no:warnings", "-m", "m9a or m9c")
    assert project.run(*quiet).ret == ExitCode.BLOCKED
    summaries = project.summaries()
    assert summaries["M9.A"]["overall_pass"] is True
    assert "coroutine 'test_body.<locals>.check' was never awaited" in summaries["M9.C"]["blocker_details"][0]["detail"]


def test_a_plugin_cannot_make_a_session_of_gates_one_that_only_shows(project) -> None:
    project.write("gates/conftest.py", SHOWING)
    refused(project, ExitCode.INCOMPLETE, "M9.C: was selected, and nothing judged it in this session")


def test_an_interrupt_while_attempts_are_committed_ends_the_session_as_any_other(project) -> None:
    project.write("gates/conftest.py", INTERRUPTING)
    refused(project, ExitCode.INTERRUPTED, "interrupted while the attempts were committed; run the gates again")


@pytest.mark.parametrize(
    ("expression", "meant"),
    [("m9z", "m9"), ("not M9.A", "m9a"), ("m9_b or blocker(code='M9A-B1')", "m9b")],
)
def test_a_gate_that_nobody_knows_is_refused_before_anything_is_collected(project, expression, meant) -> None:
    project.write("gates/test_m9a.py", "raise SystemExit('collected')")
    refused(project, ExitCode.USAGE, "is no gate and no phase", f"did you mean {meant}?", options=("-m", expression))


@pytest.mark.parametrize("options", [("--runs-root=",), ("--runs-root=" + "x" * 300,)])
def test_a_runs_root_that_no_folder_can_have_is_a_wrong_option(project, options) -> None:
    refused(project, ExitCode.USAGE, "remedy: ", options=options)
