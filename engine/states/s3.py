"""S3: instruments and account-instrument links.

Order of use::

    plan = plan_counts(priors, vocabulary, runs, ties=<stream instrument_count_realisation>)
    work = allocate_instruments(plan, world, allocation=<stream instrument_allocation_sampling>,
                                attributes=<stream instrument_attribute_sampling>)
    for part in work: ...           # both datasets, as the cells come
    facts = (*plan.facts, *work.facts)   # complete when the parts are exhausted

Against the written law three things differ on purpose, under ``hashing.KERNEL_VERSION``: draws depend on the seed;
a zero gate that would leave too few opens (``engine.states.gate``); and what the hard maximum turns away is spread in
as many rounds as it takes. So only a lack of capacity fails.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.identity import WorldKey
from engine.kernels import backend
from engine.kernels.ranges import IdRanges
from engine.kernels.remainder import largest_remainder
from engine.kernels.spread import spread
from engine.kernels.ties import TieStream
from engine.states.gate import entity_key, gated_weights
from engine.states.parts import ROWS, DrawFact, Part
from engine.states.runs import AccountRuns

DEFAULT_SCHEME_KIND = "CARD_NETWORK"
"""Scheme kind of an instrument type that names none."""

_MOST = np.iinfo(np.uint8).max


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
    facts: tuple[DrawFact, ...]


class InstrumentWork(Iterator[Part]):
    """Parts of ``s3_instrument_base_6A`` and ``s3_account_instrument_links_6A``, cell by cell.

    Columns: instrument_id, account_id, owner_party_id (u32), instrument_type, scheme (codes); links: account_id,
    instrument_id, instrument_type, scheme (the arrays are the same ones).

    Attributes:
        facts: Events so far; complete when the parts are exhausted.
    """

    def __init__(self, parts: Iterator[Part], facts: list[DrawFact]) -> None:
        self.facts = facts
        self._parts = parts

    def __next__(self) -> Part:
        return next(self._parts)


def _error(code: str, reason: str, fact: str, place: str, remedy: str, **context: object) -> EngineError:
    return EngineError(code=f"6A.S3.{code}", reason=reason, fact=fact, place=place, remedy=remedy, context=context)


def plan_counts(
    priors: InstrumentPriors, vocabulary: InstrumentVocabulary, runs: AccountRuns, *, ties: TieStream
) -> InstrumentPlan:
    """Split each account cell's instruments over instrument types.

    Raises:
        EngineError: 6A.S3.PRIOR_PACK_INVALID.
    """
    sizes: dict[tuple[int, int], int] = defaultdict(int)
    for party_type, account_type, count in zip(
        runs.party_type.tolist(), runs.account_type.tolist(), runs.count.tolist(), strict=True
    ):
        sizes[party_type, account_type] += count
    counts: dict[tuple[int, int, int], int] = {}
    facts: list[DrawFact] = []
    for (party_type, account_type), accounts in sorted(sizes.items()):
        name = vocabulary.account_types[account_type]
        shares = {kind: rule.share for (held, kind), rule in priors.rules.items() if held == name}
        _check_rules(priors, vocabulary, name, shares)
        scale = math.fsum(shares.values())
        target = accounts * priors.lambda_total[name]
        total = round(target)
        split, taken = largest_remainder([target * share / scale for share in shares.values()], total, ties)
        for kind, count in zip(shares, split, strict=True):
            counts[party_type, account_type, vocabulary.instrument_types.index(kind)] = count
        context = {
            "party_type": vocabulary.party_types[party_type],
            "account_type": name,
            "n_accounts": accounts,
            "total_target": target,
            "total_int": total,
            "instrument_types": len(shares),
        }
        facts.append(DrawFact("instrument_count_realisation", taken, context))
    return InstrumentPlan(priors, vocabulary, runs, dict(sorted(counts.items())), sum(counts.values()), tuple(facts))


def _check_rules(
    priors: InstrumentPriors, vocabulary: InstrumentVocabulary, account_type: str, shares: Mapping[str, float]
) -> None:
    if account_type not in priors.lambda_total:
        raise _error(
            "PRIOR_PACK_INVALID",
            "lambda_total_missing",
            f"account type {account_type} has no expectation of instruments",
            f"instrument_mix_priors, lambda_total.{account_type}",
            "add the figure",
        )
    if not math.fsum(shares.values()) > 0.0:
        raise _error(
            "PRIOR_PACK_INVALID",
            "instrument_mix_missing",
            f"account type {account_type} has no mix of instrument types",
            f"instrument_mix_priors, instrument_share.{account_type}",
            "add shares that sum to one",
        )
    for kind in shares:
        if kind not in vocabulary.instrument_types:
            raise _error(
                "PRIOR_PACK_INVALID",
                "instrument_domain_missing",
                f"instrument type {kind} is unknown",
                f"instrument_mix_priors, instrument_share.{account_type}.{kind}",
                "use a type of instrument_taxonomy",
            )
        most = priors.rules[account_type, kind].hard_max
        if not 1 <= most <= _MOST:
            raise _error(
                "PRIOR_PACK_INVALID",
                "invalid_hard_max",
                f"hard_max {most} lies outside 1 to {_MOST}",
                f"instrument_per_account_priors, rules.{account_type}.{kind}.hard_max",
                "correct the cap",
            )


def allocate_instruments(
    plan: InstrumentPlan,
    world: WorldKey,
    *,
    allocation: TieStream,
    attributes: TieStream,
    rows: int = ROWS,
    twin: backend.Twin | None = None,
) -> InstrumentWork:
    """Give every cell's instruments to its accounts under the hard maximum, split them over schemes, emit rows.

    Args:
        plan: Counts by cell.
        world: Keys of the draws.
        allocation: Stream ``instrument_allocation_sampling``.
        attributes: Stream ``instrument_attribute_sampling``.
        rows: Rows of a part, about.
        twin: Which twin computes; by the number of accounts where not said.

    Raises:
        EngineError: 6A.S3.ALLOCATION_FAILED, while the parts are taken.
    """
    loops = backend.loops(twin or backend.twin_for(len(plan.runs.owner) // 2))
    facts: list[DrawFact] = []
    return InstrumentWork(_cells(plan, world, loops, allocation, attributes, rows, facts), facts)


def _cells(
    plan: InstrumentPlan,
    world: WorldKey,
    loops: backend.Loops,
    allocation: TieStream,
    attributes: TieStream,
    rows: int,
    facts: list[DrawFact],
) -> Iterator[Part]:
    next_id = 1
    for (party_type, account_type, kind), count in plan.counts.items():
        member = (plan.runs.party_type == party_type) & (plan.runs.account_type == account_type)
        ranges = IdRanges(plan.runs.first[member], plan.runs.count[member])
        held, fact = _allocate(plan, world, loops, allocation, (party_type, account_type, kind), count, ranges)
        schemes, scheme_fact = _schemes(plan, kind, count, attributes)
        facts += [fact, scheme_fact]
        for account, scheme in _pieces(ranges, held, schemes, rows):
            ids = np.arange(next_id, next_id + len(account), dtype=np.uint32)
            next_id += len(account)
            columns = {
                "instrument_id": ids,
                "account_id": account,
                "owner_party_id": plan.runs.owner[account - np.uint32(1)],
                "instrument_type": np.full(len(account), kind, dtype=np.uint8),
                "scheme": scheme,
            }
            yield Part("s3_instrument_base_6A", columns)
            links = ("account_id", "instrument_id", "instrument_type", "scheme")
            yield Part("s3_account_instrument_links_6A", {name: columns[name] for name in links})


def _pieces(
    ranges: IdRanges, held: NDArray[np.uint8], schemes: NDArray[np.uint8], rows: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint8]]]:
    """Accounts repeated by what they hold, and the schemes of those rows, about ``rows`` at a time."""
    ids = ranges.ids()
    at = 0
    for start in range(0, len(ids), rows):
        account = np.repeat(ids[start : start + rows], held[start : start + rows])
        if len(account):
            yield account, schemes[at : at + len(account)]
        at += len(account)


def _allocate(
    plan: InstrumentPlan,
    world: WorldKey,
    loops: backend.Loops,
    ties: TieStream,
    cell: tuple[int, int, int],
    count: int,
    ranges: IdRanges,
) -> tuple[NDArray[np.uint8], DrawFact]:
    """Instruments of every account of a cell, u8, and the event."""
    words = plan.vocabulary
    party_type, account_type, kind = (
        words.party_types[cell[0]],
        words.account_types[cell[1]],
        words.instrument_types[cell[2]],
    )
    rule = plan.priors.rules[account_type, kind]
    weight = gated_weights(
        loops,
        ranges,
        partial(entity_key, world, "S3", kind),
        p_zero_weight=rule.p_zero_weight,
        sigma=rule.sigma,
        floor=plan.priors.weight_floor,
        suffices=lambda drawn: int(np.count_nonzero(drawn)) * rule.hard_max >= count,
    )
    room = np.full(ranges.size, rule.hard_max, dtype=np.uint8)
    out = np.zeros(ranges.size, dtype=np.uint8)
    result = spread(count, weight, room, out, loops, ties=ties)
    place = f"{party_type}, {account_type}, {kind}"
    context = {
        "party_type": party_type,
        "account_type": account_type,
        "instrument_type": kind,
        "eligible_accounts": result.eligible,
        "n_instr": count,
    }
    if result.rest:
        reason = "allocation_exceeds_capacity" if result.eligible else "allocation_weights_zero"
        raise _error(
            "ALLOCATION_FAILED",
            reason,
            f"{count} instruments, but {result.eligible} eligible accounts take at most {rule.hard_max} each",
            place,
            "lower the share or the zero-gate share of the type, raise its hard_max, or make a larger world",
            **context,
        )
    return out, DrawFact("instrument_allocation_sampling", result.reservations, context)


def _schemes(plan: InstrumentPlan, kind: int, count: int, ties: TieStream) -> tuple[NDArray[np.uint8], DrawFact]:
    """Scheme codes of a cell's rows in contiguous blocks, and the event."""
    priors, words = plan.priors, plan.vocabulary
    name = words.instrument_types[kind]
    scheme_kind = priors.scheme_kind.get(name, DEFAULT_SCHEME_KIND)
    shares = priors.scheme_shares.get(scheme_kind) or tuple(
        (scheme, 1.0) for scheme in sorted(priors.schemes_of_kind.get(scheme_kind, ()))
    )
    total = math.fsum(share for _, share in shares)
    if not total > 0.0:
        raise _error(
            "PRIOR_PACK_INVALID",
            "scheme_defaults_missing",
            f"scheme kind {scheme_kind} of {name} has no scheme",
            f"instrument_mix_priors, scheme_share.{scheme_kind}",
            "add shares that sum to one",
        )
    split, taken = largest_remainder([count * share / total for _, share in shares], count, ties)
    codes = np.array([words.schemes.index(scheme) for scheme, _ in shares], dtype=np.uint8)
    context = {"instrument_type": name, "scheme_kind": scheme_kind, "n_instr": count}
    return np.repeat(codes, split), DrawFact("instrument_attribute_sampling", taken, context)
