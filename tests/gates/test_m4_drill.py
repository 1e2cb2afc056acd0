"""M4.G: whatever happens during the drill, the ingress is left as it was, or somebody is told and the gate blocks."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from infra.substrate.faults import Fault
from phasegate.errors import ExitCode
from tests.gates.handlers import FUNCTION, H0, deploy

UP_TO_G = "m4a or m4b or m4c or m4d or m4e or m4f or m4g"


def reserved(platform) -> int | None:
    found = platform.clients.client("lambda").get_function_concurrency(FunctionName=FUNCTION)
    return found.get("ReservedConcurrentExecutions")


def fault(platform, operation: str, **more) -> Fault:
    return Fault(account_id=platform.world.account_id, service="lambda", operation=operation, **more)


def wait_until_clamped(platform, process) -> None:
    deadline = time.monotonic() + 60
    while reserved(platform) != 0:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the drill never clamped"
        time.sleep(0.01)


def test_a_reservation_that_was_there_before_is_put_back(platform) -> None:
    functions = platform.clients.client("lambda")
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=7)
    run = platform.run("m4g", "--upstream=run")
    assert run.blockers("M4.G") == [], run.output
    metrics = run.summary("M4.G")["metrics"]
    assert metrics["prestate_reserved_concurrency"] == metrics["poststate_reserved_concurrency"] == 7
    assert metrics["recovery_action"] == "put-function-concurrency"
    assert reserved(platform) == 7


def test_the_journal_tells_the_drill_in_order(platform) -> None:
    run = platform.run("m4g", "--upstream=run")
    snapshot = run.artifact("M4.G", "m4g_runtime_drill_snapshot.json")
    assert snapshot["status"] == "completed"
    assert [step["name"] for step in snapshot["journal"]] == [
        "prestate",
        "before:health",
        "before:ingest",
        "before:correlation",
        "clamp",
        "method:observe",
        "restore",
        "after:health",
        "after:ingest",
        "after:correlation",
    ]
    assert snapshot["drill"]["rollbacks"] == [{"name": "restore", "action": "restore"}]
    assert not list(platform.runs.rglob(".drills/*.json"))


def test_an_unsteady_ingress_is_not_drilled_and_is_m4g_b2_with_what_was_not_shown(platform) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    deploy(platform.clients, H0)  # admits, and proves no correlation
    run = platform.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B2", "M4G-B3", "M4G-B4"]
    assert "steady state does not hold" in run.details("M4.G", "M4G-B2")
    snapshot = run.artifact("M4.G", "m4g_runtime_drill_snapshot.json")
    assert (snapshot["status"], snapshot["injected_reserved_concurrency"]) == ("not_started", None)
    assert snapshot["rollback_parity"] is True
    assert reserved(platform) is None


def test_a_drill_without_a_green_m4f_injects_nothing(platform) -> None:
    run = platform.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B1", "M4G-B2", "M4G-B3", "M4G-B4", "M4G-B5"]
    assert run.summary("M4.G")["metrics"]["injected_reserved_concurrency"] is None


def test_a_clamp_without_effect_is_m4g_b3(platform) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    with platform.substrate.faults.injected(fault(platform, "PutFunctionConcurrency", kind="ignore")):
        run = platform.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B3"]
    assert "no failure showed within 10 s (last seen: 202)" in run.details("M4.G", "M4G-B3")
    assert run.summary("M4.G")["metrics"]["rollback_parity"] is True
    assert reserved(platform) is None


def test_an_injection_that_is_refused_is_m4g_b3(platform) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    with platform.substrate.faults.injected(fault(platform, "PutFunctionConcurrency", status=403)):
        run = platform.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B3"]
    assert reserved(platform) is None


def test_a_drill_that_cannot_restore_says_so_loudly_blocks_and_is_undone_by_the_next(platform) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    with platform.substrate.faults.injected(fault(platform, "DeleteFunctionConcurrency", status=500)):
        run = platform.run("m4g", "-s")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.G") == ["M4G-B4", "M4G-B5"]
    assert "DRILL NOT ROLLED BACK" in run.output
    assert "must be UNSET" in run.details("M4.G", "M4G-B5")
    assert run.summary("M4.G")["verdict"] == "NO_GO_RESET_REQUIRED"
    assert reserved(platform) == 0
    again = platform.run("m4g")
    assert again.blockers("M4.G") == [], again.output
    assert reserved(platform) is None
    journal = again.artifact("M4.G", "m4g_runtime_drill_snapshot.json")["journal"]
    assert [step["name"] for step in journal][:2] == ["undo_earlier", "undo_earlier"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_is_rolled_back(platform, number) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    # The observation is held up, so that the signal arrives while the fault is in force.
    slow = fault(platform, "PutFunctionConcurrency", kind="delay", delay_seconds=1.5)
    with platform.substrate.faults.injected(slow), platform.start("m4g") as process:
        deadline = time.monotonic() + 60
        while not list(platform.runs.rglob(".drills/*.json")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    time.sleep(1.6)  # what was under way when the signal came has arrived by now
    assert process.returncode != 0, output
    assert "Traceback (most recent call last)" not in output
    assert not list(platform.runs.rglob("m4g_*/m4g_execution_summary.json")) or (
        json.loads(max(platform.runs.rglob("m4g_*/m4g_execution_summary.json")).read_text())["complete"] is False
    )
    recovered = platform.run("m4g")
    assert recovered.blockers("M4.G") == [], recovered.output
    assert reserved(platform) is None


def test_what_a_killed_drill_left_is_undone_by_the_next(platform) -> None:
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    # The rollback is held up, so that the kill comes before it.
    slow = fault(platform, "DeleteFunctionConcurrency", kind="delay", delay_seconds=30.0)
    with platform.substrate.faults.injected(slow), platform.start("m4g") as process:
        wait_until_clamped(platform, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert reserved(platform) == 0
    assert list(platform.runs.rglob(".drills/*.json"))
    run = platform.run("m4g")
    assert run.blockers("M4.G") == [], run.output
    assert reserved(platform) is None
    assert run.summary("M4.G")["metrics"]["prestate_reserved_concurrency"] == "UNSET"
    assert not list(platform.runs.rglob(".drills/*.json"))
