"""What plugins say of target and inputs: what gates used is compared, and a contradiction ends the session."""

from __future__ import annotations

from phasegate.errors import ExitCode

LIMITS = """
    from pathlib import Path

    import pytest


    def limit():
        return Path(__file__).with_name("limit.txt").read_text()


    def pytest_phasegate_inputs(config, names):
        return {name: limit() for name in names if name == "file:limit"}


    @pytest.fixture
    def limits(gate):
        gate.uses("file:limit", limit())
    """
TARGET = """
    def pytest_phasegate_target(config):
        return {"world": %s}


    def pytest_phasegate_inputs(config, names):
        return {"file:limit": %s}
    """


def test_an_input_that_changed_or_is_contradicted_lets_no_evidence_count(project) -> None:
    project.write("limits.py", LIMITS)
    project.write("limit.txt", "5")
    source = (
        (project.path / "gates/test_m9a.py").read_text().replace("def test_body(gate)", "def test_body(gate, limits)")
    )
    (project.path / "gates/test_m9a.py").write_text(source)
    assert project.run("-m", "m9a or m9b", "-p", "limits").ret == ExitCode.OK
    project.write("limit.txt", "6")
    assert project.run("-m", "m9b", "-p", "limits").ret == ExitCode.BLOCKED
    assert "file:limit changed since m9a" in project.summaries()["M9.B"]["blocker_details"][0]["detail"]
    project.write("limit.txt", "5")

    project.write("other.py", TARGET % ('"1"', '"7"'))
    project.write("third.py", TARGET % ('"2"', '"5"'))
    two = project.run("-m", "m9b", "-p", "other", "-p", "third")
    assert two.ret == ExitCode.USAGE
    assert "says that world is" in two.stdout.str() + two.stderr.str()
    project.write("third.py", TARGET % ("1", '"5"'))
    one = project.run("-m", "m9b", "-p", "third")
    assert one.ret == ExitCode.USAGE
    assert "which is no table of texts" in one.stdout.str() + one.stderr.str()
    project.write("third.py", "def pytest_phasegate_inputs(config, names): return {'file:limit': '7'}")
    assert project.run("-m", "m9b", "-p", "limits", "-p", "third").ret != ExitCode.OK
