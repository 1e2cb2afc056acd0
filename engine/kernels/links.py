"""Addresses of devices: distinct within a device, bounded in reuse, every region for itself.

Edge e of a device draws a cell by the cells' weights, then a slot of the cell by hash. A slot that the device holds
already, or that is full, sends it on in odd strides, at most 64 probes; a small cell is then searched from its first
slot; what still finds nothing is dropped and counted. A device whose expectation gives it no edge gets one where the
coverage could not be reached otherwise, and up to eight further tries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROBES = 64
SCAN_LIMIT = 4096
EXTRA_TRIES = 8
EXTRA_EDGE = 1024
GUIDE_BITS = 12
"""Top bits of a draw that name its cell outright, but for the few values that a bound cuts in two."""


@dataclass(frozen=True, slots=True)
class LinkRegion:
    """Address cells of a region and what is known of its devices so far.

    Attributes:
        bounds: Categorical bounds of the cells on 53 bits (``hashing.thresholds``), u64, shape (cells,).
        guide: First cell that a draw with these top bits can fall into, u8, shape (4096,).
        first: First address id of each cell, u32.
        span: Addresses of each cell, u32, positive.
        word: Word of each cell's name, u64, for strides.
        base: First address id of the region.
        loads: Devices on every address of the region, i32, shape (addresses,); grows as parts are linked.
        cap: Most devices on one address.
        devices: Devices that the region will have.
        needed: Devices that must get an address.
        tally: i64: devices seen, devices covered, edges requested, edges dropped.
        cell_key, slot_key: Stream keys.
    """

    bounds: NDArray[np.uint64]
    guide: NDArray[np.uint8]
    first: NDArray[np.uint32]
    span: NDArray[np.uint32]
    word: NDArray[np.uint64]
    base: int
    loads: NDArray[np.int32]
    cap: int
    devices: int
    needed: int
    tally: NDArray[np.int64]
    cell_key: int
    slot_key: int


@dataclass(frozen=True, slots=True)
class LinkTask:
    """Linking of some devices of one type, the next of their region.

    Attributes:
        region: Shared by all tasks of the region, which run in the order of its devices.
        whole: Edges that every device asks for.
        extra_bound: Bound on 53 bits below which a device asks for one more.
        most: Most edges of a device.
        count_key: Stream key of the edge count.
    """

    region: LinkRegion
    whole: int
    extra_bound: int
    most: int
    count_key: int


def guide_of(bounds: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """First category that each value of the top bits can fall into, u8, shape (4096,)."""
    lowest = np.arange(1 << GUIDE_BITS, dtype=np.uint64) << np.uint64(53 - GUIDE_BITS)
    return np.searchsorted(bounds[:-1], lowest, side="right").astype(np.uint8)
