"""The compiled twin of the hot loops: one pass over an array each, the interpreter's lock released.

The code is cached on disk and compiled again when this source changes, or that of a module whose constants it freezes
(``SOURCES``). Every integer is kept unsigned and 64 bits wide by hand, because mixing signs makes numba compute in
floating point.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from engine.kernels import hashing, links
from engine.kernels.cache import cache_folder, kept
from engine.kernels.links import EXTRA_EDGE, EXTRA_TRIES, GUIDE_BITS, PROBES, SCAN_LIMIT, LinkTask

F = TypeVar("F", bound=Callable[..., Any])
Unsigned = NDArray[np.unsignedinteger]

_U = np.uint64
_GAMMA, _MIX_1, _MIX_2 = _U(hashing.GAMMA), _U(hashing.MIX_1), _U(hashing.MIX_2)
_S11, _S27, _S30, _S31, _S32, _S48 = _U(11), _U(27), _U(30), _U(31), _U(32), _U(48)
_GUIDE = _U(53 - GUIDE_BITS)
_ONE = _U(1)
_PROBES = _U(PROBES)
_SEEN, _COVERED, _REQUESTED, _DROPPED = 0, 1, 2, 3

SOURCES = tuple(Path(file) for file in (__file__, hashing.__file__, links.__file__))
"""What the compiled code is a function of."""

_FOLDER = cache_folder(SOURCES)
# Cast because a decorator of a foreign type would make every function below one, too.
_inline = cast("Callable[[F], F]", numba.njit(nogil=True, inline="always"))


def _jit(function: F) -> F:
    return cast("F", kept(function, _FOLDER))


@_inline
def _finalise(z: Any) -> Any:
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@_inline
def _mix(entity: Any, key: Any) -> Any:
    return _finalise((entity ^ key) + _GAMMA)


@_inline
def _mix_pair(entity: Any, extra: Any, key: Any) -> Any:
    return _finalise(key ^ (entity * _GAMMA) ^ (extra * _MIX_1))


@_jit
def _weigh(first: Any, count: Any, gate_key: Any, gate_bound: Any, weight_key: Any, table: Any, out: Any) -> None:
    at = 0
    for run in range(len(first)):
        start = _U(first[run])
        for step in range(count[run]):
            entity = start + _U(step)
            if (_mix(entity, gate_key) >> _S11) < gate_bound:
                out[at] = 0
            else:
                out[at] = table[_mix(entity, weight_key) >> _S48]
            at += 1


@_jit
def _total(weights: Any, room: Any) -> Any:
    weight_sum, active = _U(0), 0
    for i in range(len(weights)):
        if room[i] > 0 and weights[i] > 0:
            weight_sum += _U(weights[i])
            active += 1
    return weight_sum, active


@_jit
def _survey(amount: Any, weight_sum: Any, shift: Any, weights: Any, room: Any, histogram: Any) -> Any:
    floors = _U(0)
    for i in range(len(weights)):
        if room[i] > 0 and weights[i] > 0:
            product = amount * _U(weights[i])
            floor = product // weight_sum
            floors += floor
            histogram[(product - floor * weight_sum) >> shift] += 1
    return floors


@_jit
def _settle(
    amount: Any,
    weight_sum: Any,
    shift: Any,
    cut: Any,
    weights: Any,
    room: Any,
    out: Any,
    place: Any,
    rank: Any,
    remainder: Any,
) -> Any:
    placed, listed, ranked = _U(0), 0, 0
    for i in range(len(weights)):
        if room[i] > 0 and weights[i] > 0:
            product = amount * _U(weights[i])
            gift = product // weight_sum
            rest = product - gift * weight_sum
            group = rest >> shift
            if group > cut:
                gift += _ONE
            elif group == cut:
                place[listed] = i
                rank[listed] = ranked
                remainder[listed] = rest
                listed += 1
            gift = min(gift, _U(room[i]))
            out[i] += gift
            room[i] -= gift
            placed += gift
            ranked += 1
    return placed


@_inline
def _free(address: Any, base: Any, loads: Any, cap: Any, out: Any, begin: Any, at: Any) -> Any:
    for held in range(begin, at):
        if out[held] == address:
            return False
    return loads[address - base] < cap


@_inline
def _first(device: Any, edge: Any, bounds: Any, guide: Any, first: Any, span: Any, cell_key: Any, slot_key: Any) -> Any:
    """Cell of an edge and the address that it tries first."""
    draw = _mix_pair(device, edge, cell_key) >> _S11
    cell = np.int64(guide[draw >> _GUIDE])
    while draw >= bounds[cell]:
        cell += 1
    start = ((_mix_pair(device, edge, slot_key) >> _S32) * _U(span[cell])) >> _S32
    return cell, np.int64(first[cell]) + np.int64(start)


@_jit
def _further(
    device: Any,
    edge: Any,
    word: Any,
    tried: Any,
    origin: Any,
    width: Any,
    base: Any,
    loads: Any,
    cap: Any,
    slot_key: Any,
    out: Any,
    begin: Any,
    at: Any,
) -> Any:
    """Another address of the cell for an edge whose first one is taken; -1 where there is none."""
    reach = max(width - _ONE, _ONE)
    stride = (((_mix_pair(device ^ word, edge, slot_key) >> _S32) * reach) >> _S32) + _ONE
    stride += _ONE - (stride & _ONE)
    start = _U(tried - origin)
    for probe in range(1, np.int64(min(width, _PROBES))):
        address = origin + np.int64((start + _U(probe) * stride) % width)
        if _free(address, base, loads, cap, out, begin, at):
            return address
    if width <= _U(SCAN_LIMIT):
        for slot in range(np.int64(width)):
            if _free(origin + slot, base, loads, cap, out, begin, at):
                return origin + slot
    return np.int64(-1)


@_jit
def _link(
    devices: Any,
    whole: Any,
    extra_bound: Any,
    most: Any,
    count_key: Any,
    bounds: Any,
    guide: Any,
    first: Any,
    span: Any,
    word: Any,
    base: Any,
    loads: Any,
    cap: Any,
    region_devices: Any,
    needed: Any,
    tally: Any,
    cell_key: Any,
    slot_key: Any,
    out: Any,
    counts: Any,
) -> Any:
    at = 0
    seen, covered, requested, dropped = tally[_SEEN], tally[_COVERED], tally[_REQUESTED], tally[_DROPPED]
    for i in range(len(devices)):
        device = _U(devices[i])
        asked = whole
        if (_mix_pair(device, _U(0), count_key) >> _S11) < extra_bound:
            asked += 1
        asked = min(asked, most)
        guard = region_devices - seen - 1 < needed - covered
        if guard and asked == 0:
            asked = 1
        begin = at
        edge, last = 0, asked
        while edge < last:
            requested += 1
            cell, address = _first(device, _U(edge), bounds, guide, first, span, cell_key, slot_key)
            if not _free(address, base, loads, cap, out, begin, at):
                origin, width = np.int64(first[cell]), _U(span[cell])
                address = _further(
                    device, _U(edge), word[cell], address, origin, width, base, loads, cap, slot_key, out, begin, at
                )
            if address < 0:
                dropped += 1
            else:
                out[at] = address
                loads[address - base] += 1
                at += 1
            edge += 1
            if edge == asked and guard and at == begin:
                edge, last = asked + EXTRA_EDGE, asked + EXTRA_EDGE + EXTRA_TRIES
            if edge > asked and at > begin:
                break
        seen += 1
        if at > begin:
            covered += 1
        counts[i] = at - begin
    tally[_SEEN], tally[_COVERED], tally[_REQUESTED], tally[_DROPPED] = seen, covered, requested, dropped
    return at


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
    _weigh(first, count, _U(gate_key), _U(gate_bound), _U(weight_key), table, out)


def total(weights: NDArray[np.uint32], room: Unsigned) -> tuple[int, int]:
    """See ``backend.Loops.total``."""
    weight_sum, active = _total(weights, room)
    return int(weight_sum), int(active)


def survey(
    amount: int, weight_sum: int, shift: int, weights: NDArray[np.uint32], room: Unsigned, histogram: NDArray[np.int64]
) -> int:
    """See ``backend.Loops.survey``."""
    return int(_survey(_U(amount), _U(weight_sum), _U(shift), weights, room, histogram))


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
    return int(_settle(_U(amount), _U(weight_sum), _U(shift), _U(cut), weights, room, out, place, rank, remainder))


def link(task: LinkTask, devices: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """See ``backend.Loops.link``."""
    region = task.region
    widest = max(min(task.whole + 1, task.most), 1)
    out = np.empty(len(devices) * widest, dtype=np.uint32)
    counts = np.empty(len(devices), dtype=np.uint8)
    used = _link(
        devices,
        task.whole,
        _U(task.extra_bound),
        task.most,
        _U(task.count_key),
        region.bounds,
        region.guide,
        region.first,
        region.span,
        region.word,
        region.base,
        region.loads,
        region.cap,
        region.devices,
        region.needed,
        region.tally,
        _U(region.cell_key),
        _U(region.slot_key),
        out,
        counts,
    )
    return out[:used], counts
