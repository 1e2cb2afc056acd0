"""A plugin that fails in a hook of phasegate, or answers something else, is named, and ends no session."""

from __future__ import annotations

import pytest

from phasegate.errors import ExitCode


def hooks(project, source: str) -> None:
    """Lets a plugin that is asked before the project's own conftest answer."""
    project.write("unruly.py", source)


def details(project, gate: str = "M9.C") -> str:
    return "\n".join(row["detail"] for row in project.summaries()[gate]["blocker_details"])


def test_hooks_that_raise_are_findings_of_the_gate_each_by_name(project) -> None:
    hooks(
        project,
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_phasegate_evidence_store(config):
            raise ConnectionError("no route")

        def pytest_phasegate_provenance(config):
            raise ZeroDivisionError("in provenance")

        def pytest_phasegate_attestor(config):
            return sign

        def sign(statement):
            raise OSError("the card is out")
        """,
    )
    done = project.run("-m", "m9c", "-p", "unruly")
    said = done.stdout.str() + done.stderr.str()
    assert done.ret == ExitCode.BLOCKED, said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B4"]
    found = details(project)
    assert "pytest_phasegate_evidence_store" in found
    assert "raised ConnectionError: no route" in found
    assert "pytest_phasegate_provenance" in found
    assert "raised ZeroDivisionError: in provenance" in found
    assert "pytest_phasegate_attestor" in found
    assert "raised OSError: the card is out" in found
    assert project.summaries()["M9.C"]["provenance"] == {"registry_sha256": "0" * 64}  # the other plugin's stays


def test_a_plugin_that_ends_the_process_in_a_hook_ends_nothing(project) -> None:
    hooks(
        project,
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_phasegate_evidence_store(config):
            raise SystemExit(0)

        def pytest_phasegate_provenance(config):
            raise SystemExit(0)

        def pytest_phasegate_attestor(config):
            return exit
        """,
    )
    done = project.run("-m", "m9c", "-p", "unruly")
    assert done.ret == ExitCode.BLOCKED
    assert "Traceback" not in done.stdout.str() + done.stderr.str()
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B4"]
    assert details(project).count("raised SystemExit") >= 3


def test_hooks_that_answer_something_else_are_findings_of_the_gate_each_by_name(project) -> None:
    hooks(
        project,
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_phasegate_evidence_store(config):
            return "s3://bucket"

        def pytest_phasegate_provenance(config):
            return [("registry", 1)]

        def pytest_phasegate_attestor(config):
            return lambda statement: "signed"
        """,
    )
    done = project.run("-m", "m9c", "-p", "unruly")
    assert done.ret == ExitCode.BLOCKED
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B4"]
    found = details(project)
    assert "it answers str, which has no methods publish and uri" in found
    assert "it answers list, which is no mapping" in found
    assert "it signs another statement than the one it was given" in found


LIES = """
    import dataclasses

    class Liar:
        def __init__(self, store):
            self._store = store

        def uri(self, execution_id, name=""):
            if not name:
                raise SystemExit(0)
            return self._store.uri(execution_id, name)

        def publish(self, execution_id, name, data):
            receipt = self._store.publish(execution_id, name, data)
            if name.startswith("m9a_snapshot"):
                return dataclasses.replace(receipt, size=receipt.size + 1)
            if name.startswith("m9c_execution_summary"):
                raise MemoryError
            return receipt

    import pytest

    @pytest.hookimpl(wrapper=True)
    def pytest_phasegate_evidence_store(config):
        return Liar((yield))
    """


def test_a_store_that_lies_or_breaks_blocks_with_the_publication_code_and_the_attempt_is_committed(project) -> None:
    hooks(project, LIES)
    done = project.run("-p", "unruly")
    assert done.ret == ExitCode.BLOCKED
    assert "Traceback" not in done.stdout.str() + done.stderr.str()
    assert project.summaries()["M9.A"]["blockers"] == ["M9A-B4"]
    assert "UNPROVEN" in details(project, "M9.A")
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B4"]
    assert "BROKEN: MemoryError" in details(project)


@pytest.mark.parametrize(
    ("hook", "fact"),
    [
        ("def pytest_phasegate_attestor(config): raise LookupError('no key')", "raised LookupError: no key"),
        ("def pytest_phasegate_attestor(config): raise SystemExit(0)", "raised SystemExit: 0"),
        ("def pytest_phasegate_attestor(config): return 7", "it answers int, which signs nothing"),
        ("def pytest_phasegate_target(config): raise LookupError('no account')", "raised LookupError: no account"),
        ("def pytest_phasegate_gates_selected(config): raise LookupError('no place')", "raised LookupError: no place"),
    ],
)
def test_what_a_session_cannot_begin_without_is_a_configuration_error(project, hook, fact) -> None:
    hooks(project, hook)
    done = project.run("-m", "m9c", "-p", "unruly")
    said = done.stdout.str() + done.stderr.str()
    assert done.ret == ExitCode.USAGE
    assert fact in said
    assert "pytest_phasegate_" in said
    assert "Traceback" not in said
    assert project.attempts() == []


def test_a_report_that_fails_is_said_and_hides_neither_the_board_nor_a_verdict(project) -> None:
    hooks(project, "def pytest_phasegate_session_judged(config):\n    raise LookupError('no printer')\n")
    done = project.run("-m", "m9c", "-p", "unruly")
    said = done.stdout.str() + done.stderr.str()
    assert done.ret == ExitCode.USAGE
    assert "Traceback" not in said
    assert "raised LookupError: no printer" in said
    assert "1 of 1 gates advance" in said
    project.gate("C", v2="block('M9C-B2', 'no')")
    assert project.run("-m", "m9c", "-p", "unruly").ret == ExitCode.BLOCKED
