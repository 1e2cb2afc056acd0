"""How tests are handed to xdist's workers: a chain of gates goes to one worker, in order; the rest spreads.

xdist's own `loadgroup` mode tells groups by a suffix on node ids, which pytest 9.1 and later do not let it add.
Here the workers, which alone collect, write down which chain each verifier belongs to, and the controller reads it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from phasegate.harness.handout import Handout


class ChainScheduling(LoadGroupScheduling):  # type: ignore[misc] # xdist's types are not read
    """xdist's group scheduling, with the chains of gates as groups.

    Args:
        config: The controller's configuration.
        log: xdist's log.
        folder: Where the workers write down what they hand out.
    """

    def __init__(self, config: pytest.Config, log: Any, folder: Path) -> None:
        super().__init__(config, log)
        self._folder = folder

    @cached_property
    def _handout(self) -> Handout:
        return Handout.read(self._folder)

    def remove_node(self, node: Any) -> str | None:
        """Takes back what a worker has left, when it ended or vanished.

        The test that ended it is not run again, nor is what is left of that test's gate: its attempt is lost, and a
        second one in this session would do everything, drills included, twice. A unit of which nothing is left is not
        handed out: the next worker would wait for ever for its first test.

        Returns:
            The test that the worker was at; None where it had none left.
        """
        workload = self.assigned_work.pop(node)
        left: list[str] = [nodeid for unit in workload.values() for nodeid, done in unit.items() if not done]
        if not left:
            return None
        gates = self._handout.gates
        lost = gates.get(left[0])
        for scope, unit in workload.items():
            rest = {nodeid: done for nodeid, done in unit.items() if not done and nodeid != left[0]}
            rest = {nodeid: done for nodeid, done in rest.items() if lost is None or gates.get(nodeid) != lost}
            if rest:
                self.workqueue[scope] = rest
        for other in self.assigned_work:
            self._reschedule(other)
        return left[0]

    def _split_scope(self, nodeid: str) -> str:
        """The unit of work that a test belongs to."""
        chain = self._handout.chains.get(nodeid)
        return f"chain-{chain}" if chain is not None else str(super()._split_scope(nodeid))
