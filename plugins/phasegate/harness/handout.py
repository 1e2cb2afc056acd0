"""What the workers of a session have selected, as they tell the controller, which collects nothing itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from phasegate.attempts.layout import explained, replace_file
from phasegate.catalog.model import Catalogue
from phasegate.harness.selection import Plan

_NAME = "handout.json"


@dataclass(frozen=True, slots=True)
class Handout:
    """Which tests belong together; every worker of a session writes the same.

    Attributes:
        chains: The chain of each verifier's test, by node id.
        gates: The gate of each verifier's test, by node id.
    """

    chains: dict[str, str] = field(default_factory=dict)
    gates: dict[str, str] = field(default_factory=dict)

    @property
    def gate_ids(self) -> frozenset[str]:
        """The gates of which a test is selected."""
        return frozenset(self.gates.values())

    @classmethod
    def of(cls, plan: Plan, catalogue: Catalogue) -> Handout:
        """What a plan hands out."""
        gates = {test.nodeid: gate_id for gate_id, tests in plan.expected.items() for test in tests}
        chains = catalogue.chains(frozenset(gates.values()))
        return cls({nodeid: chains[gate_id] for nodeid, gate_id in gates.items()}, gates)

    @classmethod
    def read(cls, folder: Path) -> Handout:
        """What a worker has written; empty where none has."""
        path = folder / _NAME
        return cls(**json.loads(path.read_bytes())) if path.is_file() else cls()

    def write(self, folder: Path) -> None:
        """Writes it down.

        Raises:
            EvidenceError: It cannot be written.
        """
        with explained("write down what is selected", folder):
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / _NAME, json.dumps(asdict(self)).encode("utf-8"))
