"""A selected gate ends green only if it was judged in this session, whoever distributes, skips, sorts or exits."""

from __future__ import annotations

import textwrap

import pytest

from phasegate.errors import ExitCode

SKIPPING = """
    import pytest
    pytestmark = pytest.mark.gate("M9.C")

    @pytest.mark.verifier("M9C-V1")
    def test_entry():
        pytest.skip("nobody looked")
    """


def states(project, gate: str) -> set[str]:
    return {row["state"] for row in project.summaries()[gate]["blocker_details"]}


@pytest.mark.parametrize("options", [["--dist=load"], ["-d"], ["--dist=loadfile"], ["--dist=each", "-p", "no:xdist"]])
def test_a_mode_of_distribution_without_workers_distributes_nothing(project, options) -> None:
    if "no:xdist" in options:
        options = ["-p", "no:xdist"]
    project.write("gates/test_m9c.py", SKIPPING)
    result = project.run("-m", "m9c", *options)
    assert result.ret == ExitCode.INCOMPLETE
    assert project.summaries()["M9.C"]["not_evaluated"] == ["M9C-V1", "M9C-V2", "M9C-V3"]
    project.gate("C")
    assert project.run("-m", "m9c", *options).ret == ExitCode.OK


IGNORING = """
def pytest_ignore_collect(collection_path):
    return True if collection_path.name == "test_m9c.py" else None
"""
MAKING_NOTHING = """
import pytest

class Nothing(pytest.Module):
    def collect(self):
        return []

def pytest_pycollect_makemodule(module_path, parent):
    return Nothing.from_parent(parent, path=module_path) if module_path.name == "test_m9c.py" else None
"""
VANISHING = {
    "skipped module": ("gates/test_m9c.py", "import pytest\npytest.importorskip('a_client_that_is_not_installed')\n"),
    "skip at module level": ("gates/test_m9c.py", "import pytest\npytest.skip('off', allow_module_level=True)\n"),
    "collect_ignore": ("gates/conftest.py", "collect_ignore = ['test_m9c.py']\n"),
    "hook that ignores": ("gates/conftest.py", IGNORING),
    "hook that makes nothing of it": ("gates/conftest.py", MAKING_NOTHING),
    "no tests": ("gates/test_m9c.py", "__test__ = False\n"),
    "removed": ("gates/test_m9c.py", ""),
}


@pytest.mark.parametrize("how", VANISHING)
def test_a_gate_that_vanishes_while_it_is_collected_is_not_evaluated(project, how) -> None:
    name, text = VANISHING[how]
    path = project.path / name
    path.write_text(text + (path.read_text() if path.is_file() and text else ""))
    result = project.run("-m", "m9a or m9c")
    assert result.ret == ExitCode.INCOMPLETE, result.stdout.str()
    summaries = project.summaries()
    assert summaries["M9.A"]["overall_pass"] is True
    assert summaries["M9.C"]["not_evaluated"] == ["M9C-V1", "M9C-V2", "M9C-V3"]
    assert project.run("-m", "m9a").ret == ExitCode.OK


def test_a_gate_that_is_skipped_in_a_part_of_the_folder_is_missed_there_alone(project) -> None:
    for letter, folder in (("a", "one"), ("b", "one"), ("c", "two")):
        path = project.path / f"gates/{folder}/test_m9{letter}.py"
        path.parent.mkdir(exist_ok=True)
        (project.path / f"gates/test_m9{letter}.py").rename(path)
    assert project.run("gates/one").ret == ExitCode.OK
    path = project.path / "gates/two/test_m9c.py"
    path.write_text("import pytest\npytest.skip('no client', allow_module_level=True)\n" + path.read_text())
    assert project.run("gates/one").ret == ExitCode.OK
    result = project.run("gates/two", "-n", "1")
    assert result.ret == ExitCode.INCOMPLETE
    said = "*two/test_m9c.py is left out while it is collected: *no client*"
    result.stdout.fnmatch_lines(["*M9.C*HOLD_REMEDIATE*", said])


def test_a_planned_gate_and_one_that_was_not_asked_for_are_not_missed(project) -> None:
    (project.path / "gates/test_m9c.py").unlink()
    project.write("tests/test_plain.py", "def test_it(): pass")
    assert project.run("tests").ret == ExitCode.OK
    assert project.run("gates/test_m9a.py").ret == ExitCode.OK
    assert project.run("-k", "m9a or m9b").ret == ExitCode.OK
    assert set(project.summaries()) == {"M9.A", "M9.B"}


@pytest.mark.parametrize("options", [[], ["-n", "1"]])
def test_optimised_python_is_refused_for_gates_alone(project, monkeypatch, options) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    project.write("tests/test_plain.py", "def test_it(): pass")
    assert project.run("tests", "--assert=plain", *options).ret == ExitCode.OK
    result = project.run("-m", "m9c", "--assert=plain", *options)
    assert result.ret == ExitCode.USAGE
    output = result.stdout.str() + result.stderr.str()
    assert "without PYTHONOPTIMIZE" in output
    assert "Traceback" not in output
    assert project.attempts() == []


@pytest.mark.parametrize("options", [["--runxfail"], ["--runxfail", "-n", "1"]])
def test_an_option_that_switches_a_check_off_is_refused_for_gates_alone(project, options) -> None:
    project.gate("C", v2="pytest.xfail('known to be broken')")
    project.write("tests/test_plain.py", "import pytest\n\ndef test_it(): pytest.xfail('not now')\n")
    assert project.run("tests", *options).ret == ExitCode.OK
    result = project.run("-m", "m9c", *options)
    assert result.ret == ExitCode.USAGE
    assert "run the gates without --runxfail" in result.stdout.str() + result.stderr.str()
    assert project.attempts() == []


def test_a_session_without_logging_judges_as_any_other(project) -> None:
    assert project.run("-m", "m9c", "-p", "no:logging").ret == ExitCode.OK


ENDING = {
    "at once": ("import os\nos._exit(0)", {"LOST", "NOT_RUN", "EVIDENCE"}),
    "at once, wrapped round": ("import os\nos._exit(256)", {"LOST", "NOT_RUN", "EVIDENCE"}),
    "replaced": ("import os\nos.execv('/bin/true', ['true'])", {"LOST", "NOT_RUN", "EVIDENCE"}),
    "replaced, by name": ("import os\nos.execlp('true', 'true')", {"LOST", "NOT_RUN", "EVIDENCE"}),
    "at exit": ("import atexit, os\natexit.register(os._exit, 0)\nblock('M9C-B2', 'no')", {"BLOCKED"}),
    "by pytest": ("pytest.exit('enough', returncode=0)", {"NOT_RUN", "EVIDENCE"}),
}


@pytest.mark.parametrize("how", ENDING)
def test_no_way_out_of_a_session_of_gates_is_a_pass(project, how) -> None:
    body, seen = ENDING[how]
    project.gate("C", v2=body)
    result = project.run()
    assert result.ret in (ExitCode.BLOCKED, ExitCode.INTERNAL, ExitCode.INCOMPLETE)
    assert states(project, "M9.C") <= seen
    assert project.summaries()["M9.A"]["overall_pass"] is True
    assert not list(project.path.glob("runs/demo/m9/.staging/*"))
    result.stdout.fnmatch_lines(["*verdict board*", "M9.C*next: BLOCKED*", "2 of 3 gates advance"])


def test_a_session_that_ends_before_it_collected_says_nothing_of_its_gates(project) -> None:
    ends = "import pytest\n\ndef pytest_collection_modifyitems():\n    pytest.exit('no network', returncode=0)\n"
    project.write("gates/conftest.py", ends)
    assert project.run().ret == ExitCode.INCOMPLETE
    (project.path / "gates/conftest.py").unlink()
    project.write("gates/test_m9c.py", "import os\nos._exit(0)\n")
    assert project.run().ret == ExitCode.INCOMPLETE
    project.write("tests/test_plain.py", "import pytest\ndef test_it(): pytest.exit('enough', returncode=0)\n")
    assert project.run("tests").ret == ExitCode.OK
    project.write("conftest.py", "def pytest_cmdline_main(): return 0\n")
    result = project.run()
    assert result.ret == ExitCode.INCOMPLETE
    assert "no gate was judged" in result.stderr.str()
    assert project.run("tests").ret == ExitCode.OK
    for place in ("gates/conftest.py", "conftest.py"):
        project.write(place, "import sys\nsys.exit(0)\n")
        result = project.run()
        assert result.ret == ExitCode.USAGE
        assert "no gate was judged" in result.stderr.str()
    project.write("conftest.py", "import os\nos._exit(0)\n")
    result = project.run()
    assert result.ret == ExitCode.INTERNAL
    assert "os._exit(0) was called in a session of gates" in result.stderr.str()


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--cache-show", "--markers", "--help"])
def test_what_only_shows_something_judges_nothing_and_ends_well(project, option) -> None:
    assert project.pytester.runpytest_subprocess(option).ret == ExitCode.OK
    assert not (project.path / "runs").exists()


LAST = {
    "sets the exit code": """
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_sessionfinish(session):
            result = yield
            session.exitstatus = 0
            return result
        """,
    "answers for pytest": """
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_cmdline_main():
            yield
            return 0
        """,
    "exits at exit": """
        import atexit, os
        atexit.register(os._exit, 0)
        """,
    "exits when the session is over": """
        import sys
        def pytest_unconfigure():
            sys.exit(0)
        """,
    "ends the process in place of the session": """
        import os
        def pytest_sessionfinish():
            os._exit(0)
        """,
}


@pytest.mark.parametrize("how", LAST)
def test_a_conftest_that_has_the_last_word_does_not_make_it_a_pass(project, how) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + "\nimport pytest\n" + textwrap.dedent(LAST[how]))
    project.gate("C", v2='block("M9C-B2", "no")')
    assert project.run("-m", "m9c").ret == ExitCode.BLOCKED
    assert project.run("-m", "m9a").ret == ExitCode.OK


def test_gates_that_nobody_ran_and_a_thread_that_ends_the_process_are_no_pass(project) -> None:
    conftest = project.path / "conftest.py"
    text = conftest.read_text()
    loop = "\nimport pytest\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtestloop():\n    return True\n"
    conftest.write_text(text + loop)
    assert project.run("-m", "m9c").ret == ExitCode.INCOMPLETE
    conftest.write_text(text)
    project.gate("C", v2="import os, threading\nthreading.Thread(target=os._exit, args=(0,)).start()\nwhile True: pass")
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.INTERNAL
    assert "os._exit(0) was called in a session of gates" in result.stderr.str()


def test_chain_order_survives_what_sorts_after_us(project) -> None:
    def run(*options: str) -> pytest.RunResult:
        return project.pytester.runpytest_subprocess(*options)

    project.gate("B", v3="gate.publish()\nassert False")
    assert run().ret == ExitCode.BLOCKED
    project.gate("B")
    assert run("--ff").ret == ExitCode.OK
    assert len([path for path in project.attempts() if path.name.startswith("m9b")]) == 2
    project.gate("A", v1="assert False")
    project.gate("B")  # the newest file
    assert run("--nf", "-m", "m9a or m9b").ret == ExitCode.BLOCKED
    assert project.summaries()["M9.B"]["blockers"] == ["M9B-B1"]
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\nimport pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        + "def pytest_collection_modifyitems(items):\n    result = yield\n    items.reverse()\n    return result\n"
    )
    project.gate("A")
    assert run().ret == ExitCode.OK


CRASH = 'import os, pathlib\nwith pathlib.Path("crashes").open("a") as file:\n    file.write("x")\nos._exit(1)'


@pytest.mark.parametrize("options", [["-n", "1"], ["-n", "2", "-x"]])
def test_a_crash_ends_one_attempt_and_is_not_repeated(project, options) -> None:
    project.gate("A", v2=CRASH)
    project.write("tests/test_plain.py", "def test_one(): pass\n\ndef test_two(): pass\n")
    result = project.run("tests", "gates", *options)
    assert result.ret not in (ExitCode.OK, ExitCode.INTERNAL)
    assert (project.path / "crashes").read_text() == "x"
    names = [path.name.partition("_")[0] for path in project.attempts()]
    assert names.count("m9a") == 1
    summary = project.summaries()["M9.A"]
    assert summary["overall_pass"] is False
    assert summary["complete"] is False
    assert "LOST" in states(project, "M9.A")
    if "-x" not in options:
        assert sorted(names) == ["m9a", "m9b", "m9c"]
        result.assert_outcomes(passed=8, failed=2)


def test_plain_tests_end_when_one_of_them_kills_its_worker(project) -> None:
    tests = "".join(f"def test_{n}(): pass\n\n" for n in range(6)) + "def test_crash():\n    import os; os._exit(1)\n"
    project.write("tests/test_plain.py", tests)
    result = project.run("tests", "-n", "2")
    result.assert_outcomes(passed=6, failed=1)


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_what_keeps_gates_from_running_is_said_before_they_run(project, monkeypatch, options) -> None:
    def refused(code: int, *words: str) -> None:
        result = project.run("-m", "m9c", *options)
        output = result.stdout.str() + result.stderr.str()
        assert result.ret == code, output
        assert all(word in output for word in words), output
        assert "Traceback" not in output
        assert "INTERNALERROR" not in output
        assert project.attempts() == []

    home = project.write("home", "a file where the folder should be")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    refused(ExitCode.USAGE, "PHASEGATE_SIGNING_KEY", "no key can be made")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    source = (project.path / "gates/test_m9c.py").read_text()
    project.write("gates/test_m9c.py", source.replace('"M9C-V2"', '"M9C-V9"'))
    refused(ExitCode.USAGE, "verifier M9C-V9 is not in the catalogue", "remedy:")
    project.write("gates/test_m9c.py", source)
    project.write("runs", "a file in the way")
    refused(ExitCode.EVIDENCE, "cannot write evidence", "choose another --runs-root")


def test_a_session_fixture_that_fails_at_the_end_is_charged_to_who_used_it(project) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\nimport pytest\n\n@pytest.fixture(scope='session')\ndef leased():\n    yield\n    raise OSError('kept')\n"
    )
    path = project.path / "gates/test_m9a.py"
    path.write_text(path.read_text().replace("def test_body(gate)", "def test_body(gate, leased)"))
    result = project.run("-m", "m9a or m9c")
    assert result.ret == ExitCode.BLOCKED
    assert project.summaries()["M9.C"]["overall_pass"] is True
    result.stdout.fnmatch_lines(["fixture leased: its tear-down failed when M9.A had been committed: kept"])
    assert project.run("-m", "m9a").ret == ExitCode.BLOCKED
    assert project.summaries()["M9.A"]["blockers"] == ["M9A-UNMAPPED"]


def test_modules_of_the_same_name_in_two_folders_are_two_modules(project) -> None:
    pyproject = project.path / "pyproject.toml"
    text = pyproject.read_text().replace('["gates"]', '["gates", "more"]')
    pyproject.write_text(text.replace('"--import-mode=importlib", ', ""))
    (project.path / "more").mkdir()
    (project.path / "gates/test_m9c.py").rename(project.path / "more/test_m9a.py")
    result = project.run("--import-mode=importlib", "gates", "more")
    assert result.ret == ExitCode.OK
    assert set(project.summaries()) == {"M9.A", "M9.B", "M9.C"}
    lint = project.phasegate("catalog", "lint")
    said = lint.stdout.str() + lint.stderr.str()
    assert "collected" not in said
    assert "has no test" not in said
    assert "more/test_m9a.py:10" in said  # the module is read: its empty body is named


def test_an_option_of_somebody_else_does_not_switch_judging_off(project) -> None:
    conftest = project.path / "conftest.py"
    option = "parser.addoption('--inventory', dest='phasegate_inventory', default='stock.json')"
    conftest.write_text(conftest.read_text() + f"\n\ndef pytest_addoption(parser):\n    {option}\n")
    project.gate("C", v2="assert False")
    assert project.run("-m", "m9c").ret == ExitCode.BLOCKED
    assert project.summaries()["M9.C"]["overall_pass"] is False


def test_a_process_id_that_a_test_replaces_is_its_own_affair(project) -> None:
    path = project.path / "gates/test_m9c.py"
    body = "import os\n    monkeypatch.setattr(os, 'getpid', lambda: 4711)\n    assert os.getpid() == 4711"
    path.write_text(
        path.read_text().replace("def test_body(gate):\n    pass", f"def test_body(monkeypatch):\n    {body}")
    )
    assert project.run("-m", "m9c").ret == ExitCode.OK
