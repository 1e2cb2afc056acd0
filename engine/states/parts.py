"""What a state hands to the writer and to the random-number log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.kernels.ties import Reservation

ROWS = 1 << 19
"""Rows of a part, about: enough to keep a writer busy, few enough to stay in the cache's neighbourhood."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some consecutive rows of one dataset, in the dataset's written order.

    Parts of one dataset come in order; parts of different datasets interleave. Arrays may be shared between parts
    and are never written to again.

    Attributes:
        dataset: Dataset id, such as ``s2_account_base_6A``.
        columns: Column name to values. Ids are u32 (device ids too), counts are u8 or u32, categorical columns are u8
            codes into the vocabulary of that name that the state was given. Constant columns (world key, a single
            link role, always-null columns) are absent: the writer adds them from the contract.
    """

    dataset: str
    columns: Mapping[str, NDArray[np.generic]]

    @property
    def rows(self) -> int:
        """Rows of the part."""
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True)
class DrawFact:
    """One event of the random-number log, without the fields that the log adds.

    Attributes:
        label: Substream label, such as ``account_allocation_sampling``.
        reservations: What was taken from the counter stream, in order; empty where nothing was drawn.
        context: The event's context as the contract lists its keys.
    """

    label: str
    reservations: tuple[Reservation, ...]
    context: Mapping[str, object] = field(default_factory=dict)
