"""Keys of a world: who owns which id, whether an id exists, and how often it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.kernels.hashing import text_word

Ids = NDArray[np.int64]
Strangers = Callable[[Ids], int]
"""How many of these ids no entity has."""


def aligned(values: pa.Array) -> Ids:
    """Values of an integer column, row for row; a null becomes 0, which is nobody's id."""
    if values.null_count:
        values = values.fill_null(0)
    numbers: Ids = values.to_numpy(zero_copy_only=False)
    return numbers


def within(largest: int) -> Strangers:
    """Entities with the ids 1 to ``largest``."""

    def strangers(ids: Ids) -> int:
        if not len(ids) or (int(ids.min()) >= 1 and int(ids.max()) <= largest):
            return 0
        return int(np.count_nonzero((ids < 1) | (ids > largest)))

    return strangers


def among(known: Ids) -> Strangers:
    """Entities with these ids; for few of them."""
    return lambda ids: int(np.count_nonzero(~np.isin(ids, known)))


class Owners:
    """What each entity of a base belongs to (a party, or an instrument's account), by the entity's id."""

    def __init__(self, most: int) -> None:
        """Begin with no entity.

        Args:
            most: Largest id that can be one; what lies above is not taken in, so that one wild id costs no memory.
        """
        self._most = most
        self._owner = np.zeros(1, dtype=np.uint32)
        self.largest = 0
        """Largest id seen."""

    @property
    def entities(self) -> int:
        """Different ids seen."""
        return int(np.count_nonzero(self._owner[: self.largest + 1]))

    def add(self, ids: Ids, owners: Ids) -> None:
        """Take in rows of the base; a row without an id or an owner is left out."""
        sound = (ids >= 1) & (ids <= self._most) & (owners >= 1) & (owners < 1 << 32)
        if not sound.all():
            ids, owners = ids[sound], owners[sound]
        self.largest = max(self.largest, int(ids.max(initial=0)))
        if self.largest >= len(self._owner):
            # What lies behind the ids seen so far costs no memory until it is written to.
            grown = np.zeros(min(self.largest * 3 // 2, self._most) + 1, dtype=np.uint32)
            grown[: len(self._owner)] = self._owner
            self._owner = grown
        self._owner[ids] = owners

    def of(self, ids: Ids) -> NDArray[np.uint32]:
        """Owner of each id, 0 where no entity has it."""
        if len(ids) and (int(ids.min()) < 0 or int(ids.max()) > self.largest):
            ids = np.where((ids >= 0) & (ids <= self.largest), ids, 0)
        found: NDArray[np.uint32] = self._owner[ids]
        return found

    def strangers(self, ids: Ids) -> int:
        """How many of these ids no entity has."""
        return int(np.count_nonzero(self.of(ids) == 0))


class Tally:
    """How often each id from 1 to a largest one stands."""

    def __init__(self, largest: int) -> None:
        """Begin with none; two bytes an id keep a table of tens of millions of ids small."""
        self._count = np.zeros(largest + 1, dtype=np.uint16)
        self._added = 0

    def add(self, ids: Ids) -> None:
        """Count these ids; others than 1 to the largest are left out."""
        ids = _inside(ids, len(self._count))[0]
        np.add.at(self._count, ids, np.uint16(1))
        self._added += len(ids)

    @property
    def most(self) -> int:
        """The largest count; where one grew past two bytes, all that was counted, which lies above any limit."""
        if int(self._count.sum(dtype=np.int64)) != self._added:
            return self._added
        return int(self._count.max())

    def others_than(self, count: int) -> int:
        """Ids that do not stand so often."""
        return int(np.count_nonzero(self._count[1:] != count))


class Holdings:
    """What each party holds, as the sum of a 64-bit word a thing: who holds the same has the same sum."""

    def __init__(self, parties: int) -> None:
        """Begin with nothing."""
        self._sum = np.zeros(parties + 1, dtype=np.uint64)

    def add(self, parties: Ids, things: pa.DictionaryArray, times: Ids | None = None) -> None:
        """Give each party a thing, once or so many times; ids that no party has are left out."""
        words = np.array([*map(text_word, things.dictionary.to_pylist()), 0], dtype=np.uint64)
        held = words[things.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)]
        if times is not None:
            held = held * times.astype(np.uint64)
        inside, held = _inside(parties, len(self._sum), held)
        np.add.at(self._sum, inside, held)

    def differing(self, other: Holdings) -> int:
        """Parties whose holdings are others there."""
        return int(np.count_nonzero(self._sum != other._sum))


def _inside(ids: Ids, size: int, *beside: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Ids from 1 to below a size, and what stands beside them."""
    if not len(ids) or (int(ids.min()) >= 1 and int(ids.max()) < size):
        return (ids, *beside)
    inside = (ids >= 1) & (ids < size)
    return tuple(values[inside] for values in (ids, *beside))
