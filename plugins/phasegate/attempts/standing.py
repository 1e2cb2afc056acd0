"""The code that judges a project's gates as its files stand, found without running any of them."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Final

from phasegate.catalog.marked import marked_in
from phasegate.catalog.model import Catalogue, Gate
from phasegate.evidence.canonical import digest_of
from phasegate.project import sources
from phasegate.settings import Settings

_TESTS: Final = ("test_*.py", "*_test.py", "conftest.py")
"""The names of pytest's own files that hold no helpers; conftest files judge what lies beside and below them."""


class Standing:
    """Which files of a project judge which gate, and by which rules of the catalogue.

    Args:
        settings: The project's settings.
        catalogue: Its gates.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    @property
    def shared(self) -> list[Path]:
        """What judges every gate: the configured code, the schemas, and the helpers in the verifiers' folders.

        A helper is a Python file that is no test by its name and marks no verifier.
        """
        helpers = [
            path
            for path, gates in self._files.items()
            if not gates and not any(fnmatch(path.name, pattern) for pattern in _TESTS)
        ]
        return [*self._settings.code, self._settings.schemas, *helpers]

    @property
    def rules(self) -> dict[str, str]:
        """The digest of each gate's rules, under the name that it has in evidence.

        Severities and roll-ups make a verdict; titles, purposes, meanings and remedies are prose. What a gate owes
        is compared with what it showed.
        """
        return {rules_of(gate.id): _digest_of(gate) for gate in self._catalogue.gates.values()}

    def modules(self, gate_id: str) -> list[Path]:
        """The modules whose marks name a verifier of a gate."""
        return [path for path, gates in self._files.items() if gate_id in gates]

    @cached_property
    def _files(self) -> dict[Path, frozenset[str]]:
        return {path: self._gates_of(path) for path in sorted(sources(self._settings.verifiers))}

    def _gates_of(self, path: Path) -> frozenset[str]:
        try:
            marked = marked_in(path.read_bytes())
        except (OSError, ValueError):  # who collects it says so
            return frozenset()
        owners = self._catalogue.gate_of_verifier
        return frozenset(owners[each.verifier].id for each in marked if each.verifier in owners)


def rules_of(gate_id: str) -> str:
    """The name that a gate's rules have among the code that judged it."""
    return f"catalogue:{gate_id}"


def _digest_of(gate: Gate) -> str:
    return digest_of({blocker.code: [blocker.severity.value, blocker.rolls_up_to] for blocker in gate.blockers})
