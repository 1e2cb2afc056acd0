"""The laws of the verdict, through the plugin as its users meet it."""

from __future__ import annotations

import textwrap

import pytest

from phasegate.errors import ExitCode


def test_three_green_gates_advance_and_the_board_says_where_the_evidence_lies(project) -> None:
    result = project.run()
    assert result.ret == ExitCode.OK
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(
        [
            "*verdict board*",
            "M9.A*ADVANCE_TO_M9AX*next: M9.A_READY",
            "*evidence: runs/demo/m9/m9a_*",
            "*s3://evidence-*/evidence/demo/run_control/m9a_*",
            "3 of 3 gates advance",
        ]
    )
    for summary in project.summaries().values():
        assert summary["overall_pass"] is True
        assert summary["blockers"] == []
        assert summary["blocker_count"] == 0
        assert summary["complete"] is True


def test_a_failed_assertion_in_a_scope_raises_its_blocker_and_the_test_goes_on(project) -> None:
    project.gate("C", v2='with blocks("M9C-B2"):\n    assert 1 == 2, "one is not two"\nblock("M9C-B3", "and another")')
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-B2", "M9C-B3"]
    assert summary["next_gate"] == "BLOCKED"
    assert summary["complete"] is True
    result.stdout.fnmatch_lines(["*M9C-B2*meaning of M9C-B2", "*M9C-V2-BODY: one is not two*", "*remedy of M9C-B2"])


def test_a_bare_assertion_raises_the_sole_blocker_of_its_verifier(project) -> None:
    project.gate("C", v1="assert not gate.id")
    project.run("-m", "m9c")
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B1"]


def test_a_bare_assertion_where_two_blockers_are_possible_is_unmapped(project) -> None:
    project.gate("C", v2="assert False")
    project.run("-m", "m9c")
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-UNMAPPED"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("raise OSError('no route')", "call: OSError: no route"),
        ("pytest.fail('too slow')", "call: Failed: too slow"),
        ("raise SystemExit(0)", "call: SystemExit: 0"),
        ('with blocks("M9C-B2"):\n    raise KeyError("x")', "call: KeyError: 'x'"),
        ('with blocks("M9C-B9"):\n    pass', "may raise M9C-B2, M9C-B3, not M9C-B9"),
        ('with blocks("M9C-B4"):\n    pass', "may raise M9C-B2, M9C-B3, not M9C-B4"),
    ],
)
def test_any_other_exception_is_a_hard_no_go(project, body, detail) -> None:
    project.gate("C", v2=body)
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-UNMAPPED"]
    assert summary["verdict"] == "NO_GO_RESET_REQUIRED"
    assert detail in summary["blocker_details"][0]["detail"]


@pytest.mark.parametrize("stage", ["setup", "teardown"])
def test_a_broken_fixture_is_unmapped(project, stage) -> None:
    before, after = ("1 / 0", "pass") if stage == "setup" else ("pass", "1 / 0")
    source = (project.path / "gates/test_m9c.py").read_text()
    fixture = f"\n@pytest.fixture(autouse=True)\ndef broken(request):\n    {before}\n    yield\n    {after}\n"
    (project.path / "gates/test_m9c.py").write_text(source + fixture)
    project.run("-m", "m9c")
    summary = project.summaries()["M9.C"]
    assert "M9C-UNMAPPED" in summary["blockers"]
    assert any(row["detail"].startswith(f"{stage}: ZeroDivisionError") for row in summary["blocker_details"])


@pytest.mark.parametrize(
    "body",
    [
        "pytest.skip('not today')",
        "pytest.importorskip('no_such_module')",
        "pytest.xfail('known')",
    ],
)
def test_what_skips_or_is_expected_to_fail_is_not_evaluated(project, body) -> None:
    project.gate("C", v2=body)
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.INCOMPLETE
    summary = project.summaries()["M9.C"]
    assert summary["blockers"] == ["M9C-NOT_EVALUATED"]
    assert summary["not_evaluated"] == ["M9C-V2"]
    assert summary["complete"] is False
    assert summary["overall_pass"] is False


@pytest.mark.parametrize("mark", ["skip", "skipif(True, reason='r')", "xfail", "xfail(run=False)"])
def test_a_mark_that_takes_the_test_out_holds_the_gate(project, mark) -> None:
    path = project.path / "gates/test_m9c.py"
    marked = path.read_text().replace("def test_body", f"@pytest.mark.{mark}\ndef test_body".replace("\n", "\n"))
    path.write_text(marked)
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.INCOMPLETE
    assert project.summaries()["M9.C"]["not_evaluated"] == ["M9C-V2"]


def test_an_unexpected_pass_is_no_pass(project) -> None:
    path = project.path / "gates/test_m9c.py"
    path.write_text(path.read_text().replace("def test_body", "@pytest.mark.xfail(strict=True)\ndef test_body"))
    result = project.run("-m", "m9c")
    assert result.ret != ExitCode.OK
    assert not project.summaries()["M9.C"]["overall_pass"]


@pytest.mark.parametrize(
    "options",
    [
        ["-m", "m9c", "-k", "not body"],
        ["--deselect", "gates/test_m9c.py::test_body"],
        ["gates/test_m9c.py::test_entry", "gates/test_m9c.py::test_publish"],
        ["-m", "blocker(code='M9C-B1')"],
    ],
)
def test_a_deselected_verifier_holds_its_gate(project, options) -> None:
    result = project.run(*options)
    assert result.ret == ExitCode.INCOMPLETE
    summary = project.summaries()["M9.C"]
    assert "M9C-V2" in summary["not_evaluated"]
    assert summary["overall_pass"] is False


def test_one_case_of_a_parametrised_verifier_is_not_the_verifier(project) -> None:
    path = project.path / "gates/test_m9c.py"
    text = path.read_text().replace(
        "def test_body(gate)", "@pytest.mark.parametrize('n', [1, 2])\ndef test_body(gate, n)"
    )
    path.write_text(text)
    assert project.run("-m", "m9c").ret == ExitCode.OK
    one_case = ["gates/test_m9c.py::test_entry", "gates/test_m9c.py::test_body[1]", "gates/test_m9c.py::test_publish"]
    result = project.run(*one_case)
    assert result.ret == ExitCode.INCOMPLETE
    assert project.summaries()["M9.C"]["not_evaluated"] == ["M9C-V2"]


def test_setup_only_runs_nothing_and_says_so(project) -> None:
    result = project.run("-m", "m9c", "--setup-only")
    assert result.ret == ExitCode.INCOMPLETE
    assert project.summaries()["M9.C"]["not_evaluated"] == ["M9C-V1", "M9C-V2", "M9C-V3"]


def test_stopping_at_the_first_failure_leaves_an_attempt_that_says_so(project) -> None:
    project.gate("C", v1="assert False")
    result = project.run("-m", "m9c", "-x")
    assert result.ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.C"]
    assert summary["complete"] is False
    assert summary["not_evaluated"] == ["M9C-V2", "M9C-V3"]


def test_a_verifier_that_flips_on_a_rerun_is_unmapped(project) -> None:
    # A rerun plugin in miniature, of the shape that published ones have: the protocol runs twice under one hook.
    plugin = """

    from _pytest.runner import runtestprotocol


    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for attempt in range(2):
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            failed = any(report.failed for report in reports)
            for report in reports:
                if attempt == 0 and report.failed:
                    report.outcome = "rerun"
                item.ihook.pytest_runtest_logreport(report=report)
            if not failed:
                break
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
    """
    path = project.path / "conftest.py"
    project.write("conftest.py", path.read_text() + "\n" + textwrap.dedent(plugin))
    flips = """
        import pathlib
        flag = pathlib.Path("flag")
        seen = flag.exists()
        flag.touch()
        with blocks("M9C-B2"):
            assert seen
        """
    project.gate("C", v2=flips)
    result = project.run("-m", "m9c")
    assert result.ret != ExitCode.OK
    summary = project.summaries()["M9.C"]
    assert "M9C-UNMAPPED" in summary["blockers"]


def test_collecting_alone_opens_no_attempt(project) -> None:
    result = project.run("--collect-only", "-q")
    assert result.ret == ExitCode.OK
    assert project.attempts() == []
    assert not (project.path / "runs").exists()


def test_a_gate_whose_upstream_is_blocked_is_blocked_at_its_entry(project) -> None:
    project.gate("A", v1="assert False")
    result = project.run("-m", "m9a or m9b")
    assert result.ret == ExitCode.BLOCKED
    assert project.summaries()["M9.B"]["blockers"] == ["M9B-B1"]
    result.stdout.fnmatch_lines(["*--upstream=run*"])


def test_a_verifier_that_forgets_its_upstream_does_not_open_the_gate(project) -> None:
    path = project.path / "gates/test_m9b.py"
    path.write_text(path.read_text().replace('gate.require_upstream("M9B-B1")', "pass"))
    result = project.run("-m", "m9b")
    assert result.ret != ExitCode.OK
    assert project.summaries()["M9.B"]["blockers"] == ["M9B-B1"]
