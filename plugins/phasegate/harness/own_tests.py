"""The tests that the framework has of its own: a verifier whose `kind` the catalogue declares needs none written.

They stand in the module `test_gate.py` that is marked as a gate's, beside the tests of its other verifiers, and are
collected, selected, ordered and judged like those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, MappingProxyType, ModuleType
from typing import Final, cast

import pytest

from phasegate.catalog.model import Catalogue, Gate, Verifier
from phasegate.evidence.artifact import Artifact
from phasegate.gate import GateRun
from phasegate.harness.marks import GATE
from phasegate.harness.stash import CATALOGUE_KEY

MODULE: Final = "test_gate.py"


class OwnTests:
    """Gives each gate's module the tests of its verifiers that the framework knows how to test."""

    @pytest.hookimpl
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Collects `test_gate.py` with the framework's tests in it; every other module is left to pytest."""
        if module_path.name != MODULE:
            return None
        module: pytest.Module = _GateModule.from_parent(parent, path=module_path)
        return module

    @pytest.fixture
    def gate_artifacts(self) -> Iterable[Artifact]:
        """What a gate's pack holds beside what its verifiers wrote: none, unless its conftest says otherwise."""
        return ()


class _GateModule(pytest.Module):
    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        namespace: ModuleType = self.obj
        mark = self.get_closest_marker(GATE)
        catalogue: Catalogue | None = self.config.stash.get(CATALOGUE_KEY, None)
        gate = catalogue.gates.get(mark.args[0]) if catalogue is not None and mark is not None and mark.args else None
        for function in own_tests(gate) if gate is not None else ():
            function.__module__ = namespace.__name__
            # A name that the module has is the module's; then the verifier has no test, which is an error.
            vars(namespace).setdefault(function.__name__, function)
        return super().collect()


def own_tests(gate: Gate) -> Iterator[FunctionType]:
    """The framework's tests of a gate, marked with their verifiers."""
    for verifier in gate.verifiers:
        make = _TESTS.get(verifier.kind)
        if make is not None:
            name, function = make(verifier)
            function.__name__ = function.__qualname__ = name
            yield pytest.mark.verifier(verifier.id)(function)


def _entry(verifier: Verifier) -> tuple[str, FunctionType]:
    def test(gate: GateRun) -> None:
        gate.require_entry(*verifier.over)

    over = "_and_".join(name.replace(".", "").lower() for name in verifier.over) or "upstream"
    return f"test_{over}_is_green", cast("FunctionType", test)


def _contract(_: Verifier) -> tuple[str, FunctionType]:
    def test(gate: GateRun) -> None:
        gate.check()

    return "test_the_artifacts_hold_what_they_must_and_no_secret", cast("FunctionType", test)


def _publish(_: Verifier) -> tuple[str, FunctionType]:
    def test(gate: GateRun, gate_artifacts: Iterable[Artifact]) -> None:
        for artifact in gate_artifacts:
            gate.artifact(artifact)
        gate.publish()

    return "test_the_pack_is_published", cast("FunctionType", test)


_TESTS: Final[Mapping[str, Callable[[Verifier], tuple[str, FunctionType]]]] = MappingProxyType(
    {"entry": _entry, "contract": _contract, "publish": _publish}
)
