"""Philox2x64-10 by position: any block of a stream without the blocks before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MULTIPLIER = 0xD2B74407B1CE6E93
_WEYL = 0x9E3779B97F4A7C15
_WORD = 0xFFFFFFFFFFFFFFFF
_ROUNDS = 10
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def words_at(key: int, hi: int, lo: int, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The words at these positions behind a counter; two words a block, lane 0 first.

    Args:
        key: Philox key.
        hi: High word of the counter of position 0.
        lo: Low word of it; the 128-bit counter grows by one a block.
        positions: Non-negative, any order, any shape.
    """
    blocks = (positions >> 1).astype(np.uint64)
    lane_0 = blocks + np.uint64(lo)
    lane_1 = np.full(blocks.shape, hi, dtype=np.uint64) + (lane_0 < np.uint64(lo)).astype(np.uint64)
    for turn in range(_ROUNDS):
        high, low = _multiply(lane_0)
        lane_0 = high ^ np.uint64((key + turn * _WEYL) & _WORD) ^ lane_1
        lane_1 = low
    return np.where((positions & 1).astype(bool), lane_1, lane_0)


def _multiply(lane: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """High and low words of the 128-bit product with the multiplier, by halves."""
    m_low, m_high = np.uint64(_MULTIPLIER & 0xFFFFFFFF), np.uint64(_MULTIPLIER >> 32)
    x_low, x_high = lane & _LOW, lane >> _HALF
    cross = x_high * m_low + ((x_low * m_low) >> _HALF)
    carry = (cross & _LOW) + x_low * m_high
    return x_high * m_high + (cross >> _HALF) + (carry >> _HALF), lane * np.uint64(_MULTIPLIER)
