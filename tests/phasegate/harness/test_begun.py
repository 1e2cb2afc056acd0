"""What the functions of verifiers begin and do not see the end of."""

from __future__ import annotations

import json

from phasegate.errors import ExitCode

UNFINISHED = {
    "timer that nobody waits for": (
        'import threading\nthreading.Timer(3, block, ("M9C-B2", "seen by nobody")).start()',
        "thread",
    ),
    "daemon that nobody waits for": (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "thread",
    ),
    "raw thread that nobody waits for": (
        "import _thread, time\n_thread.start_new_thread(time.sleep, (3,))",
        "thread",
    ),
    "future that nobody waits for": (
        """
        import time
        from concurrent.futures import ThreadPoolExecutor
        ThreadPoolExecutor().submit(time.sleep, 3)
        """,
        "future",
    ),
    "forked child that nobody waits for": (
        """
        import os, time
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)
        """,
        "child process",
    ),
    "child of a child": (
        """
        import os, time
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                time.sleep(3)
            os._exit(0)
        os.wait()
        """,
        "child process",
    ),
    "spawned child that nobody waits for": (
        """
        import multiprocessing, time
        multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3,), daemon=True).start()
        """,
        "child process",
    ),
    "command that nobody waits for": (
        'import subprocess\nsubprocess.Popen(["sleep", "3"])',
        "child process",
    ),
}
ENDED = {
    "pool that stays": """
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor()
        assert pool.submit(len, "").result() == 0
        __builtins__["pool"] = pool
        """,
    "thread that ends before its gate": "import threading\nthreading.Thread(target=len, args=([],)).start()",
    "pool of processes that stays": """
        from concurrent.futures import ProcessPoolExecutor
        pool = ProcessPoolExecutor(1)
        assert pool.submit(abs, -1).result() == 1
        __builtins__["processes"] = pool
        """,
}
SERVING = """

import threading
import pytest

@pytest.fixture(autouse=True)
def serving():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
OUTLIVING = """
import threading
gate.protect([("late", "outlives the session: 7c1f")])
def late():
    threading.main_thread().join()
    raise RuntimeError("outlives the session: 7c1f") from ValueError("outlives the session: 7c1f")
threading.Thread(target=late).start()
"""


def test_a_verifier_waits_for_what_it_begins(project) -> None:
    result, summaries = project.judge_each({name: body for name, (body, _) in UNFINISHED.items()})
    assert result.ret == ExitCode.BLOCKED
    for name, summary in summaries.items():
        assert [code.partition("-")[2] for code in summary["blockers"]] == ["UNMAPPED"], (name, summary)
        said = f"a {UNFINISHED[name][1]} of it still runs: wait for its end"
        assert said in json.dumps(summary["blocker_details"]), (name, summary["blocker_details"])


def test_what_has_ended_or_only_waits_for_work_is_no_harm(project) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + SERVING)
    result, summaries = project.judge_each(ENDED)
    assert result.ret == ExitCode.OK, result.stdout.str()
    assert all(summary["overall_pass"] for summary in summaries.values())


def test_a_thread_that_outlives_the_session_says_nothing_that_nobody_has_searched(project) -> None:
    project.gate("A", v2=OUTLIVING)
    result = project.run("-m", "m9a")
    assert result.ret == ExitCode.BLOCKED
    assert "RuntimeError, in a thread that outlived its session" in result.stderr.str()
    assert "7c1f" not in result.stdout.str() + result.stderr.str()
