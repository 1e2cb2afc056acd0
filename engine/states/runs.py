"""Tables of a world as runs: consecutive rows with equal attributes.

Parties are written in blocks of one country and segment, accounts in blocks of one country and account type. What a
state needs of either is where the blocks lie, not a column of millions of equal codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.kernels.ranges import IdRanges

Codes = NDArray[np.uint8]


def window(count: NDArray[np.int64], start: int, stop: int) -> tuple[slice, NDArray[np.int64]]:
    """The runs that rows ``start`` to ``stop - 1`` touch, and how many of those rows lie in each.

    Args:
        count: Rows of each run, in order.
        start: First row, counted from 0.
        stop: Row behind the last.
    """
    ends = np.cumsum(count)
    begins = ends - count
    runs = slice(int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(begins, stop, side="left")))
    return runs, np.minimum(ends[runs], stop) - np.maximum(begins[runs], start)


@dataclass(frozen=True, slots=True)
class PartyBlocks:
    """The party base as runs of consecutive ids with equal attributes, in the written order.

    Attributes:
        country: Code of ``country_iso`` of each run, u8; likewise ``region``, ``party_type``, ``segment``.
        first: First party id of each run, u32; the first is 1 and runs follow each other without a gap.
        count: Parties in each run, i64, positive.
    """

    country: Codes
    region: Codes
    party_type: Codes
    segment: Codes
    first: NDArray[np.uint32]
    count: NDArray[np.int64]

    @classmethod
    def from_counts(
        cls, *, country: Codes, region: Codes, party_type: Codes, segment: Codes, count: NDArray[np.int64]
    ) -> PartyBlocks:
        """Number the parties of these runs from 1; empty runs vanish.

        Raises:
            EngineError: 6A.S2.S1_GATE_FAILED, ``party_base_empty``.
        """
        kept = count > 0
        length = count[kept].astype(np.int64)
        if not length.size:
            raise _party_base("party_base_empty", "the party base has no rows")
        first = (1 + np.cumsum(length) - length).astype(np.uint32)
        return cls(country[kept], region[kept], party_type[kept], segment[kept], first, length)

    @classmethod
    def from_columns(
        cls, *, party_id: NDArray[np.integer], country: Codes, region: Codes, party_type: Codes, segment: Codes
    ) -> PartyBlocks:
        """Find the runs of a party base that was read row by row.

        Raises:
            EngineError: 6A.S2.S1_GATE_FAILED, ``party_base_empty``, or ``party_base_scope_mismatch`` where ids are
                not 1..N in order.
        """
        size = len(party_id)
        if not size:
            raise _party_base("party_base_empty", "the party base has no rows")
        if not np.array_equal(party_id, np.arange(1, size + 1)):
            raise _party_base("party_base_scope_mismatch", f"party ids are not 1 to {size} in order")
        change = np.zeros(size, dtype=bool)
        change[0] = True
        for column in (country, region, party_type, segment):
            change[1:] |= column[1:] != column[:-1]
        start = np.flatnonzero(change)
        count = np.diff(np.append(start, size)).astype(np.int64)
        return cls.from_counts(
            country=country[start],
            region=region[start],
            party_type=party_type[start],
            segment=segment[start],
            count=count,
        )

    @property
    def parties(self) -> int:
        """Parties of the world."""
        return int(self.count.sum())

    def ranges(self, blocks: NDArray[np.int64]) -> IdRanges:
        """The parties of some blocks."""
        return IdRanges(self.first[blocks], self.count[blocks])


@dataclass(frozen=True, slots=True)
class AccountRuns:
    """The account base as runs of one (country, account type), in the written order, and its owners.

    Attributes:
        account_type: Code of each run, u8; likewise ``party_type``.
        first: First account id of each run, u32; runs follow each other from 1 without a gap.
        count: Accounts of each run, i64, positive.
        owner: Owner of every account, u32, shape (accounts,), at index account id - 1.
    """

    account_type: Codes
    party_type: Codes
    first: NDArray[np.uint32]
    count: NDArray[np.int64]
    owner: NDArray[np.uint32]

    @classmethod
    def from_columns(
        cls,
        *,
        account_id: NDArray[np.integer],
        owner_party_id: NDArray[np.integer],
        account_type: Codes,
        party_type: Codes,
    ) -> AccountRuns:
        """Find the runs of an account base that was read row by row.

        Raises:
            EngineError: 6A.S3.INPUT_INVALID, ``duplicate_account_id`` where ids are not 1..N in order,
                ``cell_owner_alignment_invalid`` where the columns differ in length.
        """
        size = len(account_id)
        if any(len(column) != size for column in (owner_party_id, account_type, party_type)):
            raise _account_base("cell_owner_alignment_invalid", "accounts and owners differ in number")
        if not np.array_equal(account_id, np.arange(1, size + 1)):
            raise _account_base("duplicate_account_id", f"account ids are not 1 to {size} in order")
        change = np.zeros(size, dtype=bool)
        change[:1] = True
        for column in (account_type, party_type):
            change[1:] |= column[1:] != column[:-1]
        start = np.flatnonzero(change)
        return cls(
            account_type[start],
            party_type[start],
            (start + 1).astype(np.uint32),
            np.diff(np.append(start, size)).astype(np.int64),
            owner_party_id.astype(np.uint32),
        )


def _party_base(reason: str, fact: str) -> EngineError:
    return EngineError(
        code="6A.S2.S1_GATE_FAILED",
        reason=reason,
        fact=fact,
        place="s1_party_base_6A, column party_id",
        remedy="run S1 again under a new run id",
    )


def _account_base(reason: str, fact: str) -> EngineError:
    return EngineError(
        code="6A.S3.INPUT_INVALID",
        reason=reason,
        fact=fact,
        place="s2_account_base_6A, column account_id",
        remedy="run S2 again under a new run id",
    )
