"""S2: accounts per party and type. The rows of its datasets come from ``engine.states.s2_rows``.

Parties come as runs of consecutive ids, so a cell (region, party type, segment) is a handful of runs and no column of
parties is ever read row by row. Accounts are counted per (party, account type) in a small matrix.

Order of use::

    plan = plan_accounts(packs, words, parties, ties=<stream account_count_realisation>)
    accounts = allocate_accounts(plan, world, ties=<stream account_allocation_sampling>)
    facts = (*plan.facts, *accounts.facts)

Against the written law one thing differs on purpose, under ``hashing.KERNEL_VERSION``: draws depend on the seed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.config import Packs
from engine.contracts.vocabulary import Vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey
from engine.kernels import backend, hashing, weights
from engine.kernels.ranges import IdRanges
from engine.kernels.remainder import largest_remainder
from engine.kernels.spread import Spread, spread
from engine.kernels.ties import TieStream
from engine.states.parts import DrawFact
from engine.states.runs import PartyBlocks

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
        packs, words, parties: What it was made from.
        cells: Sorted by (region, party type, segment, account type).
        slots: Party-type code to its account-type codes, ascending: the rows of the count matrix.
        total: Accounts of all cells.
        warnings: What the packs make doubtful without making it wrong.
        facts: The event of the world split.
    """

    packs: Packs
    words: Vocabularies
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


def _error(code: str, reason: str, fact: str, place: str, remedy: str, **context: object) -> EngineError:
    return EngineError(
        code=f"6A.S2.{code}", reason=reason, fact=fact, place=place, remedy=remedy, context=context
    )


def plan_accounts(packs: Packs, words: Vocabularies, parties: PartyBlocks, *, ties: TieStream) -> AccountPlan:
    """Split the world's accounts over cells.

    Args:
        packs: Checked packs.
        words: Vocabularies that all codes point into.
        parties: The party base.
        ties: Stream ``account_count_realisation``.

    Raises:
        EngineError: PRIOR_PACK_INVALID, DOMAIN_INVALID, ACCOUNT_TARGETS_INCONSISTENT.
    """
    slots = _slots(packs, words)
    cells: list[AccountCell] = []
    targets: list[float] = []
    warnings: list[str] = []
    for cell, target in _targets(packs, words, parties, slots, warnings):
        cells.append(cell)
        targets.append(target)
    total_target = math.fsum(targets)
    total = round(total_target)
    if total == 0:
        raise _error(
            "ACCOUNT_TARGETS_INCONSISTENT",
            "account_targets_zero",
            "the expectations of all cells sum to no account",
            "product_mix_priors, types",
            "raise base_lambda of a type that the world's parties may hold",
        )
    counts, taken = largest_remainder(targets, total, ties)
    context = {"cells": len(cells), "total_target": total_target, "total_int": total}
    return AccountPlan(
        packs=packs,
        words=words,
        parties=parties,
        cells=tuple(_with_accounts(cell, count) for cell, count in zip(cells, counts, strict=True)),
        slots=slots,
        total=total,
        warnings=tuple(warnings),
        facts=(DrawFact("account_count_realisation", taken, context),),
    )


def _with_accounts(cell: AccountCell, accounts: int) -> AccountCell:
    return AccountCell(
        cell.region,
        cell.party_type,
        cell.segment,
        cell.account_type,
        cell.slot,
        cell.ranges,
        accounts,
        cell.k_max,
        cell.p_zero_weight,
        cell.sigma,
    )


def _slots(packs: Packs, words: Vocabularies) -> tuple[tuple[int, ...], ...]:
    """Party-type code to the codes of the account types that it may hold."""
    mix = packs.product_mix_priors
    if mix.domain_mode != "explicit_by_party_type":
        raise _error(
            "PRIOR_PACK_INVALID",
            "unsupported_domain_mode",
            f"domain mode {mix.domain_mode} needs a list by segment, which the pack does not carry",
            "product_mix_priors, domain_mode",
            "use explicit_by_party_type",
        )
    by_type: dict[str, list[int]] = defaultdict(list)
    for code, account_type in enumerate(words["account_type"]):
        if account_type not in packs.account_per_party_priors.rules:
            raise _error(
                "PRIOR_PACK_INVALID",
                "account_rule_missing",
                f"account type {account_type} has no rule",
                "account_per_party_priors, rules",
                "add a rule for the type or take it out of product_mix_priors",
            )
        if packs.account_taxonomy.types[account_type].owner_kind != "PARTY":
            raise _error(
                "DOMAIN_INVALID",
                "account_type_not_party_owned",
                f"account type {account_type} is not held by parties",
                "product_mix_priors, types",
                "take the type out of the pack",
            )
        by_type[mix.types[account_type].party_type].append(code)
    return tuple(tuple(by_type[party_type]) for party_type in words["party_type"])


def _targets(
    packs: Packs,
    words: Vocabularies,
    parties: PartyBlocks,
    slots: tuple[tuple[int, ...], ...],
    warnings: list[str],
) -> Iterator[tuple[AccountCell, float]]:
    """Cells with a positive expectation, in key order, and their real targets."""
    limits = packs.product_mix_priors.constraints
    blocks: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, key in enumerate(
        zip(parties.region.tolist(), parties.party_type.tolist(), parties.segment.tolist(), strict=True)
    ):
        blocks[key].append(index)
    for (region, party_type, segment), members in sorted(blocks.items()):
        party_name, segment_name = words["party_type"][party_type], words["segment"][segment]
        ranges = parties.ranges(np.array(members, dtype=np.int64))
        expected = [(slot, code, _expectation(packs, words["account_type"][code], segment_name))
                    for slot, code in enumerate(slots[party_type])]  # fmt: skip
        _check_domain(packs, words, party_name, segment_name, expected)
        positive = [entry for entry in expected if entry[2] > 0.0]
        sum_of_expectations = math.fsum(value for _, _, value in positive)
        place = f"{words['region'][region]}, {party_name}, {segment_name}"
        most = limits.max_total_lambda_per_party_by_party_type.get(party_name, math.inf)
        if sum_of_expectations > most:
            warnings.append(f"{place}: {sum_of_expectations:.3f} accounts a party exceed {most}")
        least = limits.min_nonzero_account_types_in_domain.get(party_name, 0)
        if len(positive) < least:
            warnings.append(f"{place}: {len(positive)} account types are fewer than {least}")
        for slot, code, value in positive:
            p_zero, sigma = _tagged(packs, words["account_type"][code], segment_name)
            k_max = packs.account_per_party_priors.rules[words["account_type"][code]].K_max
            cell = AccountCell(region, party_type, segment, code, slot, ranges, 0, k_max, p_zero, sigma)
            yield cell, ranges.size * value


def _expectation(packs: Packs, account_type: str, segment: str) -> float:
    """Accounts of the type that a party of the segment holds."""
    mix = packs.product_mix_priors
    features = packs.segmentation_priors.segments[segment].features
    tilt = math.fsum(
        weight * (features[feature] - mix.tilt.center)
        for feature, weight in sorted(mix.tilt.weights.get(account_type, {}).items())
        if weight
    )
    clipped = min(max(tilt, -mix.tilt.clip), mix.tilt.clip)
    return mix.types[account_type].base_lambda * float(weights.exp(np.array([clipped]))[0])


def _tagged(packs: Packs, account_type: str, segment: str) -> tuple[float, float]:
    """Zero-gate share and spread of a type after the segment's tags."""
    priors = packs.account_per_party_priors
    rule = priors.rules[account_type]
    p_zero, sigma = rule.p_zero_weight, rule.sigma
    for entry in priors.tag_adjustments:
        if entry.account_type == account_type and entry.tag in packs.segmentation_priors.segments[segment].tags:
            p_zero *= min(max(entry.p_zero_weight_factor, entry.min), entry.max)
            sigma *= min(max(entry.sigma_factor, entry.min), entry.max)
    return min(max(p_zero, 0.0), 1.0), max(sigma, 0.0)


def _check_domain(
    packs: Packs, words: Vocabularies, party_type: str, segment: str, expected: list[tuple[int, int, float]]
) -> None:
    mix = packs.product_mix_priors
    place = f"product_mix_priors, party type {party_type}, segment {segment}"
    if not expected and mix.constraints.disallow_zero_domain_cells:
        raise _error(
            "DOMAIN_INVALID",
            "zero_domain_cell",
            f"parties of type {party_type} may hold no account type",
            place,
            "list at least one account type for the party type",
        )
    for _, code, value in expected:
        account_type = words["account_type"][code]
        if value <= 0.0 and mix.types[account_type].required and mix.constraints.enforce_required_types:
            raise _error(
                "DOMAIN_INVALID",
                "required_account_type_zero_lambda",
                f"required account type {account_type} has expectation {value}",
                place,
                "give the type a positive base_lambda",
            )


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
        EngineError: ALLOCATION_FAILED, KMAX_POSTCHECK_FAILED, PRIOR_PACK_INVALID (``invalid_kmax_rule``).
    """
    caps = plan.packs.account_per_party_priors.caps
    capped = caps.cap_enforcement_mode == "hard_global_postmerge"
    kind = np.uint8 if capped else np.uint16
    loops = backend.loops(twin or backend.twin_for(plan.parties.parties))
    counts = np.zeros((max(map(len, plan.slots)), plan.parties.parties), dtype=kind)
    key = partial(
        hashing.entity_key,
        "S2",
        manifest_fingerprint=world.manifest_fingerprint,
        parameter_hash=world.parameter_hash,
        seed=world.seed,
    )
    overflow = redistributed = violations = 0
    facts: list[DrawFact] = []
    for cell in plan.cells:
        name = plan.words["account_type"][cell.account_type]
        size = cell.ranges.size
        if capped and cell.k_max > np.iinfo(kind).max:
            raise _error(
                "PRIOR_PACK_INVALID",
                "invalid_kmax_rule",
                f"K_max {cell.k_max} of {name} exceeds {np.iinfo(kind).max}",
                f"account_per_party_priors, rules.{name}.K_max",
                "lower the cap",
            )
        weight = np.empty(size, dtype=np.uint32)
        table = weights.weight_table(cell.sigma, plan.packs.account_per_party_priors.weight_floor)
        bound = hashing.below(cell.p_zero_weight)
        first, count = cell.ranges.first, cell.ranges.count
        loops.weigh(first, count, key(name, "zero_gate"), bound, key(name, "weight"), table, weight)
        room = np.full(size, cell.k_max if capped else UNCAPPED, dtype=kind)
        out = np.zeros(size, dtype=kind)
        result = spread(cell.accounts, weight, room, out, loops, ties=ties, rounds=1)
        facts.append(_cell_fact(plan, cell, result))
        if result.rest:
            overflow += result.rest
            loops.weigh(first, count, 0, 0, key(name, "kmax_redistribute_weight"), _DEFICIT, weight)
            weight *= room
            redistributed += result.rest - spread(result.rest, weight, room, out, loops).rest
        if capped:
            violations += int((out.astype(np.int64) - cell.k_max).clip(min=0).sum()) if out.max() > cell.k_max else 0
        at = 0
        for start, length in zip(first.tolist(), count.tolist(), strict=True):
            counts[cell.slot, start - 1 : start - 1 + length] = out[at : at + length]
            at += length
    if violations > caps.max_allowed_kmax_violations:
        raise _error(
            "KMAX_POSTCHECK_FAILED",
            "kmax_violations",
            f"{violations} accounts stand above their caps",
            "s2_party_product_holdings_6A, account_count",
            "report this: the cap pass must not leave any",
        )
    context = {
        "note": caps.cap_enforcement_mode,
        "total_accounts": plan.total - (overflow - redistributed),
        "kmax_overflow_rows": overflow,
        "kmax_redistributed_rows": redistributed,
        "kmax_dropped_rows": overflow - redistributed,
        "kmax_postcheck_violations": violations,
    }
    facts.append(DrawFact("account_attribute_sampling", (), context))
    return Accounts(plan, counts, overflow, redistributed, overflow - redistributed, tuple(facts))


def _cell_fact(plan: AccountPlan, cell: AccountCell, result: Spread) -> DrawFact:
    words = plan.words
    context = {
        "region_id": words["region"][cell.region],
        "party_type": words["party_type"][cell.party_type],
        "segment_id": words["segment"][cell.segment],
        "account_type": words["account_type"][cell.account_type],
        "party_count": cell.ranges.size,
        "eligible_party_count": result.eligible,
        "n_acc": cell.accounts,
    }
    if cell.accounts and not result.eligible:
        place = ", ".join(str(value) for value in list(context.values())[:4])
        raise _error(
            "ALLOCATION_FAILED",
            "allocation_weights_zero",
            f"{cell.accounts} accounts, but none of {cell.ranges.size} parties passed the zero gate",
            place,
            "lower p_zero_weight of the account type, or make a larger world",
            **context,
        )
    return DrawFact("account_allocation_sampling", result.reservations, context)
