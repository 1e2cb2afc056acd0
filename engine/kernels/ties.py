"""Tie values of a largest-remainder split, taken from a counter stream by position.

The event contract counts one uniform per target of a split that has a remainder to place. Almost none of them decides
anything, so a split reserves the positions and evaluates the few that do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.kernels import philox
from engine.kernels.hashing import uer


@dataclass(frozen=True, slots=True)
class Reservation:
    """A run of uniforms of one counter stream.

    Attributes:
        key: Philox key of the stream.
        hi: High word of the 128-bit counter before the run.
        lo: Low word of it.
        draws: Uniforms reserved; an odd number leaves the second lane of the last block unused.
    """

    key: int
    hi: int
    lo: int
    draws: int

    @property
    def blocks(self) -> int:
        """Counter blocks consumed: half the draws, rounded up."""
        return (self.draws + 1) // 2

    def words(self, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The 64-bit words at these positions (0 to draws - 1) of the run; they order as their uniforms do.

        Raises:
            IndexError: If a position lies outside the run.
        """
        if positions.size and (int(positions.min()) < 0 or int(positions.max()) >= self.draws):
            msg = f"position outside a run of {self.draws} draws"
            raise IndexError(msg)
        return philox.words_at(self.key, self.hi, self.lo, positions)


class TieStream(Protocol):
    """A counter stream that hands out runs of uniforms and moves on."""

    def reserve(self, draws: int) -> Reservation:
        """Take the next ``draws`` uniforms; 0 draws leave the counter where it is."""
        ...


class CounterStream:
    """The counter stream of a label in a world, at its beginning.

    Attributes:
        key: Philox key, ``hi`` and ``lo`` the 128-bit counter of the next block.
    """

    def __init__(self, label: str, *, manifest_fingerprint: str, parameter_hash: str, seed: int) -> None:
        parts = (uer(part) for part in ("mlr:6A", label, manifest_fingerprint, parameter_hash))
        digest = hashlib.sha256(b"".join(parts) + seed.to_bytes(8, "little")).digest()
        self.key = int.from_bytes(digest[24:32], "little")
        self.hi = int.from_bytes(digest[8:16], "big")
        self.lo = int.from_bytes(digest[16:24], "big")

    def reserve(self, draws: int) -> Reservation:
        """Take the next ``draws`` uniforms; the counter wraps at 128 bits."""
        reservation = Reservation(self.key, self.hi, self.lo, draws)
        counter = ((self.hi << 64) + self.lo + reservation.blocks) & ((1 << 128) - 1)
        self.hi, self.lo = counter >> 64, counter & ((1 << 64) - 1)
        return reservation
