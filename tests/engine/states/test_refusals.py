"""Figures that leave entities without takers, or that are missing, end with their cell and code."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.errors import EngineError
from engine.states.runs import AccountRuns, PartyBlocks
from engine.states.s2 import allocate_accounts, plan_accounts
from engine.states.s2_rows import account_rows
from engine.states.s3 import allocate_instruments, plan_counts
from engine.states.s4 import plan_device_counts, plan_ip_counts
from engine.states.s4_rows import emit_region
from tests.engine.kernels import worlds
from tests.engine.states.making import SCALE, made


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
