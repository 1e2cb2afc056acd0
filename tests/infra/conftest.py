"""One embedded substrate for the tests of the AWS side that need no process of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from infra.emulator.process import SubstrateProcess, ensure_running


@pytest.fixture(scope="session")
def shared_substrate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SubstrateProcess]:
    """A running substrate; take an account of your own from `worlds.fresh_account()`."""
    process = ensure_running(tmp_path_factory.mktemp("shared-substrate"), owner_pid=os.getpid())
    yield process
    process.stop()
