"""The code that judges a project's gates as its files stand, found without running any of them."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Final

from phasegate.catalog.marked import marked_in
from phasegate.catalog.model import Catalogue, Gate
from phasegate.evidence.canonical import digest_of
from phasegate.project import gate_folders, sources
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
        """What judges every gate: the configured code, and schemas and helpers that lie in no folder of a gate.

        A helper is a Python file that is no test by its name and marks no verifier.
        """
        found = [*self._settings.schemas, *self._helpers]
        return [*self._settings.code, *(path for path in found if self.owner(path) is None)]

    def owner(self, path: Path) -> str | None:
        """The gate in whose own folder a file or folder lies; None where it lies in none."""
        return next((gate_id for gate_id, folder in self._folders.items() if path.is_relative_to(folder)), None)

    @property
    def rules(self) -> dict[str, str]:
        """The digest of each gate's rules, under the name that it has in evidence.

        Severities, roll-ups and required handles make a verdict; titles, purposes, meanings and remedies are prose.
        What a gate owes is compared with what it showed.
        """
        return {rules_of(gate.id): _digest_of(gate) for gate in self._catalogue.gates.values()}

    def own(self, gate_id: str) -> list[Path]:
        """What judges a gate alone: the modules whose marks name a verifier of it, and what its folder holds."""
        held = [path for path in (*self._settings.schemas, *self._helpers) if self.owner(path) == gate_id]
        return [*held, *(path for path, gates in self._files.items() if gate_id in gates)]

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return gate_folders(self._catalogue, self._settings)

    @cached_property
    def _helpers(self) -> list[Path]:
        return [
            path
            for path, gates in self._files.items()
            if not gates and not any(fnmatch(path.name, pattern) for pattern in _TESTS)
        ]

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
    blockers = {blocker.code: [blocker.severity.value, blocker.rolls_up_to] for blocker in gate.blockers}
    return digest_of({"blockers": blockers, "handles": {family: [*names] for family, names in gate.handles.items()}})
