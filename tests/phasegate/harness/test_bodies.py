"""What the function of a verifier does where no report says it: in threads and children, by a value, behind a hook."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from phasegate.errors import ExitCode

BLOCKING = {
    "thread": """
        import threading
        thread = threading.Thread(target=lambda: block("M9C-B2", "seen"))
        thread.start()
        thread.join()
        """,
    "pool": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor() as pool:
            pool.submit(block, "M9C-B2", "seen")
        """,
    "scope in a thread": """
        import threading
        def check():
            with blocks("M9C-B2"):
                assert 1 == 2, "seen"
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
        """,
    "executor whose future is dropped": """
        import asyncio
        async def main():
            asyncio.get_running_loop().run_in_executor(None, block, "M9C-B2", "seen")
        asyncio.run(main())
        """,
    "forked child": """
        import os
        pid = os.fork()
        if pid == 0:
            block("M9C-B2", "seen")
            os._exit(0)
        os.waitpid(pid, 0)
        """,
    "forked process": """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=block, args=("M9C-B2", "seen"))
        process.start()
        process.join()
        """,
    "child without an environment": """
        import os, subprocess, sys
        child = "from phasegate.api import block; block('M9C-B2', 'seen')"
        subprocess.run([sys.executable, "-c", child], check=True, env={"PATH": os.environ["PATH"]})
        """,
    "spawned process without an environment": """
        import multiprocessing, os
        from unittest import mock
        with mock.patch.dict(os.environ, clear=True):
            process = multiprocessing.get_context("spawn").Process(target=block, args=("M9C-B2", "seen"))
            process.start()
        process.join()
        """,
    "forked process without an environment": """
        import os
        from unittest import mock
        with mock.patch.dict(os.environ, clear=True):
            if os.fork() == 0:
                block("M9C-B2", "seen")
                os._exit(0)
        os.wait()
        """,
    "spawned process": """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "from phasegate.api import block; block('M9C-B2', 'seen')"], check=True)
        """,
}
UNMAPPED = {
    "value": ("return 1 == 1", "returned a value (bool)"),
    "falsy value": ("return 0", "returned a value (int)"),
    "coroutine": ("async def check():\n    assert False\nreturn check()", "returned a value (coroutine)"),
    "generator expression": ("return (1 / 0 for _ in range(3))", "returned a value (generator)"),
    "scope never entered": ('blocks("M9C-B2")', "never entered"),
    "wrong code swallowed": (
        'try:\n    block("M9C-B9", "seen")\nexcept Exception:\n    pass',
        "may raise",
    ),
    "wrong code in a thread": (
        """
        import threading
        thread = threading.Thread(target=lambda: block("M9C-B9", "seen"))
        thread.start()
        thread.join()
        """,
        "may raise",
    ),
    "wrong code in a child": (
        """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "from phasegate.api import block; block('M9C-B9', 'seen')"], check=True)
        """,
        "a child process raised M9",
    ),
    "framework error swallowed": (
        'try:\n    gate.artifact("no_such.json", {})\nexcept Exception:\n    pass',
        "does not owe no_such.json",
    ),
    "assertion in a thread": (
        """
        import threading
        def check():
            assert 1 == 2, "seen by nobody"
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
        """,
        "in a thread: AssertionError: seen by nobody",
    ),
    "assertion in a raw thread": (
        """
        import _thread
        before, started = _thread._count(), _thread.allocate_lock()
        started.acquire()
        def check():
            started.release()
            assert 1 == 2, "seen by nobody"
        _thread.start_new_thread(check, ())
        started.acquire()
        while _thread._count() > before:
            pass
        """,
        "where nothing can raise: AssertionError: seen by nobody",
    ),
    "assertion in a finaliser": (
        """
        class Checked:
            def __del__(self):
                assert 1 == 2, "seen by nobody"
        Checked()
        """,
        "where nothing can raise: AssertionError: seen by nobody",
    ),
    "future that nobody asks": (
        """
        from concurrent.futures import ThreadPoolExecutor
        def check():
            assert 1 == 2, "seen by nobody"
        with ThreadPoolExecutor() as pool:
            pool.submit(check)
        """,
        "nobody asked for its result: AssertionError: seen by nobody",
    ),
    "callback of a future": (
        """
        from concurrent.futures import ThreadPoolExecutor
        def check(future):
            assert future.result() == 1, "seen by nobody"
        with ThreadPoolExecutor() as pool:
            pool.submit(len, "").add_done_callback(check)
        """,
        "concurrent.futures: exception calling callback",
    ),
    "task that nobody awaits": (
        """
        import asyncio
        async def check():
            await asyncio.sleep(0)
            assert False
        async def main():
            asyncio.create_task(check())
        asyncio.run(main())
        """,
        "was still pending when its loop ended",
    ),
    "failed task that something holds": (
        """
        import asyncio
        async def check():
            assert False
        async def main():
            main.held = asyncio.create_task(check())
            await asyncio.sleep(0.01)
        asyncio.run(main())
        """,
        "a task failed and nobody asked for its result",
    ),
    "coroutine that nobody awaits and no warning names": (
        """
        import warnings
        async def check():
            assert False
        with warnings.catch_warnings(action="ignore"):
            check()
        """,
        "was never awaited",
    ),
    "thread whose exception goes nowhere": (
        """
        import threading
        threading.excepthook = lambda args: None
        def check():
            assert False, "seen by nobody"
        thread = threading.Thread(target=check)
        thread.start()
        thread.join()
        """,
        "in a thread: AssertionError: seen by nobody",
    ),
    "coroutine that nobody awaits": (
        """
        async def check():
            assert False
        check()
        """,
        "was never awaited",
    ),
    "child that returns": (
        """
        import os
        if os.fork():
            os.wait()
        """,
        "forked returned into pytest",
    ),
    "error without a text": (
        """
        class Mute(Exception):
            def __str__(self):
                raise ValueError
        raise Mute
        """,
        "Mute, whose text raises ValueError",
    ),
}
PASSING = {
    "scopes": 'with blocks("M9C-B2"):\n    assert True\nwith blocks("M9C-B3"):\n    assert True',
    "pool whose results are asked for": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor() as pool:
            assert list(pool.map(len, ["a", "b"])) == [1, 1]
            failed = pool.submit(int, "x")
        assert isinstance(failed.exception(), ValueError)
        """,
    "tasks that are awaited": """
        import asyncio
        async def check():
            await asyncio.sleep(0)
        async def main():
            await asyncio.gather(check(), asyncio.to_thread(len, ""))
            await asyncio.create_task(check())
        asyncio.run(main())
        """,
    "child that ends": """
        import os
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        """,
    "processes": """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.map(abs, [-1]) == [1]
        """,
}


def test_what_a_verifier_reports_from_elsewhere_counts(project) -> None:
    result, summaries = project.judge_each(BLOCKING)
    assert result.ret == ExitCode.BLOCKED
    for name, summary in summaries.items():
        assert [code[-2:] for code in summary["blockers"]] == ["B2"], (name, summary["blocker_details"])
        assert summary["blocker_details"][0]["detail"].startswith("seen"), name


def test_what_is_no_check_or_hides_one_is_no_pass(project) -> None:
    result, summaries = project.judge_each({name: body for name, (body, _) in UNMAPPED.items()})
    assert result.ret == ExitCode.BLOCKED
    for name, summary in summaries.items():
        assert [code.partition("-")[2] for code in summary["blockers"]] == ["UNMAPPED"], (name, summary)
        assert UNMAPPED[name][1] in json.dumps(summary["blocker_details"]), (name, summary["blocker_details"])
    assert len(project.attempts()) == len(UNMAPPED)


def test_threads_tasks_and_children_that_are_waited_for_are_no_harm(project) -> None:
    result, summaries = project.judge_each(PASSING)
    assert result.ret == ExitCode.OK, result.stdout.str()
    assert all(summary["overall_pass"] for summary in summaries.values())


def test_a_report_after_the_end_of_its_test_is_the_gates_or_the_sessions(project) -> None:
    later = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {code!r}])"
    wait = "import time\nwhile not pathlib.Path({file!r}).exists():\n    time.sleep(0.05)"
    child = (
        "import pathlib, time\n"
        "from phasegate.api import block\n"
        "while not pathlib.Path('{after}').exists(): time.sleep(0.02)\n"
        "block('{code}', 'seen late'); pathlib.Path('{done}').touch()"
    )
    within = later.format(code=child.format(after="v1-over", code="M9A-B1", done="told-v1"))
    behind = later.format(code=child.format(after="a-over", code="M9A-B2", done="told-a"))
    project.gate(
        "A",
        v1=within,
        v2=f"import pathlib\npathlib.Path('v1-over').touch()\n{wait.format(file='told-v1')}\n{behind}",
    )
    project.gate("C", v1=f"import pathlib\npathlib.Path('a-over').touch()\n{wait.format(file='told-a')}")
    result = project.run("-m", "m9a or m9c")
    assert result.ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.A"]
    assert summary["blockers"] == ["M9A-UNMAPPED"]
    assert "M9A-B1, reported when its test had ended: seen late" in json.dumps(summary["blocker_details"])
    result.stdout.fnmatch_lines(["*test_m9a.py::test_body: reported when its gate had been committed: M9A-B2*"])


SWALLOWING = {
    "pyfunc_call wrapper": """
        @pytest.hookimpl(wrapper=True)
        def pytest_pyfunc_call(pyfuncitem):
            try:
                return (yield)
            except BaseException:
                return True
        """,
    "pyfunc_call answered": """
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            return True
        """,
    "runtest_call wrapper": """
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_call(item):
            try:
                return (yield)
            except BaseException:
                return None
        """,
    "makereport": """
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            call.excinfo = None
            return (yield)
        """,
    "report of a subtest": """
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            call.excinfo = None
            return (yield)
        """,
    "protocol answered": """
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            for when in ("setup", "call", "teardown"):
                report = pytest.TestReport(
                    nodeid=item.nodeid, location=item.location, keywords={}, outcome="passed", longrepr=None, when=when
                )
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """,
    "one case taken out": """
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if "case1" not in item.name]
            return (yield)
        """,
    "fixture swallowed": """
        @pytest.fixture(autouse=True)
        def prepared():
            assert False, "not prepared"

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_fixture_setup(fixturedef):
            try:
                return (yield)
            except AssertionError:
                return None
        """,
    "teardown swallowed": """
        @pytest.fixture(autouse=True)
        def restoring():
            yield
            raise OSError("not restored")

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_teardown(item):
            try:
                return (yield)
            except BaseException:
                return None
        """,
}


@pytest.mark.parametrize("how", SWALLOWING)
def test_a_conftest_that_swallows_a_failure_swallows_no_verdict(project, how) -> None:
    body = "pass" if {"taken", "teardown", "fixture"}.intersection(how.split()) else "assert False, 'the check failed'"
    project.gate("C", v2=body)
    path = project.path / "gates/test_m9c.py"
    if "subtest" in how:
        project.gate("C", v2=f"with subtests.test():\n    {body}")
        path.write_text(path.read_text().replace("def test_body(gate)", "def test_body(gate, subtests)"))
    if "taken" in how:
        cases = '@pytest.mark.parametrize("n", [1, 2], ids=["case1", "case2"])\ndef test_body(gate, n)'
        path.write_text(path.read_text().replace("def test_body(gate)", cases))
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + "\nimport pytest\n" + dedent(SWALLOWING[how]))
    result = project.run("-m", "m9c")
    assert result.ret in (ExitCode.BLOCKED, ExitCode.INCOMPLETE)
    assert project.summaries()["M9.C"]["overall_pass"] is False


def test_subtests_that_pass_are_passes_and_those_that_fail_block(project) -> None:
    loop = "for i in range(3):\n    with subtests.test(i=i):\n        {}"
    project.gate("A", v2=loop.format("assert i >= 0"))
    project.gate("B", v2=loop.format('with blocks("M9B-B2"):\n            assert i != 1, "seen"'))
    project.gate("C", v1=loop.format('assert i != 1, "seen"'), v2=loop.format("assert i != 1"))
    for letter in "abc":
        path = project.path / f"gates/test_m9{letter}.py"
        path.write_text(path.read_text().replace("(gate)", "(gate, subtests)"))
    result = project.run()
    assert result.ret == ExitCode.BLOCKED
    summaries = project.summaries()
    assert summaries["M9.A"]["overall_pass"] is True
    assert summaries["M9.B"]["blockers"] == ["M9B-B2"]
    assert summaries["M9.C"]["blockers"] == ["M9C-B1", "M9C-UNMAPPED"]
    assert "FLIPPED" not in json.dumps([summary["blocker_details"] for summary in summaries.values()])


FORMS = {
    "A": """
        import unittest
        class Body(unittest.TestCase):
            @pytest.mark.verifier("M9A-V2")
            def test_body(self):
                for i in range(3):
                    with self.subTest(i=i):
                        self.assertTrue(i >= FLOOR)
        """,
    "B": """
        import unittest
        class Body(unittest.IsolatedAsyncioTestCase):
            @pytest.mark.verifier("M9B-V2")
            async def test_body(self):
                self.assertEqual(FLOOR, 0)
        """,
    "C": """
        from hypothesis import given, strategies
        class TestBody:
            @staticmethod
            @pytest.mark.verifier("M9C-V2")
            @given(n=strategies.integers(0, 1))
            def test_body(n):
                assert n >= FLOOR
        """,
}


def test_every_form_of_a_test_is_judged_like_a_function(project) -> None:
    for floor, code in ((0, ExitCode.OK), (1, ExitCode.BLOCKED)):
        for letter, body in FORMS.items():
            project.gate(letter)
            path = project.path / f"gates/test_m9{letter.lower()}.py"
            text = path.read_text()
            start, end = (text.index(f'@pytest.mark.verifier("M9{letter}-V{number}")') for number in (2, 3))
            path.write_text(f"{text[:start]}{dedent(body)}\n{text[end:]}\nFLOOR = {floor}\n")
        assert project.run().ret == code
    found = {gate: summary["blockers"] for gate, summary in project.summaries().items()}
    assert found == {"M9.A": ["M9A-UNMAPPED"], "M9.B": ["M9B-B1", "M9B-UNMAPPED"], "M9.C": ["M9C-UNMAPPED"]}
