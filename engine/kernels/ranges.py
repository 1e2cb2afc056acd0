"""Entities of a cell as runs of consecutive ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IdRanges:
    """Runs of consecutive entity ids, ascending and disjoint.

    Attributes:
        first: First id of each run, u32, shape (runs,).
        count: Length of each run (positive), i64, shape (runs,).
    """

    first: NDArray[np.uint32]
    count: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Entities in all runs."""
        return int(self.count.sum())

    def ids(self) -> NDArray[np.uint32]:
        """All ids, ascending, shape (size,)."""
        out = np.empty(self.size, dtype=np.uint32)
        at = 0
        for first, count in zip(self.first.tolist(), self.count.tolist(), strict=True):
            out[at : at + count] = np.arange(first, first + count, dtype=np.uint32)
            at += count
        return out
