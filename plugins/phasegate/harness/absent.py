"""Gates that the catalogue has and of which no test was collected: each verifier gets an item that cannot pass.

Such an item carries the marks that its test would have, so that `-m` and `-k` select it or not as they would select
the test. Selected, it makes an attempt of its gate that says what was not evaluated, instead of none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from phasegate.catalog.model import Catalogue, Gate, Verifier
from phasegate.harness.belonging import lies_in, resolved
from phasegate.harness.marks import TEST_KEY, VerifierTest, add_derived_marks
from phasegate.settings import Settings


class Absent(pytest.Item):
    """A verifier of which no test was collected."""

    def __init__(self, *, gate: Gate, verifier: Verifier, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._reason = reason
        add_derived_marks(self, VerifierTest(gate, verifier, self.nodeid, parametrised=False))

    def runtest(self) -> None:
        """Says that nothing is evaluated."""
        pytest.skip(self._reason)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it would stand."""
        return self.path, None, self.name


class _Reach:
    """Which part of the verifiers' folders a session collects from."""

    def __init__(self, config: pytest.Config, folders: Sequence[Path]) -> None:
        here = config.invocation_params.dir
        starts = [resolved(here / argument.split("::")[0]) for argument in config.args]
        self._whole = all(lies_in(folder, starts) for folder in folders)
        self._parts = [start for start in starts if lies_in(start, folders)]
        self._parts += [folder for folder in map(resolved, folders) if lies_in(folder, starts)]

    def holds(self, gate: Gate) -> bool:
        """Whether a gate's tests lie in it, as far as anyone can tell without importing them."""
        return self._whole or any(_names(text, gate) for text in self._texts)

    @cached_property
    def _texts(self) -> list[bytes]:
        return list(_texts(self._parts))


def absent_gates(
    config: pytest.Config,
    collected: Sequence[pytest.Item],
    catalogue: Catalogue,
    settings: Settings,
    skipped: Mapping[str, str],
    *,
    narrowed: bool,
) -> list[tuple[Gate, str]]:
    """The gates that this session should have collected and has no test of, and why.

    Args:
        config: pytest's configuration.
        collected: All collected items, their marks resolved.
        catalogue: The catalogue.
        settings: The project's settings.
        skipped: Why modules were skipped or could not be collected, by node id.
        narrowed: Whether the collection was narrowed on purpose; what is not there is then no sign of anything,
            unless a skipped module names the gate.
    """
    present = {item.stash[TEST_KEY].gate.id for item in collected if TEST_KEY in item.stash}
    missing = [gate for gate in catalogue.gates.values() if gate.id not in present and not gate.planned]
    if not missing:
        return []
    left_out = [
        (list(_texts([path])), f"{nodeid} is left out while it is collected: {reason}")
        for nodeid, reason in skipped.items()
        if lies_in(path := config.rootpath / nodeid.split("::")[0], settings.verifiers)
    ]
    reach = _Reach(config, settings.verifiers)
    found = []
    for gate in missing:
        said = next((reason for texts, reason in left_out if any(_names(text, gate) for text in texts)), None)
        if said is not None or (not narrowed and reach.holds(gate)):
            found.append((gate, said or "no test of it was collected"))
    return found


def _names(text: bytes, gate: Gate) -> bool:
    return any(name.encode() in text for name in (gate.id, *(f"{verifier.id}" for verifier in gate.verifiers)))


def _texts(places: Sequence[Path]) -> Iterator[bytes]:
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if path.is_file():
                yield path.read_bytes()
