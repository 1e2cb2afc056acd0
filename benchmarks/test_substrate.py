"""How long the embedded platform takes: from nothing to ready, to five stacks, and back to a running one.

Whole processes are measured, interpreter start included, because that is what a user waits for. Every cold round
starts in an empty state directory.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COLD_ROUNDS = 5
COLD_READY_GOAL_SECONDS = 2.0
COLD_STACKS_GOAL_SECONDS = 5.0
ATTACH_GOAL_SECONDS = 1.0


def command(name: str, state_dir: Path, *options: str) -> str:
    """Run `phasegate substrate NAME` as a process of its own and return what it prints."""
    line = [sys.executable, "-m", "infra.emulator.cli", name, "--state-dir", str(state_dir), *options]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """The state directory of a substrate with its five stacks."""
    state_dir = tmp_path / "running"
    command("up", state_dir)
    yield state_dir
    command("down", state_dir)


def measure_cold(benchmark: Any, tmp_path: Path, *options: str) -> float:
    """Measure `up` from nothing, several times; returns the median in seconds."""
    used: list[Path] = []

    def fresh() -> tuple[tuple[Path], dict[str, str]]:
        for state_dir in used:
            command("down", state_dir)
        used[:] = [tmp_path / f"cold-{len(list(tmp_path.iterdir()))}"]
        return (used[0],), {}

    try:
        benchmark.pedantic(lambda state_dir: command("up", state_dir, *options), setup=fresh, rounds=COLD_ROUNDS)
    finally:
        for state_dir in used:
            command("down", state_dir)
    return float(benchmark.stats.stats.median)


def test_cold_start_to_ready(benchmark: Any, tmp_path: Path) -> None:
    assert measure_cold(benchmark, tmp_path, "--no-stacks") <= COLD_READY_GOAL_SECONDS


def test_cold_start_to_five_stacks(benchmark: Any, tmp_path: Path) -> None:
    assert measure_cold(benchmark, tmp_path) <= COLD_STACKS_GOAL_SECONDS


def test_up_on_a_running_substrate_is_a_no_op(benchmark: Any, running: Path) -> None:
    benchmark.pedantic(command, args=("up", running), rounds=COLD_ROUNDS, warmup_rounds=1)
    assert benchmark.stats.stats.median <= ATTACH_GOAL_SECONDS
