"""Rows of the datasets of S2, from the count matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.states.parts import ROWS, Part
from engine.states.runs import AccountRuns, Codes, window
from engine.states.s2 import Accounts


@dataclass(frozen=True, slots=True)
class AccountRows:
    """The account base in written order: country, account type, party.

    Attributes:
        country: Code of each run of one (country, account type, segment), u8; likewise ``region``, ``party_type``,
            ``segment``, ``account_type``.
        count: Accounts of each run, i64.
        owner: Owner of every account, u32, at index account id - 1.
    """

    country: Codes
    region: Codes
    party_type: Codes
    segment: Codes
    account_type: Codes
    count: NDArray[np.int64]
    owner: NDArray[np.uint32]

    def runs(self) -> AccountRuns:
        """The account base as S3 reads it."""
        change = np.ones(len(self.count), dtype=bool)
        change[1:] = (self.account_type[1:] != self.account_type[:-1]) | (self.country[1:] != self.country[:-1])
        start = np.flatnonzero(change)
        count = np.add.reduceat(self.count, start)
        first = (1 + np.cumsum(count) - count).astype(np.uint32)
        kept = count > 0
        return AccountRuns(
            self.account_type[start][kept], self.party_type[start][kept], first[kept], count[kept], self.owner
        )


def account_rows(accounts: Accounts) -> AccountRows:
    """Put the accounts in their written order."""
    plan, parties = accounts.plan, accounts.plan.parties
    keys = sorted(
        (int(parties.country[block]), code, block, slot)
        for block in range(len(parties.count))
        for slot, code in enumerate(plan.slots[int(parties.party_type[block])])
    )
    block = np.array([key[2] for key in keys], dtype=np.int64)
    owner = np.empty(accounts.total, dtype=np.uint32)
    count = np.empty(len(keys), dtype=np.int64)
    at = 0
    for index, (_, _, member, slot) in enumerate(keys):
        first, size = int(parties.first[member]), int(parties.count[member])
        held = accounts.counts[slot, first - 1 : first - 1 + size]
        rows = int(held.sum(dtype=np.int64))
        owner[at : at + rows] = np.repeat(np.arange(first, first + size, dtype=np.uint32), held)
        count[index] = rows
        at += rows
    return AccountRows(
        country=parties.country[block],
        region=parties.region[block],
        party_type=parties.party_type[block],
        segment=parties.segment[block],
        account_type=np.array([key[1] for key in keys], dtype=np.uint8),
        count=count,
        owner=owner,
    )


def emit_account_base(table: AccountRows, *, rows: int = ROWS) -> Iterator[Part]:
    """Rows of ``s2_account_base_6A``.

    Columns: account_id, owner_party_id (u32); account_type, party_type, segment_id, region_id, country_iso (codes).
    """
    for start in range(0, len(table.owner), rows):
        stop = min(start + rows, len(table.owner))
        runs, share = window(table.count, start, stop)
        coded = {
            "account_type": table.account_type,
            "party_type": table.party_type,
            "segment_id": table.segment,
            "region_id": table.region,
            "country_iso": table.country,
        }
        yield Part(
            "s2_account_base_6A",
            {
                "account_id": np.arange(start + 1, stop + 1, dtype=np.uint32),
                "owner_party_id": table.owner[start:stop],
                **{name: np.repeat(codes[runs], share) for name, codes in coded.items()},
            },
        )


def emit_holdings(accounts: Accounts, *, rows: int = ROWS) -> Iterator[Part]:
    """Rows of ``s2_party_product_holdings_6A``: party, account type ascending.

    Columns: owner_party_id (u32), account_type (code), account_count (u8, u16 where caps are not enforced).
    """
    plan, parties = accounts.plan, accounts.plan.parties
    width = len(accounts.counts)
    # Account-type code by (party type, slot); slots beyond a party type's own are never counted in.
    codes = np.zeros((len(plan.slots), width), dtype=np.uint8)
    for index, slots in enumerate(plan.slots):
        codes[index, : len(slots)] = slots
    step = max(rows // 2, 1)
    for start in range(0, parties.parties, step):
        stop = min(start + step, parties.parties)
        held = np.ascontiguousarray(accounts.counts[:, start:stop].T).ravel()
        place = np.flatnonzero(held)
        party, slot = np.divmod(place.astype(np.uint32), np.uint32(width))
        runs, share = window(parties.count, start, stop)
        party_type = np.repeat(parties.party_type[runs], share)
        yield Part(
            "s2_party_product_holdings_6A",
            {
                "owner_party_id": party + np.uint32(start + 1),
                "account_type": codes[party_type[party], slot],
                "account_count": held[place],
            },
        )


def emit_summary(table: AccountRows) -> Iterator[Part]:
    """Rows of ``s2_account_summary_6A``, one part, cells without accounts left out.

    Columns: country_iso, region_id, party_type, account_type (codes), account_count (i64).
    """
    keys = np.stack([table.country, table.region, table.party_type, table.account_type], axis=1)
    unique, group = np.unique(keys, axis=0, return_inverse=True)
    count = np.zeros(len(unique), dtype=np.int64)
    np.add.at(count, group.ravel(), table.count)
    kept = count > 0
    names = ("country_iso", "region_id", "party_type", "account_type")
    columns = {name: unique[kept, index] for index, name in enumerate(names)}
    yield Part("s2_account_summary_6A", {**columns, "account_count": count[kept]})
