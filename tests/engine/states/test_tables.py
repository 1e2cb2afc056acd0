"""Accounts, instruments and the graph of small worlds: sums, caps, keys, order, shares, events."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

from engine.errors import EngineError
from engine.states.parts import Part
from engine.states.runs import AccountRuns, PartyBlocks
from engine.states.s2 import allocate_accounts, plan_accounts
from engine.states.s2_rows import account_rows, emit_account_base, emit_holdings, emit_summary
from engine.states.s3 import allocate_instruments, plan_counts
from engine.states.s4 import WorldCaps, graph_facts, plan_device_counts, plan_ip_counts
from engine.states.s4_rows import emit_ip_base, emit_region
from tests.engine.kernels import worlds

SCALE = 0.02


@dataclasses.dataclass(frozen=True)
class Made:
    """All tables of a world as columns, and its events."""

    tables: dict[str, dict[str, np.ndarray]]
    facts: list
    works: list


def tabulate(parts) -> dict[str, dict[str, np.ndarray]]:
    gathered: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        gathered[part.dataset].append(part)
        assert all(len(values) == part.rows for values in part.columns.values())
    return {
        name: {column: np.concatenate([part.columns[column] for part in held]) for column in held[0].columns}
        for name, held in gathered.items()
    }


def build(world: worlds.World, twin: str = "numpy", rows: int = 1 << 19) -> Made:
    ties = worlds.Stream
    plan = plan_accounts(world.accounts, world.party, world.blocks, ties=ties())
    accounts = allocate_accounts(plan, world.key, ties=ties(), twin=twin)
    table = account_rows(accounts)
    tables = tabulate([*emit_account_base(table, rows=rows), *emit_holdings(accounts, rows=rows), *emit_summary(table)])
    counts = plan_counts(world.instruments, world.instrument, table.runs(), ties=ties())
    work = allocate_instruments(counts, world.key, allocation=ties(), attributes=ties(), rows=rows, twin=twin)
    tables |= tabulate(work)
    devices = plan_device_counts(world.graph, world.graph_words, world.blocks, ties=ties())
    ips = plan_ip_counts(devices, ties=ties())
    works = [emit_region(ips, world.key, region, rows=rows, twin=twin) for region in ips.regions]
    tables |= tabulate([*emit_ip_base(ips, rows=rows), *(part for region in works for part in region)])
    facts = [*plan.facts, *accounts.facts, *counts.facts, *work.facts]
    return Made(tables, [*facts, *devices.facts, *ips.facts, *graph_facts(ips)], works)


@cache
def made(seed: int = 42, twin: str = "numpy", rows: int = 1 << 19) -> Made:
    return build(worlds.small_world(SCALE, seed=seed), twin, rows)


def same(one: Made, other: Made) -> bool:
    return one.facts == other.facts and all(
        np.array_equal(values, other.tables[name][column])
        for name, columns in one.tables.items()
        for column, values in columns.items()
    )


@pytest.mark.parametrize("seed", [42, 7, 101])
def test_both_twins_make_the_same_world(seed):
    assert same(made(seed), made(seed, "compiled"))


@pytest.mark.parametrize("rows", [977, 30_000])
def test_a_world_does_not_depend_on_the_size_of_its_parts(rows):
    assert same(made(), build(worlds.small_world(SCALE), rows=rows))


def test_two_seeds_make_two_worlds():
    one, other = made(42).tables, made(7).tables
    for name, column in (
        ("s2_account_base_6A", "owner_party_id"),
        ("s3_instrument_base_6A", "account_id"),
        ("s4_device_base_6A", "device_id"),
        ("s4_ip_links_6A", "ip_id"),
    ):
        size = min(len(one[name][column]), len(other[name][column]))
        assert not np.array_equal(one[name][column][:size], other[name][column][:size])


def test_accounts_are_numbered_ordered_and_owned_as_the_contract_says():
    world, table = worlds.small_world(SCALE), made().tables["s2_account_base_6A"]
    owner = table["owner_party_id"].astype(np.int64)
    assert np.array_equal(table["account_id"], np.arange(1, len(owner) + 1))
    block = np.searchsorted(world.blocks.first, owner, side="right") - 1
    for column, of in (
        ("country_iso", "country"),
        ("region_id", "region"),
        ("party_type", "party_type"),
        ("segment_id", "segment"),
    ):
        assert np.array_equal(table[column], getattr(world.blocks, of)[block])
    key = (table["country_iso"].astype(np.int64) * 256 + table["account_type"]) * 2**32 + owner
    assert bool(np.all(np.diff(key) >= 0))


def test_holdings_and_summary_count_the_accounts_under_their_caps():
    world, tables = worlds.small_world(SCALE), made().tables
    accounts, holdings = tables["s2_account_base_6A"], tables["s2_party_product_holdings_6A"]
    key = accounts["owner_party_id"].astype(np.int64) * 256 + accounts["account_type"]
    keys, count = np.unique(key, return_counts=True)
    assert np.array_equal(keys, holdings["owner_party_id"].astype(np.int64) * 256 + holdings["account_type"])
    assert np.array_equal(count, holdings["account_count"])
    cap = np.array([world.accounts.rules[name].k_max for name in world.party.account_types])
    assert bool(np.all(holdings["account_count"] <= cap[holdings["account_type"]]))
    assert bool(np.any(holdings["account_count"] == cap[holdings["account_type"]]))
    assert int(tables["s2_account_summary_6A"]["account_count"].sum()) == len(key)


def test_the_cap_pass_moves_accounts_and_loses_none():
    context = next(fact.context for fact in made().facts if fact.label == "account_attribute_sampling")
    assert context["kmax_overflow_rows"] == context["kmax_redistributed_rows"] > 0
    assert context["kmax_dropped_rows"] == context["kmax_postcheck_violations"] == 0
    assert context["total_accounts"] == len(made().tables["s2_account_base_6A"]["account_id"])


def test_without_caps_nobody_is_clamped():
    world = worlds.small_world(SCALE)
    free = dataclasses.replace(world.accounts, cap_mode="none")
    plan = plan_accounts(free, world.party, world.blocks, ties=worlds.Stream())
    accounts = allocate_accounts(plan, world.key, ties=worlds.Stream())
    assert int(accounts.counts.sum()) == plan.total
    assert int(accounts.counts.max()) > max(rule.k_max for rule in world.accounts.rules.values())
    assert accounts.overflow == 0


def test_instruments_hang_on_accounts_of_their_type_within_the_hard_maximum():
    world, tables = worlds.small_world(SCALE), made().tables
    base, accounts = tables["s3_instrument_base_6A"], tables["s2_account_base_6A"]
    assert np.array_equal(base["instrument_id"], np.arange(1, len(base["instrument_id"]) + 1))
    at = base["account_id"].astype(np.int64) - 1
    assert np.array_equal(base["owner_party_id"], accounts["owner_party_id"][at])
    key = (at * 256 + accounts["account_type"][at]) * 256 + base["instrument_type"]
    keys, count = np.unique(key, return_counts=True)
    most = np.zeros((256, 256), dtype=np.int64)
    for (account_type, kind), rule in world.instruments.rules.items():
        row = world.instrument.account_types.index(account_type)
        most[row, world.instrument.instrument_types.index(kind)] = rule.hard_max
    limit = most[keys // 256 % 256, keys % 256]
    assert bool(np.all(count <= limit))
    assert bool(np.any(count == limit))
    links = tables["s3_account_instrument_links_6A"]
    assert all(np.array_equal(links[name], base[name]) for name in links)


def test_instruments_are_ordered_by_cell_and_account_and_schemes_take_their_share():
    world, tables = worlds.small_world(SCALE), made().tables
    base, accounts = tables["s3_instrument_base_6A"], tables["s2_account_base_6A"]
    at = base["account_id"].astype(np.int64) - 1
    cell = (accounts["party_type"][at].astype(np.int64) * 256 + accounts["account_type"][at]) * 256
    cell += base["instrument_type"]
    assert bool(np.all(np.diff(cell * 2**32 + at) >= 0))
    kind = world.instrument.instrument_types.index("RETAIL_DEBIT_CARD_PHYSICAL")
    schemes = base["scheme"][base["instrument_type"] == kind]
    for scheme, share in world.instruments.scheme_shares["CARD_NETWORK"]:
        observed = np.mean(schemes == world.instrument.schemes.index(scheme))
        assert observed == pytest.approx(share, abs=1e-3)


def test_devices_belong_to_their_party_and_number_within_it():
    world, table = worlds.small_world(SCALE), made().tables["s4_device_base_6A"]
    stride = world.graph.max_devices_per_party + 1
    party, number = np.divmod(table["device_id"].astype(np.int64), stride)
    assert np.array_equal(party, table["primary_party_id"])
    assert len(np.unique(table["device_id"])) == len(party)
    held = np.bincount(party)
    assert int(held.max()) <= world.graph.max_devices_per_party
    assert np.array_equal(np.bincount(party, weights=number), held * (held + 1) / 2)
    block = np.searchsorted(world.blocks.first, party, side="right") - 1
    assert np.array_equal(table["home_country_iso"], world.blocks.country[block])
    assert np.array_equal(table["home_region_id"], world.blocks.region[block])
    assert bool(np.all(np.diff(table["home_region_id"].astype(int)) >= 0))
    links = made().tables["s4_device_links_6A"]
    assert np.array_equal(links["device_id"], table["device_id"])
    assert np.array_equal(links["party_id"], party)


def test_every_device_has_distinct_addresses_of_its_region_in_its_own_order():
    tables = made().tables
    links, devices, ips = tables["s4_ip_links_6A"], tables["s4_device_base_6A"], tables["s4_ip_base_6A"]
    assert np.array_equal(ips["ip_id"], np.arange(1, len(ips["ip_id"]) + 1))
    key = links["device_id"].astype(np.int64) * 2**32 + links["ip_id"]
    assert len(np.unique(key)) == len(key)
    change = np.flatnonzero(np.diff(links["device_id"].astype(np.int64), prepend=-1))
    assert np.array_equal(links["device_id"][change], devices["device_id"])
    stride = worlds.small_world(SCALE).graph.max_devices_per_party + 1
    assert np.array_equal(links["party_id"], links["device_id"] // stride)
    region_of_device = np.repeat(devices["home_region_id"], np.diff(np.append(change, len(key))))
    edges = [links["ip_id"][region_of_device == region] for region in range(5)]
    assert all(int(edges[at].max()) < int(edges[at + 1].min()) for at in range(4))


def test_links_follow_the_shares_of_address_types_and_operating_systems_theirs():
    world, tables = worlds.small_world(SCALE), made().tables
    links, ips = tables["s4_ip_links_6A"], tables["s4_ip_base_6A"]
    devices = tables["s4_device_base_6A"]
    work = made().works
    kinds = ips["ip_type"][links["ip_id"] - 1]
    start = 0
    for region, of in enumerate(work):
        part = kinds[start : start + of.links]
        start += of.links
        for name, share in world.graph.ip_type_share[world.party.regions[region]]:
            assert np.mean(part == world.graph_words.ip_types.index(name)) == pytest.approx(share, abs=0.012)
    for name, rule in world.graph.devices.items():
        held = devices["os_family"][devices["device_type"] == world.graph_words.device_types.index(name)]
        for os_family, share in rule.os_shares:
            spread = 5.0 * math.sqrt(share * (1 - share) / len(held)) + 1e-9
            assert np.mean(held == world.graph_words.os_families.index(os_family)) == pytest.approx(share, abs=spread)


def test_the_graph_covers_all_devices_and_bounds_reuse():
    for work in made().works:
        assert work.covered == work.devices
        assert int(work.loads.max()) <= 600
        assert int(work.loads.sum()) == work.links


def test_events_draw_one_uniform_a_target_where_a_remainder_was_placed_and_name_their_contexts():
    facts = defaultdict(list)
    for fact in made().facts:
        facts[fact.label].append(fact)
    sizes = {label: len(found) for label, found in facts.items()}
    assert sizes == {
        "account_count_realisation": 1,
        "account_allocation_sampling": 440,
        "account_attribute_sampling": 1,
        "instrument_count_realisation": 13,
        "instrument_allocation_sampling": 30,
        "instrument_attribute_sampling": 30,
        "device_count_realisation": 15,
        "device_allocation_sampling": 1,
        "device_attribute_sampling": 1,
        "ip_count_realisation": 5,
        "ip_allocation_sampling": 1,
        "ip_attribute_sampling": 1,
    }
    for fact in facts["account_allocation_sampling"]:
        assert [taken.draws for taken in fact.reservations] in ([], [fact.context["eligible_party_count"]])
    for label in ("account_allocation_sampling", "instrument_allocation_sampling"):
        taken = [reservation for fact in facts[label] for reservation in fact.reservations]
        counters = [(item.hi << 64) + item.lo for item in taken]
        assert [after - before for before, after in itertools.pairwise(counters)] == [
            item.blocks for item in taken[:-1]
        ]


def test_weight_decides_who_holds_more():
    """Parties with heavy draws hold more accounts of the type than those with light ones."""
    holdings = made().tables["s2_party_product_holdings_6A"]
    world = worlds.small_world(SCALE)
    code = world.party.account_types.index("RETAIL_CREDIT_CARD_STANDARD")
    held = holdings["account_count"][holdings["account_type"] == code]
    retail = int(world.blocks.count[world.blocks.party_type == world.party.party_types.index("RETAIL")].sum())
    # Half of the parties hold none, and some hold four: far from an even split.
    assert len(held) / retail < 0.5
    assert int((held == 4).sum()) > 50


def test_a_gate_that_is_shut_by_its_figure_fails_with_the_cell():
    world = worlds.small_world(SCALE)
    rules = dict(world.accounts.rules)
    rules["BUSINESS_SAVINGS"] = dataclasses.replace(rules["BUSINESS_SAVINGS"], p_zero_weight=1.0)
    plan = plan_accounts(
        dataclasses.replace(world.accounts, rules=rules), world.party, world.blocks, ties=worlds.Stream()
    )
    with pytest.raises(EngineError) as caught:
        allocate_accounts(plan, world.key, ties=worlds.Stream())
    assert (caught.value.code, caught.value.reason) == ("6A.S2.ALLOCATION_FAILED", "allocation_weights_zero")
    assert "BUSINESS_SAVINGS" in caught.value.place


def test_a_gate_that_would_leave_nobody_opens():
    """Two parties a cell and a gate that shuts nearly all out: every account still finds an owner."""
    world = worlds.small_world(0.0004)
    plan = plan_accounts(world.accounts, world.party, world.blocks, ties=worlds.Stream())
    accounts = allocate_accounts(plan, world.key, ties=worlds.Stream())
    assert int(accounts.counts.sum()) == accounts.total


@pytest.mark.parametrize("break_rule", [{"hard_max": 1, "share": 1.0}, {"p_zero_weight": 1.0}])
def test_instruments_without_takers_fail(break_rule):
    world = worlds.small_world(SCALE)
    key = ("RETAIL_CURRENT_BASIC", "RETAIL_DEBIT_CARD_VIRTUAL")
    rules = {name: rule for name, rule in world.instruments.rules.items() if name[0] != key[0]}
    rules[key] = dataclasses.replace(world.instruments.rules[key], **break_rule)
    priors = dataclasses.replace(world.instruments, rules=rules)
    plan = plan_accounts(world.accounts, world.party, world.blocks, ties=worlds.Stream())
    runs = account_rows(allocate_accounts(plan, world.key, ties=worlds.Stream())).runs()
    counts = plan_counts(priors, world.instrument, runs, ties=worlds.Stream())
    with pytest.raises(EngineError) as caught:
        list(allocate_instruments(counts, world.key, allocation=worlds.Stream(), attributes=worlds.Stream()))
    assert caught.value.code == "6A.S3.ALLOCATION_FAILED"
    assert "RETAIL_DEBIT_CARD_VIRTUAL" in caught.value.place


def test_devices_beyond_the_capacity_of_parties_fail():
    world = worlds.small_world(SCALE)
    priors = dataclasses.replace(world.graph, devices_per_party={**world.graph.devices_per_party, "OTHER": 15.0})
    plan = plan_ip_counts(
        plan_device_counts(priors, world.graph_words, world.blocks, ties=worlds.Stream()), ties=worlds.Stream()
    )
    with pytest.raises(EngineError) as caught:
        list(emit_region(plan, world.key, 0))
    assert (caught.value.code, caught.value.reason) == (
        "6A.S4.DEVICE_INTEGERISATION_FAILED",
        "device_capacity_exceeded",
    )


def test_coverage_below_the_target_fails():
    world = worlds.small_world(0.002)
    priors = dataclasses.replace(world.graph, max_devices_per_ip=1, coverage_target=0.99)
    plan = plan_ip_counts(
        plan_device_counts(priors, world.graph_words, world.blocks, ties=worlds.Stream()), ties=worlds.Stream()
    )
    with pytest.raises(EngineError, match="coverage_below_target"):
        list(emit_region(plan, world.key, 0))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lambda_total": {}}, "lambda_total_missing"),
        ({"rules": {}}, "instrument_mix_missing"),
    ],
)
def test_missing_instrument_figures_name_the_account_type(change, reason):
    world = worlds.small_world(SCALE)
    runs = AccountRuns(*(np.array([0], dtype=np.uint8),) * 2, np.array([1]), np.array([9]), np.arange(9))
    with pytest.raises(EngineError) as caught:
        plan_counts(dataclasses.replace(world.instruments, **change), world.instrument, runs, ties=worlds.Stream())
    assert caught.value.reason == reason
    assert world.instrument.account_types[0] in caught.value.fact


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"devices_per_party": {}}, "lambda_missing"),
        ({"device_mix": {}}, "device_mix_missing"),
        ({"devices": {}}, "device_type_unknown"),
        ({"edges_per_device": {}}, "lambda_ip_per_device_missing_or_nonpositive"),
        ({"ip_type_share": {}}, "ip_type_mix_missing_region"),
        ({"max_devices_per_party": 0}, "invalid_max_devices_per_party"),
        ({"max_devices_per_ip": 0}, "invalid_max_devices_per_ip"),
        ({"world": WorldCaps(10, 10**9, 10**9, 10**9)}, "world_cap_exceeded"),
        ({"world": WorldCaps(10**9, 10, 10**9, 10**9)}, "world_cap_exceeded"),
        ({"world": WorldCaps(10**9, 10**9, 10, 10**9)}, "world_cap_exceeded"),
        ({"world": WorldCaps(10**9, 10**9, 10**9, 10)}, "world_cap_exceeded"),
    ],
)
def test_missing_graph_figures_are_named(change, reason):
    world = worlds.small_world(SCALE)
    with pytest.raises(EngineError) as caught:
        plan_ip_counts(
            plan_device_counts(
                dataclasses.replace(world.graph, **change), world.graph_words, world.blocks, ties=worlds.Stream()
            ),
            ties=worlds.Stream(),
        )
    assert (caught.value.code, caught.value.reason) == ("6A.S4.PRIOR_PACK_INVALID", reason)


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"rules": {}}, "PRIOR_PACK_INVALID", "account_rule_missing"),
        ({"domain": {}}, "DOMAIN_INVALID", "zero_domain_cell"),
        ({"tilt_clip": 0.0, "tilt_center": 0.5}, None, None),
    ],
)
def test_missing_account_figures_are_named(change, code, reason):
    world = worlds.small_world(SCALE)
    priors = dataclasses.replace(world.accounts, **change)
    if code is None:
        plan = plan_accounts(priors, world.party, world.blocks, ties=worlds.Stream())
        expected = sum(
            int(world.blocks.count[block]) * priors.rules[name].base_lambda
            for block in range(len(world.blocks.count))
            for name in priors.domain[
                world.party.party_types[world.blocks.party_type[block]],
                world.party.segments[world.blocks.segment[block]],
            ]
        )
        assert plan.total == round(expected)
        return
    with pytest.raises(EngineError) as caught:
        plan_accounts(priors, world.party, world.blocks, ties=worlds.Stream())
    assert (caught.value.code, caught.value.reason) == (f"6A.S2.{code}", reason)


def test_runs_are_found_again_in_rows_and_broken_ids_are_refused():
    world, accounts = worlds.small_world(SCALE), made().tables["s2_account_base_6A"]
    blocks = world.blocks
    columns = {
        name: np.repeat(getattr(blocks, name), blocks.count) for name in ("country", "region", "party_type", "segment")
    }
    ids = np.arange(1, blocks.parties + 1)
    found = PartyBlocks.from_columns(party_id=ids, **columns)
    assert all(np.array_equal(getattr(found, name), getattr(blocks, name)) for name in (*columns, "first", "count"))
    with pytest.raises(EngineError, match="party_base_scope_mismatch"):
        PartyBlocks.from_columns(party_id=ids[::-1], **columns)
    with pytest.raises(EngineError, match="party_base_empty"):
        PartyBlocks.from_columns(party_id=ids[:0], **{name: values[:0] for name, values in columns.items()})
    names = ("account_id", "owner_party_id", "account_type", "party_type")
    runs = AccountRuns.from_columns(**{name: accounts[name] for name in names})
    plan = plan_counts(world.instruments, world.instrument, runs, ties=worlds.Stream())
    assert plan.total == len(made().tables["s3_instrument_base_6A"]["instrument_id"])
    with pytest.raises(EngineError, match="duplicate_account_id"):
        AccountRuns.from_columns(**{name: np.flip(accounts[name]) for name in names})
    with pytest.raises(EngineError, match="cell_owner_alignment_invalid"):
        AccountRuns.from_columns(**{name: accounts[name][: 5 if name == "party_type" else 9] for name in names})
