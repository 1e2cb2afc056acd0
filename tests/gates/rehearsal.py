"""A gate rehearsed: its verifiers called in this process, on evidence and surfaces of which one thing is broken.

A rehearsal takes what a phase left that passed, in files of its own, and fixtures that are made as pytest makes them,
by name. It opens an attempt as a session does; what the verifiers write is held against contract and schemas, scanned
and published, to a store in memory. So one cause costs milliseconds, and everything but pytest is the real thing.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fixtures import session
from fixtures.drill import EARLIER_KEY
from infra.handles import load
from phasegate.api import GateRun
from phasegate.attempts import Staging, UpstreamEvidence
from phasegate.attempts.opening import archive_of
from phasegate.attempts.present import Present
from phasegate.catalog.model import Gate, Verifier
from phasegate.errors import Problem
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.custody import StoreError
from phasegate.evidence.stated import StatedSummary
from phasegate.evidence.store import PublishError, PublishFailure, Receipt
from phasegate.harness.own_tests import own_tests
from phasegate.harness.plugin import SETTINGS_KEY
from phasegate.project import gate_folders, load_catalogue
from phasegate.scope import Scope
from phasegate.settings import require_settings
from tests.phasegate.attempts.services import GivenServices
from verifiers.m4.h_readiness.checks import TARGETS

if TYPE_CHECKING:
    from tests.gates.conftest import Platform

SETTINGS = require_settings(Path(__file__))
CATALOGUE = load_catalogue(SETTINGS)
HOMES = gate_folders(CATALOGUE, SETTINGS)
CONTROL = "evidence/dev_full/run_control"
_BEGIN, _NUMBERS = datetime(2026, 3, 1, tzinfo=UTC), itertools.count()
"""Every rehearsal has a second of its own, because surfaces remember the attempts that probed them."""

OPERATE = "evidence/runs/platform_20260223T184232Z/operate"


@dataclass
class MemoryStore:
    """A durable store whose objects lie in a dictionary by key."""

    objects: dict[str, bytes]
    prefix: str
    refuses: bool = False

    def uri(self, execution_id: str, name: str = "") -> str:
        return "s3://memory/" + "/".join(part for part in (self.prefix, execution_id, name) if part)

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        place = self.uri(execution_id, name)
        if self.refuses:
            raise PublishError(PublishFailure.DENIED, Problem("DENIED: for the test", place, "none"))
        self.objects[place] = data
        return Receipt(name, place, "1", sha256(data), len(data))

    def supersede(self, execution_id: str, name: str, data: bytes, earlier: Callable[[bytes], bool]) -> Receipt:
        del earlier
        return self.publish(execution_id, name, data)

    def read(self, execution_id: str, name: str) -> bytes:
        place = self.uri(execution_id, name)
        if place not in self.objects:
            raise StoreError(PublishFailure.REFUSED, Problem("it does not exist", place, "none"))
        return self.objects[place]


class _Platform(session.Platform):
    """The session's platform, its evidence in memory."""

    objects: dict[str, bytes]

    def store(self, prefix: str | None = None) -> Any:
        named = isinstance(self.registry.value("S3_EVIDENCE_BUCKET"), str)
        return MemoryStore(self.objects, CONTROL if prefix is None else prefix) if named else None


@dataclass
class Rehearsal:
    """One gate, and what is broken before its verifiers run.

    Attributes:
        gate: The gate.
        passed: A world in which the phase has passed.
        path: A folder of its own.
        changes: What becomes of fixtures once they are made, by name.
        given: Fixtures that are not made but given, by name.
        secrets: Values that the scanner knows as secrets.
        durable: The objects of the evidence bucket, by URI.
        refuses: Whether the control prefix refuses what is published.
        made: The fixtures of the run, by name.
    """

    gate: Gate
    passed: Platform
    path: Path
    changes: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    durable: dict[str, bytes] = field(default_factory=dict)
    refuses: bool = False
    made: dict[str, Any] = field(default_factory=dict)
    _upstream: dict[str, UpstreamEvidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(self.passed.runs, self.path / "upstream")
        self._registry = self.path / "registry.md"
        self._registry.write_text(self.passed.world.registry_path.read_text(encoding="utf-8"), encoding="utf-8")
        for gate in ("M3.F", "M3.J", *(gate for gate in CATALOGUE.gates if gate != self.gate.id)):
            self._upstream[gate] = self._evidence(gate)
            self._keep_durable(self._upstream[gate])

    def edit(self, **handles: str | None) -> None:
        """Gives handles other values, as the registry writes them; None leaves the name only."""
        text = self._registry.read_text(encoding="utf-8")
        for name, value in handles.items():
            line = f"* `{name}`" if value is None else f"* `{name} = {value}`"
            text, count = re.subn(rf"^\* `{name}(?: = [^`]*)?`", lambda _, line=line: line, text, flags=re.MULTILINE)
            assert count, f"{name} is not in the registry"
        self._registry.write_text(text, encoding="utf-8")

    def forget(self, handle: str) -> None:
        """Takes a handle's line out of the registry."""
        text = self._registry.read_text(encoding="utf-8")
        text, count = re.subn(rf"^\* `{handle}\b.*\n", "", text, flags=re.MULTILINE)
        assert count, f"{handle} is not in the registry"
        self._registry.write_text(text, encoding="utf-8")

    def handle(self, name: str) -> Any:
        """The value of a handle."""
        return load(self._registry).value(name)

    def wrap(self, name: str, change: Callable[[Any], Any]) -> None:
        """Changes a fixture's value once it is made."""
        self.changes[name] = change

    def rewrite(self, gate: str, file: str, change: Callable[[Any], None]) -> None:
        """Changes an upstream artifact or summary, as whoever made it wrongly would have left it."""
        evidence = self._upstream[gate]
        assert evidence.path is not None
        path = evidence.path / file
        content = json.loads(path.read_bytes())
        change(content)
        path.chmod(0o644)
        path.write_bytes(canonical(content))
        summary = json.loads((evidence.path / evidence.summary_name).read_bytes())
        for row in summary["artifacts"]:
            if row["file"] == file:
                row["sha256"] = sha256(path.read_bytes())
        (evidence.path / evidence.summary_name).chmod(0o644)
        (evidence.path / evidence.summary_name).write_bytes(canonical(summary))
        self._upstream[gate] = self._evidence(gate)
        self._keep_durable(self._upstream[gate])

    def hold(self, gate: str, *codes: str) -> None:
        """Makes an upstream gate one that was blocked by these codes."""

        def held(summary: Any) -> None:
            summary.update(blockers=list(codes), blocker_count=len(codes), overall_pass=False, verdict="HOLD_REMEDIATE")
            summary["blocker_details"] = [{"code": code, "detail": "for the test"} for code in codes]

        self.rewrite(gate, self._upstream[gate].summary_name, held)
        self._upstream[gate] = self._evidence(gate, green=False)

    def outdate(self, gate: str) -> None:
        """Makes an upstream gate one that passed, and rests on what is not so any more."""
        self._upstream[gate] = self._evidence(gate, green=False)

    def lose(self, gate: str) -> None:
        """Takes an upstream gate's evidence away."""
        name = self._upstream[gate].summary_name
        why = f"{gate} has no complete, valid attempt"
        self._upstream[gate] = UpstreamEvidence(gate, None, name, StatedSummary(), None, False, True, why, None)

    def run(self) -> dict[str, list[str]]:
        """Calls the verifiers in their order.

        Returns:
            The codes of each verifier, and under the gate's id those that the commit alone would raise.
        """
        now = _BEGIN + timedelta(seconds=next(_NUMBERS))
        services = GivenServices(lambda: now, MemoryStore(self.durable, CONTROL, self.refuses))
        for secret in self.secrets:
            services.scanner.register(secret, "a secret of the test")
        staging = Staging(
            archive_of(replace(SETTINGS, runs_root=self.path / "runs"), CATALOGUE, clock=services.now),
            services,
            session_id="rehearsal",
            present=Present(lambda: {"platform": "dev_full", "substrate": "embedded"}),
        )
        attempt = staging.open(self.gate)
        gate: Any = GateRun(attempt, staging)
        gate.rollup = self.changes.get("rollup", lambda right: right)(gate.rollup)
        staging.evidence_for = lambda _, name, **__: self._upstream[name]  # type: ignore[method-assign]
        platform = _Platform(self.passed.clients, load(self._registry))
        platform.objects = self.durable
        made: dict[str, Any] = {"gate": gate, "platform": platform, "gate_artifacts": (), **self.given}
        made["pytestconfig"] = SimpleNamespace(
            stash={
                SETTINGS_KEY: replace(SETTINGS, runs_root=self.path / "runs"),
                session._SCRATCH_KEY: self.path,
                EARLIER_KEY: [],
            },
        )
        codes: dict[str, list[str]] = {}
        for verifier, function in _verifiers(self.gate):
            with Scope(self.gate, verifier) as scope:
                function(**{name: self._fixture(name, made) for name in inspect.signature(function).parameters})
            codes[verifier.id] = list(dict.fromkeys(code for code, _ in scope.findings))
        codes[self.gate.id] = sorted({finding.code for finding in attempt.seal()})
        attempt.journal.close()
        self.made = made
        return codes

    def codes(self) -> set[str]:
        """Every code that the gate raises."""
        return {code for raised in self.run().values() for code in raised}

    def _fixture(self, name: str, made: dict[str, Any]) -> Any:
        """A fixture's value, made of other fixtures' values as pytest would; each once."""
        if name not in made:
            parameters = inspect.signature(fixtures_of(self.gate.id)[name]).parameters
            value = fixtures_of(self.gate.id)[name](**{other: self._fixture(other, made) for other in parameters})
            made[name] = self.changes.get(name, lambda right: right)(value)
        return made[name]

    def _evidence(self, gate: str, *, green: bool = True) -> UpstreamEvidence:
        prefix = gate.replace(".", "").lower()
        folder = max((self.path / "upstream/dev_full").glob(f"m?/{prefix}_*"))
        name = "m3_execution_summary.json" if gate == "M3.J" else f"{prefix}_execution_summary.json"
        raw = (folder / name).read_bytes()
        why = "" if green else f"{gate} attempt {folder.name} does not count"
        return UpstreamEvidence(
            gate, folder.name, name, StatedSummary.of(json.loads(raw)), sha256(raw), green, False, why, folder
        )

    def _keep_durable(self, evidence: UpstreamEvidence) -> None:
        if evidence.path is not None:
            for file in evidence.path.glob("*.json"):
                self.durable[f"s3://memory/{CONTROL}/{evidence.execution_id}/{file.name}"] = file.read_bytes()
                if file.name in TARGETS:
                    self.durable[f"s3://memory/{OPERATE}/{file.name}"] = file.read_bytes()


def _verifiers(gate: Gate) -> Iterator[tuple[Verifier, Callable[..., None]]]:
    """The verifiers of a gate with their test functions, in their order."""
    module = importlib.import_module(_module(HOMES[gate.id] / "test_gate.py"))
    functions = [*filter(inspect.isfunction, vars(module).values()), *own_tests(gate)]
    marked = [(mark, function) for function in functions for mark in getattr(function, "pytestmark", [])]
    found = {mark.args[0]: function for mark, function in marked if mark.name == "verifier"}
    return ((verifier, found[verifier.id]) for verifier in gate.verifiers)


@cache
def fixtures_of(gate_id: str) -> Mapping[str, Callable[..., Any]]:
    """The fixtures that a gate's verifiers may ask for, by name: those that all share, and its own."""
    found: dict[str, Callable[..., Any]] = {}
    for file in (*(SETTINGS.root / "fixtures").glob("*.py"), *HOMES[gate_id].glob("conftest.py")):
        for name, value in vars(importlib.import_module(_module(file))).items():
            if type(value).__name__ == "FixtureFunctionDefinition":
                found[name] = inspect.unwrap(value)
    return found


def _module(file: Path) -> str:
    return ".".join(file.relative_to(SETTINGS.root).with_suffix("").parts)
