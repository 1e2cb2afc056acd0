"""Accounts, instruments and the graph of small worlds: sums, caps, keys, order, shares, events."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from engine.states.s2 import allocate_accounts, plan_accounts
from tests.engine.kernels import worlds
from tests.engine.states.making import SCALE, made


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
    # Parties come ready here, and roles are drawn later.
    expected = {name: n for name, n in worlds.EVENTS_OF.items() if not name.startswith(("party_", "fraud_role_"))}
    assert {label: len(found) for label, found in facts.items()} == expected
    for fact in facts["account_allocation_sampling"]:
        assert [taken.draws for taken in fact.reservations] in ([], [fact.context["eligible_party_count"]])
    for label in ("account_allocation_sampling", "instrument_allocation_sampling"):
        taken = [reservation for fact in facts[label] for reservation in fact.reservations]
        counters = [(item.hi << 64) + item.lo for item in taken]
        assert [after - before for before, after in itertools.pairwise(counters)] == [
            item.blocks for item in taken[:-1]
        ]
