"""`substrate up|status|down`: what a user sees, with exit codes of their own and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.emulator.process import SubstrateProcess, default_state_dir, find
from infra.emulator.record import Record, code_digest
from infra.liveness import start_mark


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    left = find(folder)
    if left is not None:
        left.stop()


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "infra.emulator.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert "Traceback" not in done.stderr
    return done


def test_up_status_down(state_dir: Path) -> None:
    where = ("--state-dir", str(state_dir))
    down_already = run("status", *where)
    first, second = run("up", "--no-stacks", *where), run("up", "--no-stacks", *where)
    shown, told = run("status", *where), json.loads(run("status", "--json", *where).stdout)
    ended, ended_again = run("down", *where), run("down", *where)

    assert (down_already.returncode, down_already.stdout[:4]) == (10, "down")
    assert first.returncode == second.returncode == shown.returncode == 0
    assert "started, process" in first.stdout
    assert f"already running, process {told['pid']}" in second.stdout
    assert "with `phasegate substrate down`" in shown.stdout
    assert told["endpoint_url"] in shown.stdout
    assert (told["up"], told["current"], told["kept"], told["defects"]) == (True, True, True, {})
    assert f"ended process {told['pid']}" in ended.stdout
    assert (ended_again.returncode, ended_again.stdout[:12]) == (0, "no substrate")
    assert json.loads(run("status", "--json", *where).stdout)["up"] is False


def test_the_line_to_try_points_any_sdk_at_the_world(state_dir: Path) -> None:
    shown = run("up", "--no-stacks", "--state-dir", str(state_dir)).stdout
    [line] = [line for line in shown.splitlines() if line.startswith("try ")]
    environment = dict(word.split("=", 1) for word in line.split() if "=" in word)
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**clean, **environment}
    )
    assert done.stdout.strip() == "000000000000"
    assert line.endswith("aws s3 ls")


def test_a_taken_port_is_a_message_and_an_exit_code(substrate: SubstrateProcess, state_dir: Path) -> None:
    port = substrate.endpoint_url.rpartition(":")[2]
    done = run("up", "--no-stacks", "--port", port, "--state-dir", str(state_dir))
    assert done.returncode == 10
    assert f"error: port {port} is taken by another program" in done.stderr
    assert "remedy:" in done.stderr


def test_a_start_whose_world_cannot_be_opened_leaves_nothing_running(state_dir: Path, tmp_path: Path) -> None:
    done = run("up", "--registry", str(tmp_path / "missing.md"), "--state-dir", str(state_dir))
    assert done.returncode == 8
    assert "missing.md" in done.stderr
    assert find(state_dir) is None


def test_a_substrate_that_a_session_owns_says_with_whom_it_ends(substrate: SubstrateProcess) -> None:
    done = run("status", "--state-dir", str(substrate.state_dir))
    owners = substrate.health()["owners"]
    assert f"with process {', '.join(map(str, owners))}" in done.stdout


def test_a_process_that_does_not_answer_is_reported(state_dir: Path) -> None:
    state_dir.mkdir()
    record = Record(os.getpid(), start_mark(os.getpid()), "http://127.0.0.1:9", "token", code_digest())
    record.write(state_dir)
    done = run("status", "--state-dir", str(state_dir))
    assert done.returncode == 10
    assert f"error: the substrate process {os.getpid()} does not answer" in done.stderr
    record.erase(state_dir)


def test_a_wrong_option_is_a_usage_error(state_dir: Path) -> None:
    assert run("up", "--port", "70000", "--state-dir", str(state_dir)).returncode == 2
    assert find(state_dir) is None


def test_the_state_lies_at_the_root_of_the_project(tmp_path: Path) -> None:
    deep = tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").touch()
    assert default_state_dir(deep) == tmp_path / "project" / ".phasegate" / "substrate"
    assert run("status", cwd=deep).stdout == f"down ({tmp_path / 'project' / '.phasegate' / 'substrate'})\n"
