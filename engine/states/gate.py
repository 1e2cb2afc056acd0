"""Weights behind a zero gate, as S2, S3 and S4 draw them.

The gate leaves a share of a cell's entities out. In a cell of a few entities chance may leave out so many that the
rest cannot take the cell's units; then the gate opens for the whole cell. A gate that is shut by its figure
(a share of 1) stays shut, and the allocation fails with its own code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.identity import WorldKey
from engine.kernels import hashing, weights
from engine.kernels.backend import Loops
from engine.kernels.ranges import IdRanges


def entity_key(world: WorldKey, state: str, type_id: str, label: str) -> int:
    """Key of an entity stream in this world."""
    return hashing.entity_key(
        state,
        type_id,
        label,
        manifest_fingerprint=world.manifest_fingerprint,
        parameter_hash=world.parameter_hash,
        seed=world.seed,
    )


def gated_weights(
    loops: Loops,
    ranges: IdRanges,
    key: Callable[[str], int],
    *,
    p_zero_weight: float,
    sigma: float,
    floor: float,
    suffices: Callable[[NDArray[np.uint32]], bool],
) -> NDArray[np.uint32]:
    """Weight of every entity, u32, shape (entities,), 0 where the gate shut it out.

    Args:
        loops: Twin that computes.
        ranges: The entities.
        key: Stream key of a label (``zero_gate``, ``weight``).
        p_zero_weight: Share that the gate leaves out.
        sigma: Spread of the weight.
        floor: Smallest weight.
        suffices: Whether entities of these weights can take the cell's units.
    """
    out = np.empty(ranges.size, dtype=np.uint32)
    table = weights.weight_table(sigma, floor)
    bound = hashing.below(p_zero_weight)
    loops.weigh(ranges.first, ranges.count, key("zero_gate"), bound, key("weight"), table, out)
    if p_zero_weight < 1.0 and not suffices(out):
        loops.weigh(ranges.first, ranges.count, key("zero_gate"), 0, key("weight"), table, out)
    return out
