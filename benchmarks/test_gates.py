"""How long the main job takes: M4.A to M4.D as a user runs them, from cold and attached."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.substrate.process import ensure_running
from infra.substrate.world import open_world

ROOT = Path(__file__).parents[1]
REGISTRY = ROOT / "infra/handles/dev_full_handles.registry.v0.md"
GATES = "m4a or m4b or m4c or m4d"
COLD_SECONDS = 10.0
ATTACHED_SECONDS = 4.0


def run(runs_root: Path, state_dir: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", GATES]
    command += [f"--runs-root={runs_root}", f"--substrate-state={state_dir}"]
    unusual = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    environment = {name: value for name, value in os.environ.items() if name not in unusual}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 of 4 gates advance" in done.stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A substrate that is up, with its default world built."""
    process = ensure_running(tmp_path / "substrate", owner_pid=os.getpid())
    open_world(process, "000000000000", REGISTRY, tmp_path / "world")
    yield process.state_dir
    process.stop()


def test_the_four_gates_from_cold_to_exit(benchmark, tmp_path) -> None:
    benchmark.pedantic(run, args=(tmp_path / "runs", tmp_path / "nowhere"), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median <= COLD_SECONDS


def test_the_four_gates_attached_to_a_running_substrate(benchmark, tmp_path, running) -> None:
    benchmark.pedantic(run, args=(tmp_path / "runs", running), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median <= ATTACHED_SECONDS
