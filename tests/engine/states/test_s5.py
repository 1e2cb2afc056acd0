"""Roles: the twins agree, a risky owner lifts, shares follow the packs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import load_packs
from engine.contracts import vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey
from engine.kernels import roles
from engine.states import s5

WORLD = WorldKey(
    42,
    "c8fd43cd60ce0ede0c63d2ceb4610f167c9b107e1d59b9b8c7d7b8d0028b05c8",
    "56d45126eaabedd083a1d8428a763e0278c89efec5023cfd6cf3cab7fc8dd2d7",
    "0" * 32,
)
PACKS = load_packs()
WORDS = vocabularies(PACKS, ["DE", "FR"])
PLAN = s5.plan_roles(PACKS, WORDS, WORLD)
SIX_SIGMA = 6.0


def world(seed):
    return WorldKey(seed, WORLD.manifest_fingerprint, WORLD.parameter_hash, WORLD.run_id)


def code(vocabulary, word):
    return WORDS[vocabulary].index(word)


def share(table, vocabulary, word):
    return np.count_nonzero(table.roles == code(vocabulary, word)) / len(table.roles)


def near(got, wanted, rows):
    return abs(got - wanted) <= SIX_SIGMA * (wanted * (1 - wanted) / rows) ** 0.5


def test_the_key_of_a_stream_is_the_published_one():
    assert s5.stream_key(WORLD, "party_risk_tier") == 284664761951978865


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    entity=st.sampled_from(sorted(PLAN.laws)),
    first=st.integers(1, 2**32 - 300),
    count=st.integers(0, 200),
    data=st.data(),
)
def test_the_columnar_twin_equals_the_reference(seed, entity, first, count, data):
    law = s5.plan_roles(PACKS, WORDS, world(seed)).laws[entity]
    ids = np.arange(first, first + count, dtype=np.uint64)
    kinds = np.array(
        data.draw(st.lists(st.integers(0, len(law.group_of) - 1), min_size=count, max_size=count)), np.uint8
    )
    owners = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), np.uint32)
    risky = np.array([0, 1, 1, 0], np.uint8)
    lifted = bool(law.lift_bounds.any())
    got = roles.assign(law, ids, kinds, owners, risky)
    wanted = [
        roles.reference(law, int(i), int(k), owner_risky=lifted and bool(risky[o]))
        for i, k, o in zip(ids, kinds, owners, strict=True)
    ]
    assert list(zip(*(column.tolist() for column in got), strict=True)) == wanted


def test_shares_of_parties_follow_the_packs():
    rows = 400_000
    table = s5.party_roles(PLAN, np.full(rows, code("party_type", "RETAIL"), np.uint8))
    mass = PACKS.party_role_priors.tier_thresholds.mass
    row = PACKS.party_role_priors.roles["RETAIL"]
    for role in WORDS["party_role"]:
        wanted = sum(part * row.of(tier)[role] for part, tier in zip(mass, s5.TIERS, strict=True))
        assert near(share(table, "party_role", role), wanted, rows), role
    for tier, part in zip(s5.TIERS, mass, strict=True):
        assert near(np.count_nonzero(table.tiers == code("risk_tier", tier)) / rows, part, rows)


def test_a_risky_owner_lifts_the_tiers_of_what_it_owns():
    rows = 400_000
    kinds = np.full(rows, code("account_type", "RETAIL_CURRENT_BASIC"), np.uint8)
    owners = np.ones(rows, np.uint32)
    calm = s5.account_roles(PLAN, kinds, owners, np.array([0, 0], np.uint8))
    lifted = s5.account_roles(PLAN, kinds, owners, np.array([0, 1], np.uint8))
    mass = PACKS.account_role_priors.expected.tier_mass["of_risky_party"]
    for tier, part in mass.items():
        assert near(np.count_nonzero(lifted.tiers == code("risk_tier", tier)) / rows, part, rows), tier
    clean = share(calm, "account_role", "CLEAN_ACCOUNT"), share(lifted, "account_role", "CLEAN_ACCOUNT")
    odds = (1 - clean[1]) / clean[1] / ((1 - clean[0]) / clean[0])
    assert odds == pytest.approx(1.73, abs=0.15)


def test_an_other_party_is_always_clean():
    table = s5.party_roles(PLAN, np.full(50_000, code("party_type", "OTHER"), np.uint8))
    assert share(table, "party_role", "CLEAN") == 1.0


def test_devices_come_sorted_whatever_the_order_of_the_base():
    ids = np.array([46, 31, 16, 32, 17], np.uint32)
    kinds = np.array([0, 1, 2, 3, 4], np.uint8)
    risky = np.array([0, 0, 1, 0], np.uint8)
    whole = s5.device_roles(PLAN, iter([(ids, kinds)]), 3, risky)
    split = s5.device_roles(PLAN, iter([(ids[3:], kinds[3:]), (ids[:3], kinds[:3])]), 3, risky)
    assert whole.ids.tolist() == sorted(ids.tolist())
    assert whole.roles.tolist() == split.roles.tolist()
    assert whole.tiers.tolist() == split.tiers.tolist()


@pytest.mark.parametrize("ids", [[16, 16], [3], [60]])
def test_a_device_that_stands_twice_or_belongs_to_nobody_is_refused(ids):
    with pytest.raises(EngineError) as caught:
        s5.device_roles(
            PLAN, iter([(np.array(ids, np.uint32), np.zeros(len(ids), np.uint8))]), 2, np.zeros(3, np.uint8)
        )
    assert caught.value.code == "6A.S5.REQUIRED_INPUT_MISSING"


def test_an_account_whose_owner_is_no_party_is_refused():
    with pytest.raises(EngineError):
        s5.account_roles(PLAN, np.zeros(1, np.uint8), np.array([5], np.uint32), np.zeros(3, np.uint8))


def test_parts_hold_every_row_once_in_order():
    table = s5.party_roles(PLAN, np.zeros(1_000, np.uint8))
    parts = list(table.parts(rows=300))
    assert np.concatenate([part.columns["party_id"] for part in parts]).tolist() == list(range(1, 1_001))
    assert [part.rows for part in parts] == [300, 300, 300, 100]


def test_seeds_give_different_roles():
    kinds = np.full(10_000, code("party_type", "RETAIL"), np.uint8)
    other = s5.party_roles(s5.plan_roles(PACKS, WORDS, world(7)), kinds)
    assert (s5.party_roles(PLAN, kinds).roles != other.roles).any()


def test_merchants_are_distinct_and_ascending():
    table = s5.merchant_roles(PLAN, np.array([5, 3, 3, 9]))
    assert table.ids.tolist() == [3, 5, 9]
    with pytest.raises(EngineError):
        s5.merchant_roles(PLAN, np.array([], np.int64))


def test_an_address_takes_the_group_of_the_first_rule_that_matches():
    groups = PACKS.ip_role_priors
    assert groups.group_of("VPN_PROXY", "HOSTING_PROVIDER") == "ANONYMIZER"
    assert groups.group_of("DATACENTRE", "CDN_EDGE") == "HOSTING"
    assert groups.group_of("RESIDENTIAL", "CONSUMER_ISP") == "PUBLIC_SHARED"
