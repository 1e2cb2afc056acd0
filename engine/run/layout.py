"""Where a run keeps what: one folder a run, paths by dataset id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.contracts import datasets
from engine.identity import WorldKey

RECEIPT = "run_receipt.json"
SEALED = "data/layer3/6A/sealed_inputs/manifest_fingerprint={manifest_fingerprint}/sealed_inputs_6A.json"
GATE = "data/layer3/6A/s0_gate_receipt/manifest_fingerprint={manifest_fingerprint}/s0_gate_receipt_6A.json"
_RUN = "seed={seed}/parameter_hash={parameter_hash}/run_id={run_id}"
AUDIT = f"logs/layer3/6A/rng/audit/{_RUN}/rng_audit_log.jsonl"
TRACE = f"logs/layer3/6A/rng/trace/{_RUN}/rng_trace_log.jsonl"
EVENTS = f"logs/layer3/6A/rng/events/{{label}}/{_RUN}/part-00000.jsonl"
PERF = (
    "reports/layer3/6A/perf/seed={seed}/parameter_hash={parameter_hash}"
    "/manifest_fingerprint={manifest_fingerprint}/run_id={run_id}"
)
STATE = f"reports/layer3/6A/states/{_RUN}/{{state}}_state_receipt_6A.json"


@dataclass(frozen=True, slots=True)
class RunLayout:
    """Paths of one run.

    Attributes:
        runs_root: Folder of all runs.
        world: Identity of the world, and the run.
    """

    runs_root: Path
    world: WorldKey

    @property
    def root(self) -> Path:
        """The run's folder."""
        return self.runs_root / self.world.run_id

    def path(self, template: str, **more: str) -> Path:
        """A template below the run's folder, its tokens filled in."""
        world = self.world
        return self.root / template.format(
            seed=world.seed,
            manifest_fingerprint=world.manifest_fingerprint,
            parameter_hash=world.parameter_hash,
            run_id=world.run_id,
            **more,
        )

    def table(self, dataset: str) -> Path:
        """File of a dataset."""
        return self.path(datasets()[dataset].path)

    def tables(self, *states: str) -> dict[str, Path]:
        """Files of the datasets of some states, of all states where none is named."""
        return {name: self.table(name) for name, item in datasets().items() if not states or item.state in states}
