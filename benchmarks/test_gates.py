"""How long the main job takes: M4 as a user runs it, from cold and attached; and its drill."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.emulator.process import ensure_running
from infra.emulator.world import open_world

ROOT = Path(__file__).parents[1]
REGISTRY = ROOT / "infra/handles/dev_full_handles.registry.v0.md"
FOUR = "m4a or m4b or m4c or m4d"
FOUR_COLD_SECONDS = 10.0
FOUR_ATTACHED_SECONDS = 4.0
PHASE_COLD_SECONDS = 25.0
PHASE_ATTACHED_SECONDS = 12.0
DRILL_SECONDS = 5.0


def run(gates: str, count: int, runs_root: Path, state_dir: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", gates]
    command += [f"--runs-root={runs_root}", f"--substrate-state={state_dir}"]
    unusual = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    environment = {name: value for name, value in os.environ.items() if name not in unusual}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{count} of {count} gates advance" in done.stdout


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A substrate that is up, with its default world built."""
    process = ensure_running(tmp_path / "substrate", owner_pid=os.getpid())
    open_world(process, "000000000000", REGISTRY, tmp_path / "world")
    yield process.state_dir
    process.stop()


@pytest.mark.parametrize(
    ("gates", "count", "least"), [(FOUR, 4, FOUR_COLD_SECONDS), ("m4", 10, PHASE_COLD_SECONDS)], ids=["four", "m4"]
)
def test_gates_from_cold_to_exit(benchmark, tmp_path, gates, count, least) -> None:
    arguments = (gates, count, tmp_path / "runs", tmp_path / "nowhere")
    benchmark.pedantic(run, args=arguments, rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median <= least


@pytest.mark.parametrize(
    ("gates", "count", "least"),
    [(FOUR, 4, FOUR_ATTACHED_SECONDS), ("m4", 10, PHASE_ATTACHED_SECONDS)],
    ids=["four", "m4"],
)
def test_gates_attached_to_a_running_substrate(benchmark, tmp_path, running, gates, count, least) -> None:
    benchmark.pedantic(run, args=(gates, count, tmp_path / "runs", running), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median <= least


def test_the_drill_from_its_first_look_to_its_last(benchmark, tmp_path, running) -> None:
    """The drill's own journal tells how long it took; five attempts, each a session of its own."""
    took: list[float] = []

    def drill() -> None:
        run("m4", 10, tmp_path / "runs", running)
        newest = max((tmp_path / "runs").rglob("m4g_runtime_drill_snapshot.json"))
        took.append(json.loads(newest.read_bytes())["journal"][-1]["at_ms"] / 1_000)

    benchmark.pedantic(drill, rounds=5, warmup_rounds=1)
    seconds = statistics.median(took[1:])
    benchmark.extra_info["drill_ms"] = round(seconds * 1_000, 1)
    print(f"\nthe drill: {seconds * 1_000:.0f} ms")
    assert seconds <= DRILL_SECONDS
