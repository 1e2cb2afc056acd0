"""The numpy twin of the hot loops: blocks that fit the cache, no row loops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.kernels import hashing, reference
from engine.kernels.links import LinkTask

BLOCK = 1 << 15

Unsigned = NDArray[np.unsignedinteger]


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


def weigh(
    first: NDArray[np.uint32],
    count: NDArray[np.int64],
    gate_key: int,
    gate_bound: int,
    weight_key: int,
    table: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> None:
    """See ``backend.Loops.weigh``."""
    offset = 0
    for start, length in zip(first.tolist(), count.tolist(), strict=True):
        for block in _blocks(length):
            ids = np.arange(start + block.start, start + block.stop, dtype=np.uint64)
            weights = table[hashing.mix(ids, weight_key) >> np.uint64(48)]
            weights[hashing.mix(ids, gate_key) >> np.uint64(11) < np.uint64(gate_bound)] = 0
            out[offset + block.start : offset + block.stop] = weights
        offset += length


def total(weights: NDArray[np.uint32], room: Unsigned) -> tuple[int, int]:
    """See ``backend.Loops.total``."""
    weight_sum = active = 0
    for block in _blocks(len(weights)):
        open_ = np.where(room[block] > 0, weights[block], 0)
        weight_sum += int(open_.sum(dtype=np.uint64))
        active += int(np.count_nonzero(open_))
    return weight_sum, active


def _divide(
    amount: int, weight_sum: int, weights: NDArray[np.uint32], room: Unsigned
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Places with weight and room, their floors and remainders."""
    place = np.flatnonzero((weights > 0) & (room > 0))
    product = weights[place].astype(np.uint64) * np.uint64(amount)
    floor = product // np.uint64(weight_sum)
    return place, floor, product - floor * np.uint64(weight_sum)


def survey(
    amount: int,
    weight_sum: int,
    shift: int,
    weights: NDArray[np.uint32],
    room: Unsigned,
    histogram: NDArray[np.int64],
) -> int:
    """See ``backend.Loops.survey``."""
    floors = 0
    for block in _blocks(len(weights)):
        _, floor, remainder = _divide(amount, weight_sum, weights[block], room[block])
        floors += int(floor.sum())
        histogram += np.bincount((remainder >> np.uint64(shift)).astype(np.int64), minlength=len(histogram))
    return floors


def settle(
    amount: int,
    weight_sum: int,
    shift: int,
    cut: int,
    weights: NDArray[np.uint32],
    room: Unsigned,
    out: Unsigned,
    place: NDArray[np.int64],
    rank: NDArray[np.int64],
    remainder: NDArray[np.uint64],
) -> int:
    """See ``backend.Loops.settle``."""
    placed = listed = ranked = 0
    for block in _blocks(len(weights)):
        places, gift, rest = _divide(amount, weight_sum, weights[block], room[block])
        bins = rest >> np.uint64(shift)
        gift += bins > np.uint64(cut)
        on_cut = np.flatnonzero(bins == np.uint64(cut))
        places += block.start
        gift = np.minimum(gift, room[places])
        out[places] += gift.astype(out.dtype)
        room[places] -= gift.astype(room.dtype)
        placed += int(gift.sum())
        listing = slice(listed, listed + len(on_cut))
        place[listing], rank[listing], remainder[listing] = places[on_cut], on_cut + ranked, rest[on_cut]
        listed += len(on_cut)
        ranked += len(places)
    return placed


def link(task: LinkTask, devices: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """See ``backend.Loops.link``.

    All edges are drawn at once as if no address ever filled up. Devices that drew an address twice are drawn again
    one by one; where a device is left without an address or one is overfull, order matters, and the whole part goes
    through the reference.
    """
    region = task.region
    draw = hashing.mix_pair(devices, 0, task.count_key) >> np.uint64(11)
    counts = np.minimum(task.whole + (draw < np.uint64(task.extra_bound)), task.most).astype(np.uint8)
    if not len(devices) or int(counts.min()) == 0:
        return _ordered(task, devices)
    width = int(counts.max())
    edge = np.arange(width, dtype=np.uint64)
    ids = devices[:, None]
    cell = hashing.pick(hashing.mix_pair(ids, edge, region.cell_key), region.bounds)
    slot = hashing.scale(hashing.mix_pair(ids, edge, region.slot_key), region.span[cell])
    address = region.first[cell] + slot
    real = edge < counts[:, None]
    # An absent edge gets a number of its own that no address has, so that it repeats nothing.
    kept = np.where(real, address.astype(np.int64), -1 - edge.astype(np.int64))
    ordered = np.sort(kept, axis=1)
    repeated = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    repaired, dropped = _repair(task, devices, counts, address, repeated)
    loads = region.loads + np.bincount(repaired - region.base, minlength=len(region.loads)).astype(np.int32)
    if int(counts.min()) == 0 or (len(loads) and int(loads.max()) > region.cap):
        return _ordered(task, devices)
    region.loads[:] = loads
    region.tally[:] += np.array([len(devices), len(devices), len(repaired) + dropped, dropped])
    return repaired, counts


def _repair(
    task: LinkTask,
    devices: NDArray[np.uint32],
    counts: NDArray[np.uint8],
    address: NDArray[np.uint32],
    repeated: NDArray[np.int64],
) -> tuple[NDArray[np.uint32], int]:
    """All addresses in order, with these devices drawn one by one; lowers their counts by what was dropped."""
    dropped = 0
    for row in repeated.tolist():
        held = reference.held_of(task.region, int(devices[row]), int(counts[row]))
        address[row, : len(held)] = held
        dropped += int(counts[row]) - len(held)
        counts[row] = len(held)
    return address[np.arange(address.shape[1]) < counts[:, None]], dropped


def _ordered(task: LinkTask, devices: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    addresses, counts = reference.link(task, devices.tolist())
    return np.array(addresses, dtype=np.uint32), np.array(counts, dtype=np.uint8)
