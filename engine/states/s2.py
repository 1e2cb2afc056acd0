"""S2: accounts and holdings.

Parties come as runs of consecutive ids (`PartyBlocks`), so a cell (region, party type, segment) is a handful of runs
and no column of parties is ever read row by row. Accounts are counted per (party, account type) in a small matrix;
rows exist only in the parts that the writer takes.

Order of use::

    plan = plan_accounts(priors, vocabulary, parties, ties=streams("account_count_realisation"))
    accounts = allocate_accounts(plan, identity, ties=streams("account_allocation_sampling"))
    for part in emit_account_base(accounts): ...
    for part in emit_holdings(accounts): ...
    for part in emit_summary(accounts): ...
    facts = (*plan.facts, *accounts.facts)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.kernels.ties import TieStream
from engine.states.parts import DrawFact, Part


@dataclass(frozen=True, slots=True)
class PartyVocabulary:
    """Sorted vocabularies that the codes of parties and accounts point into."""

    countries: tuple[str, ...]
    regions: tuple[str, ...]
    party_types: tuple[str, ...]
    segments: tuple[str, ...]
    account_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartyBlocks:
    """The party base as runs of consecutive ids with equal attributes, in the written order of S1.

    Attributes:
        country: Code of ``country_iso`` of each run, u8; likewise ``region``, ``party_type``, ``segment``.
        first: First party id of each run, u32; the first is 1 and runs follow each other without a gap.
        count: Parties in each run, i64, positive.
    """

    country: NDArray[np.uint8]
    region: NDArray[np.uint8]
    party_type: NDArray[np.uint8]
    segment: NDArray[np.uint8]
    first: NDArray[np.uint32]
    count: NDArray[np.int64]

    @classmethod
    def from_columns(
        cls,
        *,
        party_id: NDArray[np.integer],
        country: NDArray[np.uint8],
        region: NDArray[np.uint8],
        party_type: NDArray[np.uint8],
        segment: NDArray[np.uint8],
    ) -> PartyBlocks:
        """Find the runs of a party base read row by row (a resumed run).

        Raises:
            EngineError: 6A.S2.S1_GATE_FAILED, ``party_base_empty`` or ``party_base_scope_mismatch`` where ids are
                not 1..N in order.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AccountRule:
    """One account type: how many there are, who holds them, how unevenly.

    Attributes:
        party_type: Party type that may hold it.
        required: Whether every party type that lists it must have a positive expectation.
        base_lambda: Accounts per party before the tilt.
        k_max: Most accounts of this type that one party holds.
        p_zero_weight: Share of parties that the first split leaves out.
        sigma: Spread of the lognormal weight.
    """

    party_type: str
    required: bool
    base_lambda: float
    k_max: int
    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class TagAdjustment:
    """Factors that a segment's tag puts on one account type; each is clipped to [low, high] first."""

    tag: str
    account_type: str
    p_zero_weight_factor: float
    sigma_factor: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AccountPriors:
    """All that S2 reads of its packs.

    Attributes:
        rules: Account type to rule.
        domain: (party type, segment) to the account types that it may hold.
        tilt: Account type to feature weights; types not listed have none.
        tilt_center: Feature value without effect.
        tilt_clip: Bound of the exponent, both ways.
        features: Segment to feature scores.
        tags: Segment to tags.
        tag_adjustments: Factors by tag and account type.
        weight_floor: Smallest weight of a party that passed the zero gate.
        cap_mode: ``hard_global_postmerge`` or ``none``.
        max_kmax_violations: Units above a cap that the post-check lets pass.
        max_total_lambda: Party type to the sum of expectations above which a warning is due.
        min_types: Party type to the number of account types below which a warning is due.
    """

    rules: Mapping[str, AccountRule]
    domain: Mapping[tuple[str, str], tuple[str, ...]]
    tilt: Mapping[str, Mapping[str, float]]
    tilt_center: float
    tilt_clip: float
    features: Mapping[str, Mapping[str, float]]
    tags: Mapping[str, tuple[str, ...]]
    tag_adjustments: tuple[TagAdjustment, ...]
    weight_floor: float
    cap_mode: str
    max_kmax_violations: int
    max_total_lambda: Mapping[str, float]
    min_types: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AccountCell:
    """One (region, party type, segment, account type): a target and the figures of its allocation."""

    region: int
    party_type: int
    segment: int
    account_type: int
    blocks: NDArray[np.int64]  # indices of PartyBlocks, ascending
    parties: int
    accounts: int
    k_max: int
    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """Cells with integer totals, in key order.

    Attributes:
        cells: Sorted by (region, party type, segment, account type).
        slots: Party-type code to its account-type codes, ascending: the columns of the count matrix.
        total: Accounts in all cells.
        warnings: What the packs make doubtful without making it wrong.
        facts: The event of the world split.
    """

    vocabulary: PartyVocabulary
    priors: AccountPriors
    parties: PartyBlocks
    cells: tuple[AccountCell, ...]
    slots: tuple[tuple[int, ...], ...]
    total: int
    warnings: tuple[str, ...]
    facts: tuple[DrawFact, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts per party and account type after the cap pass.

    Attributes:
        plan: Where they come from.
        counts: u8, shape (slots, parties): row s of party p (column p - 1) counts the accounts of type
            ``plan.slots[party type of p][s]``.
        overflow: Units above the cap before redistribution; likewise ``redistributed`` and ``dropped``.
        facts: Events, one a cell and one for the cap pass.
    """

    plan: AccountPlan
    counts: NDArray[np.uint8]
    overflow: int
    redistributed: int
    dropped: int
    facts: tuple[DrawFact, ...]

    @property
    def total(self) -> int:
        """Accounts of the world."""
        raise NotImplementedError

    def account_runs(self) -> AccountRuns:
        """The account base as runs: what S3 reads in place of the table."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AccountRuns:
    """The account base in written order as runs of one (country, account type), and its owners.

    Attributes:
        country: Code of each run, u8; likewise ``account_type`` and ``party_type``.
        first: First account id of each run, u32; runs follow each other from 1 without a gap.
        count: Accounts of each run, i64.
        owner: Owner of every account, u32, shape (accounts,), at index account id - 1.
    """

    country: NDArray[np.uint8]
    account_type: NDArray[np.uint8]
    party_type: NDArray[np.uint8]
    first: NDArray[np.uint32]
    count: NDArray[np.int64]
    owner: NDArray[np.uint32]


def plan_accounts(
    priors: AccountPriors, vocabulary: PartyVocabulary, parties: PartyBlocks, *, ties: TieStream
) -> AccountPlan:
    """Split the world's accounts over cells.

    Raises:
        EngineError: 6A.S2.PRIOR_PACK_INVALID, DOMAIN_INVALID, ACCOUNT_TARGETS_INCONSISTENT.
    """
    raise NotImplementedError


def allocate_accounts(plan: AccountPlan, identity: object, *, ties: TieStream) -> Accounts:
    """Give every cell's accounts to its parties, then enforce the caps.

    Args:
        plan: Cells and totals.
        identity: ``engine.identity.WorldKey``.
        ties: Stream ``account_allocation_sampling``.

    Raises:
        EngineError: 6A.S2.ALLOCATION_FAILED, KMAX_POSTCHECK_FAILED.
    """
    raise NotImplementedError


def emit_account_base(accounts: Accounts, *, rows: int = 1 << 19) -> Iterator[Part]:
    """Rows of ``s2_account_base_6A``: country, account type, party ascending; about ``rows`` a part.

    Columns: account_id, owner_party_id, account_type, party_type, segment_id, region_id, country_iso.
    """
    raise NotImplementedError


def emit_holdings(accounts: Accounts, *, rows: int = 1 << 19) -> Iterator[Part]:
    """Rows of ``s2_party_product_holdings_6A``: party, account type ascending.

    Columns: owner_party_id, account_type, account_count.
    """
    raise NotImplementedError


def emit_summary(accounts: Accounts) -> Iterator[Part]:
    """Rows of ``s2_account_summary_6A``, one part.

    Columns: country_iso, region_id, party_type, account_type, account_count.
    """
    raise NotImplementedError
