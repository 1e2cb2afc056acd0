"""Worlds with their five stacks, built once or anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess
from infra.stacks import StackResult, ensure_all, handles_of


@dataclass(frozen=True)
class Built:
    """A world that tests look at and leave as it is."""

    clients: Clients
    results: list[StackResult]

    @property
    def handles(self) -> dict[str, Any]:
        """What the stacks gave to handles."""
        return handles_of(self.results)

    @property
    def outputs(self) -> dict[str, Any]:
        """All outputs, of all stacks."""
        return {name: value for result in self.results for name, value in result.outputs.items()}


@pytest.fixture(scope="session")
def built(shared_substrate: SubstrateProcess) -> Iterator[Built]:
    """The account whose names are exactly those of the platform."""
    clients = shared_substrate.clients("000000000000")
    yield Built(clients, ensure_all(clients))
    clients.close()


@pytest.fixture
def fresh(shared_substrate: SubstrateProcess) -> Iterator[Clients]:
    """An account that nobody used before."""
    clients = shared_substrate.clients(shared_substrate.worlds.fresh_account())
    yield clients
    clients.close()
