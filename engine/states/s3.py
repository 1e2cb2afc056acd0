"""S3: instruments and account-instrument links.

Order of use::

    plan = plan_counts(priors, vocabulary, runs, ties=streams("instrument_count_realisation"))
    work = allocate_instruments(plan, identity, allocation=streams("instrument_allocation_sampling"),
                                attributes=streams("instrument_attribute_sampling"))
    for part in work: ...           # both datasets, as the cells come
    facts = (*plan.facts, *work.facts)   # complete when the parts are exhausted
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.kernels.ties import TieStream
from engine.states.parts import DrawFact, Part
from engine.states.s2 import AccountRuns


@dataclass(frozen=True, slots=True)
class InstrumentVocabulary:
    """Sorted vocabularies; account and party types are those of S2."""

    party_types: tuple[str, ...]
    account_types: tuple[str, ...]
    instrument_types: tuple[str, ...]
    schemes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstrumentRule:
    """One (account type, instrument type): its share of the account type's instruments, its cap, its unevenness."""

    share: float
    hard_max: int
    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class InstrumentPriors:
    """All that S3 reads of its packs.

    Attributes:
        lambda_total: Account type to instruments per account.
        rules: (account type, instrument type) to rule, in the order of the pack.
        scheme_kind: Instrument type to scheme kind; absent means CARD_NETWORK.
        scheme_shares: Scheme kind to (scheme, share) in order of assignment; shares may be empty for equal shares.
        schemes_of_kind: Scheme kind to its schemes.
        weight_floor: Smallest weight of an account that passed the zero gate.
    """

    lambda_total: Mapping[str, float]
    rules: Mapping[tuple[str, str], InstrumentRule]
    scheme_kind: Mapping[str, str]
    scheme_shares: Mapping[str, tuple[tuple[str, float], ...]]
    schemes_of_kind: Mapping[str, tuple[str, ...]]
    weight_floor: float


@dataclass(frozen=True, slots=True)
class InstrumentPlan:
    """Counts per (party type, account type, instrument type), sorted by code.

    Attributes:
        counts: (party type, account type, instrument type) codes to instruments.
        total: Instruments of all cells.
    """

    priors: InstrumentPriors
    vocabulary: InstrumentVocabulary
    runs: AccountRuns
    counts: Mapping[tuple[int, int, int], int]
    total: int
    warnings: tuple[str, ...]
    facts: tuple[DrawFact, ...]


class InstrumentWork(Iterator[Part]):
    """Parts of ``s3_instrument_base_6A`` and ``s3_account_instrument_links_6A``, cell by cell.

    Columns: instrument_id, account_id, owner_party_id, instrument_type, scheme (links: account_id, instrument_id,
    instrument_type, scheme; the arrays are the same ones).

    Attributes:
        facts: Events so far; complete when the parts are exhausted.
    """

    facts: list[DrawFact]


def plan_counts(
    priors: InstrumentPriors, vocabulary: InstrumentVocabulary, runs: AccountRuns, *, ties: TieStream
) -> InstrumentPlan:
    """Split each account cell's instruments over instrument types.

    Raises:
        EngineError: 6A.S3.PRIOR_PACK_INVALID, INPUT_INVALID.
    """
    raise NotImplementedError


def allocate_instruments(
    plan: InstrumentPlan, identity: object, *, allocation: TieStream, attributes: TieStream, rows: int = 1 << 19
) -> InstrumentWork:
    """Give every cell's instruments to its accounts under the hard maximum, split them over schemes, emit rows.

    Raises:
        EngineError: 6A.S3.ALLOCATION_FAILED.
    """
    raise NotImplementedError
