"""Largest remainder over many entities, under caps, with redistribution in proportion to weight.

A round splits what is left over the entities with weight and room: each gets ``amount * weight // sum`` in exact
64-bit integers, and the missing units go to the largest remainders ``amount * weight % sum``; equal remainders are
ordered by a tie draw (the larger first), then by position. Every gift is limited by the entity's room. What caps turn
away is split again over the entities that still have room, until nothing is left or nobody has room. A round with
something to place places at least one unit, so the loop ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.kernels.backend import Loops
from engine.kernels.ties import Reservation, TieStream

BIN_BITS = 13
_LIMIT = 1 << 63


@dataclass(frozen=True, slots=True)
class Spread:
    """What a split did.

    Attributes:
        rest: Units that found no room.
        eligible: Entities with weight and room before the first round.
        rounds: Rounds needed.
        reservations: Tie draws, one reservation a round that had a remainder to place.
    """

    rest: int
    eligible: int
    rounds: int
    reservations: tuple[Reservation, ...]


def spread(
    amount: int,
    weights: NDArray[np.uint32],
    room: NDArray[np.unsignedinteger],
    out: NDArray[np.unsignedinteger],
    loops: Loops,
    *,
    ties: TieStream | None = None,
    rounds: int | None = None,
) -> Spread:
    """Split an amount over entities.

    Args:
        amount: Units, not negative.
        weights: Per entity, 0 for those left out.
        room: Units that each may still take; lowered by what it gets.
        out: Units of each; raised by what it gets.
        loops: Twin that computes.
        ties: Stream of tie draws, one a target of a round; None orders equal remainders by position.
        rounds: Most rounds; None for as many as it takes.

    Raises:
        ValueError: If an exact product would not fit 64 bits.
    """
    left, done = amount, 0
    weight_sum, active = loops.total(weights, room)
    eligible = active
    taken: list[Reservation] = []
    while left > 0 and active > 0 and (rounds is None or done < rounds):
        if left * int(weights.max()) >= _LIMIT or weight_sum >= _LIMIT:
            msg = f"{left} units over a weight of {weight_sum} exceed exact 64-bit arithmetic"
            raise ValueError(msg)
        reservation = _round(left, weight_sum, active, weights, room, out, loops, ties)
        left -= reservation.placed
        if reservation.taken is not None:
            taken.append(reservation.taken)
        done += 1
        if left:
            weight_sum, active = loops.total(weights, room)
    return Spread(rest=left, eligible=eligible, rounds=done, reservations=tuple(taken))


@dataclass(frozen=True, slots=True)
class _Round:
    placed: int
    taken: Reservation | None


def _round(
    amount: int,
    weight_sum: int,
    active: int,
    weights: NDArray[np.uint32],
    room: NDArray[np.unsignedinteger],
    out: NDArray[np.unsignedinteger],
    loops: Loops,
    ties: TieStream | None,
) -> _Round:
    shift = max(0, weight_sum.bit_length() - BIN_BITS)
    histogram = np.zeros(((weight_sum - 1) >> shift) + 1, dtype=np.int64)
    missing = amount - loops.survey(amount, weight_sum, shift, weights, room, histogram)
    taken = ties.reserve(active) if ties is not None and missing > 0 else None
    cut, on_cut = len(histogram), 0
    if missing:
        from_top = np.cumsum(histogram[::-1])
        step = int(np.searchsorted(from_top, missing))
        cut = len(histogram) - 1 - step
        on_cut = missing - (int(from_top[step - 1]) if step else 0)
    size = int(histogram[cut]) if missing else 0
    place, rank = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    remainder = np.empty(size, dtype=np.uint64)
    placed = loops.settle(amount, weight_sum, shift, cut, weights, room, out, place, rank, remainder)
    if on_cut:
        chosen = place[_largest(remainder, rank, on_cut, taken)]
        chosen = chosen[room[chosen] > 0]
        out[chosen] += np.asarray(1, dtype=out.dtype)
        room[chosen] -= np.asarray(1, dtype=room.dtype)
        placed += len(chosen)
    return _Round(placed, taken)


def _largest(
    remainder: NDArray[np.uint64], rank: NDArray[np.int64], count: int, taken: Reservation | None
) -> NDArray[np.int64]:
    """Indices of the ``count`` first by (remainder down, tie draw down, rank up)."""
    if count == len(remainder):
        return np.arange(count)
    boundary = np.partition(remainder, len(remainder) - count)[len(remainder) - count]
    above = np.flatnonzero(remainder > boundary)
    tied = np.flatnonzero(remainder == boundary)
    if taken is not None:
        # ~word sorts as the word descends; ranks ascend already and a stable sort keeps them.
        tied = tied[np.argsort(~taken.words(rank[tied]), kind="stable")]
    return np.concatenate([above, tied[: count - len(above)]])
