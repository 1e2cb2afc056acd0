"""One substrate for the whole test session, shared by the xdist workers, and a world of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess, ensure_running


@pytest.fixture(scope="session")
def substrate(tmp_path_factory: pytest.TempPathFactory) -> SubstrateProcess:
    """A substrate that ends with the session; every worker of one run joins the same one."""
    base = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    shared: Path = base.parent if is_worker else base
    owner = os.getppid() if is_worker else os.getpid()
    return ensure_running(shared / "substrate", owner_pid=owner)


@pytest.fixture
def account(substrate: SubstrateProcess) -> str:
    """An account that nobody used before."""
    return substrate.worlds.fresh_account()


@pytest.fixture
def clients(substrate: SubstrateProcess, account: str) -> Iterator[Clients]:
    """Clients of a world of this test's own."""
    made = substrate.clients(account)
    yield made
    substrate.faults.clear_world(account)
    made.close()
