"""Plain versions of the kernels, one entity at a time, in Python's own integers.

They say what the columnar twins compute; tests hold those to these, bit for bit. The numpy twin of the links also
falls back on this one where order matters (an address is full, a device got nothing).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.kernels.hashing import GAMMA, MIX_1, MIX_2
from engine.kernels.links import EXTRA_EDGE, EXTRA_TRIES, PROBES, SCAN_LIMIT, LinkRegion, LinkTask
from engine.kernels.ties import Reservation, TieStream

_WORD = (1 << 64) - 1


def _finalise(z: int) -> int:
    z = ((z ^ (z >> 30)) * MIX_1) & _WORD
    z = ((z ^ (z >> 27)) * MIX_2) & _WORD
    return z ^ (z >> 31)


def mix(entity: int, key: int) -> int:
    """Draw of an entity."""
    return _finalise(((entity ^ key) + GAMMA) & _WORD)


def mix_pair(entity: int, extra: int, key: int) -> int:
    """Draw of an entity and a number beside it."""
    return _finalise(key ^ ((entity * GAMMA) & _WORD) ^ ((extra * MIX_1) & _WORD))


def pick(word: int, bounds: Iterable[int]) -> int:
    """Category of a word: the first whose bound lies above its 53 top bits."""
    return next(index for index, bound in enumerate(bounds) if word >> 11 < bound)


def scale(word: int, span: int) -> int:
    """The word's upper half as a place in [0, span)."""
    return ((word >> 32) * span) >> 32


def weigh(entities: Iterable[int], gate_key: int, gate_bound: int, weight_key: int, table: Sequence[int]) -> list[int]:
    """Weight of every entity, 0 where the zero gate shuts."""
    return [
        0 if mix(entity, gate_key) >> 11 < gate_bound else int(table[mix(entity, weight_key) >> 48])
        for entity in entities
    ]


def spread(
    amount: int,
    weights: Sequence[int],
    room: Sequence[int],
    *,
    ties: TieStream | None = None,
    rounds: int | None = None,
) -> tuple[list[int], int, list[Reservation]]:
    """Units of every entity, what found no room, and the tie draws reserved."""
    gifts, space, taken, done = [0] * len(weights), list(room), [], 0
    while amount > 0 and (rounds is None or done < rounds):
        active = [i for i, weight in enumerate(weights) if weight > 0 and space[i] > 0]
        if not active:
            break
        total = sum(weights[i] for i in active)
        floors = {i: amount * weights[i] // total for i in active}
        remainders = {i: amount * weights[i] % total for i in active}
        missing = amount - sum(floors.values())
        drawn = dict.fromkeys(active, 0)
        if missing and ties is not None:
            taken.append(ties.reserve(len(active)))
            drawn = dict(zip(active, _words(taken[-1]), strict=True))
        first = sorted(active, key=lambda i: (-remainders[i], -drawn[i], i))
        for i in first[:missing]:
            floors[i] += 1
        for i in active:
            gift = min(floors[i], space[i])
            gifts[i] += gift
            space[i] -= gift
            amount -= gift
        done += 1
    return gifts, amount, taken


def _words(reservation: Reservation) -> list[int]:
    import numpy as np  # noqa: PLC0415 - positions cross the interface as an array; nothing else here is one

    return [int(word) for word in reservation.words(np.arange(reservation.draws, dtype=np.int64))]


def held_of(region: LinkRegion, device: int, asked: int) -> list[int]:
    """Addresses of a device that asks for so many edges, as if no address ever filled up."""
    held: list[int] = []
    for edge in range(asked):
        address = _draw(region, device, edge, held, loaded=False)
        if address is not None:
            held.append(address)
    return held


def _draw(region: LinkRegion, device: int, edge: int, held: list[int], *, loaded: bool = True) -> int | None:
    """Address of an edge, or None; ``held`` are the device's addresses so far."""
    cell = pick(mix_pair(device, edge, region.cell_key), map(int, region.bounds))
    first, span = int(region.first[cell]), int(region.span[cell])
    start = scale(mix_pair(device, edge, region.slot_key), span)
    stride = scale(mix_pair(device ^ int(region.word[cell]), edge, region.slot_key), max(span - 1, 1)) + 1
    stride += 1 - stride % 2
    slots = [(start + probe * stride) % span for probe in range(min(span, PROBES))]
    if span <= SCAN_LIMIT:
        slots += range(span)
    for slot in slots:
        address = first + slot
        if address not in held and not (loaded and region.loads[address - region.base] >= region.cap):
            return address
    return None


def link(task: LinkTask, devices: Iterable[int]) -> tuple[list[int], list[int]]:
    """Addresses of these devices one after another, and how many each has; the region's loads and tally move on."""
    region, tally = task.region, task.region.tally
    addresses: list[int] = []
    counts: list[int] = []
    for device in devices:
        asked = min(task.whole + (mix_pair(device, 0, task.count_key) >> 11 < task.extra_bound), task.most)
        guard = region.devices - int(tally[0]) - 1 < region.needed - int(tally[1])
        if guard and asked == 0:
            asked = 1
        held: list[int] = []

        def request(edge: int, device: int = device, held: list[int] = held) -> None:
            tally[2] += 1
            address = _draw(region, device, edge, held)
            if address is None:
                tally[3] += 1
                return
            held.append(address)
            region.loads[address - region.base] += 1

        for edge in range(asked):
            request(edge)
        tries = range(asked + EXTRA_EDGE, asked + EXTRA_EDGE + EXTRA_TRIES) if guard and not held else range(0)
        for edge in tries:
            if not held:
                request(edge)
        tally[0] += 1
        tally[1] += bool(held)
        addresses += held
        counts.append(len(held))
    return addresses, counts
