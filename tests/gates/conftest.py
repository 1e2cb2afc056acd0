"""One substrate for all gate tests, a world of its own for each, and pytest as a process against it."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess, ensure_running
from infra.emulator.world import World, open_fresh_world
from tests.gates.rehearsal import CATALOGUE, Rehearsal
from tests.phasegate.forked import forks

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "infra/handles/dev_full_handles.registry.v0.md"


@dataclass
class Run:
    """One finished session of gates."""

    code: int
    output: str
    root: Path

    def summary(self, gate: str) -> dict[str, Any]:
        """The newest committed execution summary of a gate."""
        prefix = gate.replace(".", "").lower()
        found = sorted(self.root.glob(f"dev_full/m4/{prefix}_*/{prefix}_execution_summary.json"))
        assert found, f"{gate} left no summary:\n{self.output}"
        return json.loads(found[-1].read_bytes())

    def artifact(self, gate: str, name: str) -> dict[str, Any]:
        """An artifact of the newest committed attempt of a gate."""
        prefix = gate.replace(".", "").lower()
        return json.loads(max(self.root.glob(f"dev_full/m4/{prefix}_*/{name}")).read_bytes())

    def summary_ids(self, gate: str) -> list[str]:
        """The committed attempts of a gate, the oldest first."""
        prefix = gate.replace(".", "").lower()
        return sorted(path.name for path in self.root.glob(f"dev_full/m4/{prefix}_*"))

    def blockers(self, gate: str) -> list[str]:
        """The codes that a gate raised."""
        return list(self.summary(gate)["blockers"])

    def details(self, gate: str, code: str) -> str:
        """What was seen of a blocker."""
        return "\n".join(row["detail"] for row in self.summary(gate)["blocker_details"] if row["code"] == code)


@dataclass
class Platform:
    """A world of its own, with ways to break it, and to run gates against it."""

    substrate: SubstrateProcess
    world: World
    path: Path
    registry: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def clients(self) -> Clients:
        """Clients of the world."""
        return self.world.clients

    @property
    def runs(self) -> Path:
        """The runs root of this test."""
        return self.path / "runs"

    def edit_registry(self, edit: Mapping[str, str | None]) -> None:
        """Gives handles other values, as the registry writes them; None leaves the name only."""
        source = self.registry or self.world.registry_path
        text = source.read_text(encoding="utf-8")
        for name, value in edit.items():
            line = f"* `{name}`" if value is None else f"* `{name} = {value}`"
            text, count = re.subn(rf"^\* `{name}(?: = [^`]*)?`", lambda _, line=line: line, text, flags=re.MULTILINE)
            assert count, f"{name} is not in the registry"
        self.use_registry(text)

    def use_registry(self, text: str) -> None:
        """Makes the gates read a registry of this text."""
        self.registry = self.path / "registry.md"
        self.registry.write_text(text, encoding="utf-8")

    def run(self, gates: str, *options: str) -> Run:
        """Runs gates as a user does: pytest, as a process."""
        command, environment = self._command(gates, *options), self._environment()
        if forks().takes(environment):
            return Run(*forks().run(command, ROOT, environment), self.runs)
        with self.start(gates, *options) as process:
            output, _ = process.communicate(timeout=120)
        return Run(process.returncode, output, self.runs)

    def start(self, gates: str, *options: str) -> subprocess.Popen[str]:
        """Starts such a session in a process of its own, and does not wait for it."""
        command = [sys.executable, "-m", "pytest", *self._command(gates, *options)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=ROOT, env=self._environment(), stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def _command(self, gates: str, *options: str) -> list[str]:
        command = [
            *("-p", "no:cacheprovider", "-m", gates),
            # With a space instead of "=", pytest would take the paths for tests and look for its root there.
            f"--world={self.world.account_id}",
            f"--substrate-state={self.substrate.state_dir}",
            f"--runs-root={self.runs}",
            *options,
        ]
        if self.registry is not None:
            command.append(f"--registry={self.registry}")
        return command

    def _environment(self) -> dict[str, str]:
        environment = os.environ | self.environment
        return {name: value for name, value in environment.items() if not name.startswith("PYTEST_XDIST")}

    def phasegate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Calls the command line."""
        command = [str(Path(sys.executable).with_name("phasegate")), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)  # noqa: PLW1510


@pytest.fixture(scope="session")
def substrate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SubstrateProcess]:
    """One embedded substrate for this test process."""
    process = ensure_running(tmp_path_factory.mktemp("substrate"), owner_pid=os.getpid())
    yield process
    process.stop()


@pytest.fixture
def platform(substrate: SubstrateProcess, tmp_path: Path) -> Platform:
    """A fresh world with all five stacks, and a registry pinned to it."""
    world = open_fresh_world(substrate, REGISTRY, tmp_path / "world")
    return Platform(substrate, world, tmp_path)


@pytest.fixture(scope="session")
def passed(substrate: SubstrateProcess, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A world in which the whole phase has passed once; whoever breaks its evidence breaks a copy."""
    path = tmp_path_factory.mktemp("passed")
    platform = Platform(substrate, open_fresh_world(substrate, REGISTRY, path / "world"), path)
    run = platform.run("m4")
    assert run.code == 0, run.output
    return platform


@pytest.fixture(scope="session")
def drill(passed: Platform, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A drill of the ingress, run once; whoever changes what it saw works on a copy."""
    rehearsal = Rehearsal(CATALOGUE.gates["M4.G"], passed, tmp_path_factory.mktemp("drill"))
    assert rehearsal.codes() == set()
    return rehearsal.made["ingress_drill"]


@pytest.fixture
def rehearse(passed: Platform, drill: Any, tmp_path: Path) -> Callable[[str], Rehearsal]:
    """Makes the rehearsal of a gate, given by its id."""

    def make(gate: str) -> Rehearsal:
        rehearsal = Rehearsal(CATALOGUE.gates[gate], passed, tmp_path)
        rehearsal.given["ingress_drill"] = copy.deepcopy(drill)
        return rehearsal

    return make
