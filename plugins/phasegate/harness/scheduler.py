"""How tests are handed to xdist's workers: a chain of gates goes to one worker, in order; the rest spreads.

xdist's own `loadgroup` mode tells groups by a suffix on node ids, which pytest 9.1 and later do not let it add.
Here the workers, which alone collect, write down which chain each verifier belongs to, and the controller reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from phasegate.attempts.layout import replace_file

NAME = "chains.json"


def write_chains(folder: Path, chains: Mapping[str, str]) -> None:
    """Writes down the chain of each verifier's test, by node id; every worker of a session writes the same."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / NAME, json.dumps(dict(chains)).encode("utf-8"))


class ChainScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist's types are not read
    """xdist's group scheduling, with the chains of gates as groups.

    Args:
        config: The controller's configuration.
        log: xdist's log.
        folder: Where the workers write the chains down.
    """

    def __init__(self, config: pytest.Config, log: Any, folder: Path) -> None:
        super().__init__(config, log)
        self._folder = folder

    @cached_property
    def _chains(self) -> dict[str, str]:
        path = self._folder / NAME
        chains: dict[str, str] = json.loads(path.read_bytes()) if path.is_file() else {}
        return chains

    def _split_scope(self, nodeid: str) -> str:
        """The unit of work that a test belongs to."""
        chain = self._chains.get(nodeid)
        return f"chain-{chain}" if chain is not None else str(super()._split_scope(nodeid))
