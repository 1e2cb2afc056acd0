"""Largest remainder over few real targets: how plans become integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.kernels.ties import Reservation, TieStream


def largest_remainder(
    targets: Sequence[float], total: int, ties: TieStream | None = None
) -> tuple[list[int], tuple[Reservation, ...]]:
    """Integers near the targets that sum to the total.

    Every target gets its floor. What is missing goes, one each, to the largest remainders; equal remainders are
    ordered by a tie value (one draw a target, the larger first), then by index. What is too much is taken, one each,
    from the smallest remainders, never below 0. Either is repeated until the sum is right.

    Args:
        targets: Not negative, finite.
        total: Sum to reach, not negative.
        ties: Stream of tie values; None orders equal remainders by index alone and draws nothing.

    Returns:
        The integers, and what was reserved of the stream: nothing where the floors suffice.

    Raises:
        ValueError: If a target is negative or not finite, the total is negative, or there is nothing to split over.
    """
    if total < 0 or any(not (math.isfinite(target) and target >= 0.0) for target in targets):
        msg = "targets and total must be finite and not negative"
        raise ValueError(msg)
    if total and not targets:
        msg = f"{total} units and no targets to split them over"
        raise ValueError(msg)
    counts = [math.floor(target) for target in targets]
    remainders = [target - count for target, count in zip(targets, counts, strict=True)]
    missing = total - sum(counts)
    taken: tuple[Reservation, ...] = ()
    order = range(len(counts))
    if missing > 0:
        drawn = [0] * len(counts)
        if ties is not None:
            taken = (ties.reserve(len(counts)),)
            drawn = taken[0].words(np.arange(len(counts), dtype=np.int64)).tolist()
        order_up = sorted(order, key=lambda i: (-remainders[i], -drawn[i], i))
        while missing > 0:
            for index in order_up[:missing]:
                counts[index] += 1
            missing -= min(missing, len(counts))
    order_down = sorted(order, key=lambda i: (remainders[i], i))
    while missing < 0:
        for index in [i for i in order_down if counts[i] > 0][:-missing]:
            counts[index] -= 1
            missing += 1
    return counts, taken
