"""S2: accounts per party and type. The rows of its datasets come from ``engine.states.s2_rows``.

Parties come as runs of consecutive ids, so a cell (region, party type, segment) is a handful of runs and no column of
parties is ever read row by row. Accounts are counted per (party, account type) in a small matrix.

Order of use::

    plan = plan_accounts(priors, vocabulary, parties, ties=<stream account_count_realisation>)
    accounts = allocate_accounts(plan, world, ties=<stream account_allocation_sampling>)
    facts = (*plan.facts, *accounts.facts)

Against the written law two things differ on purpose, under ``hashing.KERNEL_VERSION``: draws depend on the seed, and
a zero gate that would leave nobody opens (``engine.states.gate``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.identity import WorldKey
from engine.kernels import backend, weights
from engine.kernels.ranges import IdRanges
from engine.kernels.remainder import largest_remainder
from engine.kernels.spread import Spread, spread
from engine.kernels.ties import TieStream
from engine.states.gate import entity_key, gated_weights
from engine.states.parts import DrawFact
from engine.states.runs import PartyBlocks
from engine.states.s2_checks import check_domain, check_rule, error
from engine.states.s2_priors import CAPPED, AccountPriors, PartyVocabulary

UNCAPPED = np.iinfo(np.uint16).max
"""Units that a party may hold where caps are not enforced: what a count can say."""

# The weight of a receiver is its deficit times (0.5 + u), with u on 16 bits: half a unit is 2^15.
_DEFICIT = (np.arange(1 << weights.INDEX_BITS) + (1 << (weights.INDEX_BITS - 1))).astype(np.uint32)


@dataclass(frozen=True, slots=True)
class AccountCell:
    """One (region, party type, segment, account type): a total and the figures of its allocation.

    Attributes:
        region, party_type, segment, account_type: Codes.
        slot: Row of the count matrix.
        ranges: Its parties.
        accounts: Accounts to give.
        k_max: Most accounts of the type that one party holds.
        p_zero_weight: Share of parties that the first split leaves out, tags applied.
        sigma: Spread of the weight, tags applied.
    """

    region: int
    party_type: int
    segment: int
    account_type: int
    slot: int
    ranges: IdRanges
    accounts: int
    k_max: int
    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """Cells with integer totals, in key order.

    Attributes:
        priors, vocabulary, parties: What it was made from.
        cells: Sorted by (region, party type, segment, account type).
        slots: Party-type code to its account-type codes, ascending: the rows of the count matrix.
        total: Accounts of all cells.
        warnings: What the packs make doubtful without making it wrong.
        facts: The event of the world split.
    """

    priors: AccountPriors
    vocabulary: PartyVocabulary
    parties: PartyBlocks
    cells: tuple[AccountCell, ...]
    slots: tuple[tuple[int, ...], ...]
    total: int
    warnings: tuple[str, ...]
    facts: tuple[DrawFact, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts per party and account type, caps enforced.

    Attributes:
        plan: Where they come from.
        counts: u8 (u16 where caps are not enforced), shape (slots, parties): row s, column p - 1 counts the accounts
            of party p of type ``plan.slots[its party type][s]``.
        overflow: Units above the caps before redistribution; likewise ``redistributed`` and ``dropped``.
        facts: Events, one a cell and one of the cap pass.
    """

    plan: AccountPlan
    counts: NDArray[np.unsignedinteger]
    overflow: int
    redistributed: int
    dropped: int
    facts: tuple[DrawFact, ...]

    @property
    def total(self) -> int:
        """Accounts of the world."""
        return self.plan.total - self.dropped


def plan_accounts(
    priors: AccountPriors, vocabulary: PartyVocabulary, parties: PartyBlocks, *, ties: TieStream
) -> AccountPlan:
    """Split the world's accounts over cells.

    Args:
        priors: What S2 reads of its packs.
        vocabulary: Words that all codes point into.
        parties: The party base.
        ties: Stream ``account_count_realisation``.

    Raises:
        EngineError: PRIOR_PACK_INVALID, DOMAIN_INVALID, ACCOUNT_TARGETS_INCONSISTENT.
    """
    slots = _slots(priors, vocabulary)
    cells: list[AccountCell] = []
    targets: list[float] = []
    warnings: list[str] = []
    for cell, target in _targets(priors, vocabulary, parties, slots, warnings):
        cells.append(cell)
        targets.append(target)
    total_target = math.fsum(targets)
    total = round(total_target)
    if total == 0:
        raise error(
            "ACCOUNT_TARGETS_INCONSISTENT",
            "account_targets_zero",
            "the expectations of all cells sum to no account",
            "product_mix_priors, types",
            "raise base_lambda of a type that the world's parties may hold",
        )
    counts, taken = largest_remainder(targets, total, ties)
    context = {"cells": len(cells), "total_target": total_target, "total_int": total}
    return AccountPlan(
        priors=priors,
        vocabulary=vocabulary,
        parties=parties,
        cells=tuple(replace(cell, accounts=count) for cell, count in zip(cells, counts, strict=True)),
        slots=slots,
        total=total,
        warnings=tuple(warnings),
        facts=(DrawFact("account_count_realisation", taken, context),),
    )


def _slots(priors: AccountPriors, vocabulary: PartyVocabulary) -> tuple[tuple[int, ...], ...]:
    """Party-type code to the codes of the account types that its segments may hold."""
    held: dict[str, set[str]] = defaultdict(set)
    for (party_type, _), account_types in priors.domain.items():
        held[party_type].update(account_types)
    for party_type, names in held.items():
        for account_type in sorted(names):
            check_rule(priors, vocabulary, party_type, account_type)
    return tuple(
        tuple(sorted(vocabulary.account_types.index(name) for name in held[party_type]))
        for party_type in vocabulary.party_types
    )


def _targets(
    priors: AccountPriors,
    vocabulary: PartyVocabulary,
    parties: PartyBlocks,
    slots: tuple[tuple[int, ...], ...],
    warnings: list[str],
) -> Iterator[tuple[AccountCell, float]]:
    """Cells with a positive expectation, in key order, and their real targets."""
    blocks: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    keys = zip(parties.region.tolist(), parties.party_type.tolist(), parties.segment.tolist(), strict=True)
    for index, key in enumerate(keys):
        blocks[key].append(index)
    for (region, party_type, segment), members in sorted(blocks.items()):
        party_name, segment_name = vocabulary.party_types[party_type], vocabulary.segments[segment]
        ranges = parties.ranges(np.array(members, dtype=np.int64))
        domain = priors.domain.get((party_name, segment_name), ())
        expected = {name: _expectation(priors, name, segment_name) for name in sorted(domain)}
        place = f"{vocabulary.regions[region]}, {party_name}, {segment_name}"
        check_domain(priors, expected, place)
        positive = {name: value for name, value in expected.items() if value > 0.0}
        held = math.fsum(positive.values())
        if held > priors.max_total_lambda.get(party_name, math.inf):
            warnings.append(f"{place}: {held:.3f} accounts a party exceed {priors.max_total_lambda[party_name]}")
        if len(positive) < priors.min_types.get(party_name, 0):
            warnings.append(f"{place}: {len(positive)} account types are fewer than {priors.min_types[party_name]}")
        for name, value in positive.items():
            code = vocabulary.account_types.index(name)
            p_zero, sigma = _tagged(priors, name, segment_name)
            slot = slots[party_type].index(code)
            k_max = priors.rules[name].k_max
            cell = AccountCell(region, party_type, segment, code, slot, ranges, 0, k_max, p_zero, sigma)
            yield cell, ranges.size * value


def _expectation(priors: AccountPriors, account_type: str, segment: str) -> float:
    """Accounts of the type that a party of the segment holds."""
    features = priors.features[segment]
    tilt = math.fsum(
        weight * (features[feature] - priors.tilt_center)
        for feature, weight in sorted(priors.tilt.get(account_type, {}).items())
        if weight
    )
    clipped = min(max(tilt, -priors.tilt_clip), priors.tilt_clip)
    return priors.rules[account_type].base_lambda * float(weights.exp(np.array([clipped]))[0])


def _tagged(priors: AccountPriors, account_type: str, segment: str) -> tuple[float, float]:
    """Zero-gate share and spread of a type after the segment's tags."""
    rule = priors.rules[account_type]
    p_zero, sigma = rule.p_zero_weight, rule.sigma
    for entry in priors.tag_adjustments:
        if entry.account_type == account_type and entry.tag in priors.tags[segment]:
            p_zero *= min(max(entry.p_zero_weight_factor, entry.low), entry.high)
            sigma *= min(max(entry.sigma_factor, entry.low), entry.high)
    return min(max(p_zero, 0.0), 1.0), max(sigma, 0.0)


def allocate_accounts(
    plan: AccountPlan, world: WorldKey, *, ties: TieStream, twin: backend.Twin | None = None
) -> Accounts:
    """Give every cell's accounts to its parties, then enforce the caps.

    Args:
        plan: Cells and totals.
        world: Keys of the draws.
        ties: Stream ``account_allocation_sampling``.
        twin: Which twin computes; by the size of the world where not said.

    Raises:
        EngineError: ALLOCATION_FAILED, KMAX_POSTCHECK_FAILED.
    """
    priors = plan.priors
    capped = priors.cap_mode == CAPPED
    kind: type[np.unsignedinteger] = np.uint8 if capped else np.uint16
    loops = backend.loops(twin or backend.twin_for(plan.parties.parties))
    counts = np.zeros((max(map(len, plan.slots)), plan.parties.parties), dtype=kind)
    overflow = redistributed = violations = 0
    facts: list[DrawFact] = []
    for cell in plan.cells:
        name = plan.vocabulary.account_types[cell.account_type]
        size = cell.ranges.size
        key = partial(entity_key, world, "S2", name)
        weight = gated_weights(
            loops,
            cell.ranges,
            key,
            p_zero_weight=cell.p_zero_weight,
            sigma=cell.sigma,
            floor=priors.weight_floor,
            # One taker is enough: what the caps turn away goes to all parties of the cell.
            suffices=np.any,
        )
        first, count = cell.ranges.first, cell.ranges.count
        room = np.full(size, cell.k_max if capped else UNCAPPED, dtype=kind)
        out = np.zeros(size, dtype=kind)
        result = spread(cell.accounts, weight, room, out, loops, ties=ties, rounds=1)
        facts.append(_cell_fact(plan, cell, result))
        if result.rest:
            overflow += result.rest
            loops.weigh(first, count, 0, 0, key("kmax_redistribute_weight"), _DEFICIT, weight)
            weight *= room
            redistributed += result.rest - spread(result.rest, weight, room, out, loops).rest
        if capped and int(out.max()) > cell.k_max:
            violations += int((out.astype(np.int64) - cell.k_max).clip(min=0).sum())
        at = 0
        for start, length in zip(first.tolist(), count.tolist(), strict=True):
            counts[cell.slot, start - 1 : start - 1 + length] = out[at : at + length]
            at += length
    if violations > priors.max_kmax_violations:
        raise error(
            "KMAX_POSTCHECK_FAILED",
            "kmax_violations",
            f"{violations} accounts stand above their caps",
            "s2_party_product_holdings_6A, account_count",
            "report this: the cap pass must not leave any",
        )
    context = {
        "note": priors.cap_mode,
        "total_accounts": plan.total - (overflow - redistributed),
        "kmax_overflow_rows": overflow,
        "kmax_redistributed_rows": redistributed,
        "kmax_dropped_rows": overflow - redistributed,
        "kmax_postcheck_violations": violations,
    }
    facts.append(DrawFact("account_attribute_sampling", (), context))
    return Accounts(plan, counts, overflow, redistributed, overflow - redistributed, tuple(facts))


def _cell_fact(plan: AccountPlan, cell: AccountCell, result: Spread) -> DrawFact:
    words = plan.vocabulary
    context = {
        "region_id": words.regions[cell.region],
        "party_type": words.party_types[cell.party_type],
        "segment_id": words.segments[cell.segment],
        "account_type": words.account_types[cell.account_type],
        "party_count": cell.ranges.size,
        "eligible_party_count": result.eligible,
        "n_acc": cell.accounts,
    }
    if cell.accounts and not result.eligible:
        place = ", ".join(str(value) for value in list(context.values())[:4])
        raise error(
            "ALLOCATION_FAILED",
            "allocation_weights_zero",
            f"{cell.accounts} accounts, but none of {cell.ranges.size} parties passed the zero gate",
            place,
            "lower p_zero_weight of the account type, or make a larger world",
            **context,
        )
    return DrawFact("account_allocation_sampling", result.reservations, context)
