"""What every state after S0 has at hand, held against the seals."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import Packs
from engine.contracts import Vocabularies, vocabularies
from engine.run import seal
from engine.run.layout import RunLayout
from engine.run.receipt import RunReceipt
from engine.upstream import Demand, read_demand


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every state after S0 has at hand, held against the seals.

    Attributes:
        layout: Paths.
        scale: Scale of the upstream world.
        packs: Priors, taxonomies and policies.
        words: Vocabularies.
        demand: The upstream world.
        sealed: The gate.
        workers: 1 writes in the thread that computes; 2 gives every table a thread.
    """

    layout: RunLayout
    scale: float
    packs: Packs
    words: Vocabularies
    demand: Demand
    sealed: seal.Sealed
    workers: int


def open_context(layout: RunLayout, run: RunReceipt, packs: Packs, state: str, *, workers: int) -> RunContext:
    """Read the gate and the sealed inputs.

    Raises:
        EngineError: SEALED_INPUTS_* and S0_GATE_FAILED of the state; as ``read_demand``.
    """
    sealed = seal.read_sealed(layout, state)
    egress = seal.refuse_unsealed(layout, state, sealed, packs)
    demand = read_demand(egress["outlet_catalogue"], egress["merchant_zone_profile_5A"], state=state)
    return RunContext(layout, run.scale, packs, vocabularies(packs, demand.outlets), demand, sealed, workers)
