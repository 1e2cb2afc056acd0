"""M4.G: whatever happens during the drill, the ingress is left as it was, or somebody is told and the gate blocks."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.drills.control import ReservedConcurrency
from infra.drills.mark import Holder, Mark
from infra.emulator.faults import Fault
from infra.emulator.world import open_fresh_world
from phasegate.errors import ExitCode
from tests.gates.conftest import REGISTRY, Platform
from tests.gates.handlers import FUNCTION, H0, deploy

UP_TO_G = "m4a or m4b or m4c or m4d or m4e or m4f or m4g"


def reserved(platform) -> int | None:
    found = platform.clients.client("lambda").get_function_concurrency(FunctionName=FUNCTION)
    return found.get("ReservedConcurrentExecutions")


def fault(platform, operation: str, **more) -> Fault:
    return Fault(account_id=platform.world.account_id, service="lambda", operation=operation, **more)


def mark(platform) -> dict | None:
    """What a drill wrote on the function; None where there is nothing."""
    functions = platform.clients.client("lambda")
    found = functions.list_aliases(FunctionName=FUNCTION)["Aliases"]
    return json.loads(found[0]["Description"]) if found else None


def wait_until_clamped(platform, process) -> None:
    deadline = time.monotonic() + 60
    while reserved(platform) != 0:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the drill never clamped"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def steady(substrate, tmp_path_factory) -> Platform:
    """A platform whose M4.F is green; its evidence is made once."""
    path = tmp_path_factory.mktemp("steady")
    platform = Platform(substrate, open_fresh_world(substrate, REGISTRY, path / "world"), path)
    assert platform.run("m4f", "--upstream=run").blockers("M4.F") == []
    return platform


@pytest.fixture
def ready(steady: Platform) -> Iterator[Platform]:
    """That platform, unclamped; whatever a test leaves on the function goes."""
    yield steady
    steady.substrate.faults.clear_world(steady.world.account_id)
    functions = steady.clients.client("lambda")
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    functions.delete_alias(FunctionName=FUNCTION, Name="phasegate-drill")


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
    assert mark(platform) is None


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


def test_a_clamp_without_effect_is_m4g_b3(ready) -> None:
    with ready.substrate.faults.injected(fault(ready, "PutFunctionConcurrency", kind="ignore")):
        run = ready.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B3"]
    assert "no failure showed within 10 s (last seen: 202)" in run.details("M4.G", "M4G-B3")
    assert run.summary("M4.G")["metrics"]["rollback_parity"] is True
    assert reserved(ready) is None


def test_an_injection_that_is_refused_is_m4g_b3(ready) -> None:
    with ready.substrate.faults.injected(fault(ready, "PutFunctionConcurrency", status=403)):
        run = ready.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B3"]
    assert reserved(ready) is None


def test_a_drill_that_cannot_restore_says_so_loudly_blocks_and_is_undone_by_the_next(ready) -> None:
    with ready.substrate.faults.injected(fault(ready, "DeleteFunctionConcurrency", status=500)):
        run = ready.run("m4g", "-rA")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.G") == ["M4G-B4", "M4G-B5"]
    assert "DRILL NOT ROLLED BACK" in run.output
    assert "must be UNSET" in run.details("M4.G", "M4G-B5")
    assert run.summary("M4.G")["verdict"] == "NO_GO_RESET_REQUIRED"
    assert reserved(ready) == 0
    assert mark(ready)["injected"] == 0
    again = ready.run("m4g")
    assert again.blockers("M4.G") == [], again.output
    assert reserved(ready) is None
    assert "gave back what an earlier drill had left" in again.output
    journal = again.artifact("M4.G", "m4g_runtime_drill_snapshot.json")["journal"]
    assert [step["name"] for step in journal][:3] == ["undo_earlier", "restore", "prestate"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_is_rolled_back(ready, number) -> None:
    before = max(ready.runs.rglob("m4g_*/m4g_execution_summary.json"), default=None)
    # The observation is held up, so that the signal arrives while the fault is in force.
    slow = fault(ready, "PutFunctionConcurrency", kind="delay", delay_seconds=1.5)
    with ready.substrate.faults.injected(slow), ready.start("m4g") as process:
        deadline = time.monotonic() + 60
        while (mark(ready) or {}).get("injected") is None:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    time.sleep(1.6)  # what was under way when the signal came has arrived by now
    assert process.returncode != 0, output
    assert "Traceback (most recent call last)" not in output
    newest = max(ready.runs.rglob("m4g_*/m4g_execution_summary.json"), default=None)
    assert newest == before or json.loads(newest.read_text())["complete"] is False
    recovered = ready.run("m4g")
    assert recovered.blockers("M4.G") == [], recovered.output
    assert reserved(ready) is None


def kill_while_clamped(platform) -> None:
    """Leaves the ingress clamped: the rollback is refused while it is tried, so that the kill comes before it."""
    refused = fault(platform, "DeleteFunctionConcurrency", status=500)
    with platform.substrate.faults.injected(refused), platform.start("m4g") as process:
        wait_until_clamped(platform, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert reserved(platform) == 0
    assert (mark(platform)["injected"], mark(platform)["before"]) == (0, None)


@pytest.mark.parametrize("root", ["same", "other"])
def test_what_a_killed_drill_left_is_given_back_before_any_gate_looks(ready, tmp_path, root) -> None:
    kill_while_clamped(ready)
    looking = ready if root == "same" else replace(ready, path=tmp_path)
    run = looking.run("m4g", "--upstream=run")  # M4.E and M4.F cannot hold on a clamped ingress
    assert run.code == ExitCode.OK, run.output
    assert reserved(ready) is None
    assert mark(ready) is None
    assert run.summary("M4.G")["metrics"]["prestate_reserved_concurrency"] == "UNSET"


def test_a_clamp_that_arrives_after_its_process_was_killed_is_given_back(ready, tmp_path) -> None:
    late = fault(ready, "PutFunctionConcurrency", kind="delay", delay_seconds=2.0)
    with ready.substrate.faults.injected(late), ready.start("m4g") as process:
        while (mark(ready) or {}).get("injected") is None:
            assert process.poll() is None, process.communicate()[0]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        run = replace(ready, path=tmp_path).run("m4a")
    assert run.code == ExitCode.OK, run.output
    assert (reserved(ready), mark(ready)) == (None, None)


def test_a_session_waits_for_a_drill_that_is_running_and_does_not_lift_its_fault(ready) -> None:
    control = ReservedConcurrency(ready.clients, FUNCTION)
    here = Holder.here()  # the drill of this very process, which is alive for the session
    running = Mark("m4g_20260101T000000Z", here, int(time.time()) + 60, injected=0, prestate=None)
    control.write(0)
    control.mark(running, replacing=None)
    with ready.start("m4g") as process:
        seen = "".join(iter_until(process.stdout, "waiting for the drill of m4g_20260101T000000Z"))
        assert (reserved(ready), mark(ready)["drill"]) == (0, "m4g_20260101T000000Z"), seen
        control.write(None)
        control.unmark()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.OK, seen + output
    assert "gave back" not in seen + output
    assert (reserved(ready), mark(ready)) == (None, None)


def iter_until(lines, text: str) -> Iterator[str]:
    """The lines up to the one that holds a text, or all of them."""
    for line in lines:
        yield line
        if text in line:
            return


def test_an_undo_without_effect_is_told_blocks_and_stays_known(ready) -> None:
    kill_while_clamped(ready)
    deaf = fault(ready, "DeleteFunctionConcurrency", kind="ignore")
    with ready.substrate.faults.injected(deaf):
        run = ready.run("m4g")
    assert run.output.count("DRILL NOT ROLLED BACK") == 2  # when the session began, and when the drill did
    assert run.blockers("M4.G") == ["M4G-B2", "M4G-B3", "M4G-B4", "M4G-B5"]
    assert "must be UNSET" in run.details("M4.G", "M4G-B5")
    assert (reserved(ready), mark(ready)["injected"]) == (0, 0)
    assert ready.run("m4g").blockers("M4.G") == []


def test_a_mark_that_cannot_be_read_is_told_and_blocks(ready) -> None:
    functions = ready.clients.client("lambda")
    functions.create_alias(FunctionName=FUNCTION, Name="phasegate-drill", FunctionVersion="$LATEST", Description="{")
    run = ready.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B2", "M4G-B3", "M4G-B4", "M4G-B5"]
    assert "the mark that a drill left there cannot be read" in run.details("M4.G", "M4G-B2")
    assert "whether an earlier drill left its fault is not known: alias phasegate-drill" in run.output


def test_a_control_that_stands_at_the_fault_already_is_not_drilled(ready) -> None:
    ready.clients.client("lambda").put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    run = ready.run("m4g")
    assert run.blockers("M4.G") == ["M4G-B2", "M4G-B3", "M4G-B4"]
    assert reserved(ready) == 0  # somebody's own decision, which no drill takes back


def test_a_worker_that_dies_in_the_drill_is_followed_by_no_second_injection(ready, tmp_path) -> None:
    refused = fault(ready, "DeleteFunctionConcurrency", status=500)
    put = fault(ready, "PutFunctionConcurrency", kind="delay", delay_seconds=0.0)
    faults = ready.substrate.faults
    with faults.injected(refused, put), ready.start("m4g", "-n", "1") as process:
        wait_until_clamped(ready, process)
        os.kill(mark(ready)["holder"][1], signal.SIGKILL)
        output, _ = process.communicate(timeout=100)
        assert [status.hits for status in faults.statuses() if status.fault == put] == [1]
    assert process.returncode not in (0, None), output
    assert replace(ready, path=tmp_path).run("m4a").code == ExitCode.OK
    assert (reserved(ready), mark(ready)) == (None, None)
