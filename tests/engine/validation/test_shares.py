"""A world made by the states themselves passes the checks, and its shares are those of the priors."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.config import PACK_NAMES, load_packs
from engine.config import PACKS as SHIPPED
from engine.config.views import (
    account_priors,
    graph_priors,
    graph_vocabulary,
    instrument_priors,
    instrument_vocabulary,
    party_vocabulary,
)
from engine.contracts import vocabularies
from engine.identity import WorldKey
from engine.kernels.ties import CounterStream
from engine.states import s2_rows, s3, s4, s4_rows, s5
from engine.states.runs import PartyBlocks
from engine.states.s2 import allocate_accounts, plan_accounts
from engine.upstream.shape import region_of_country
from engine.validation import run_checks, take_census
from engine.validation.shares import shares

sys.path.insert(0, str(Path(__file__).parent))
from tables import write

PACKS = load_packs()
COUNTRIES = {"DE": 30_000, "PL": 20_000, "GB": 20_000, "FR": 25_000, "DK": 40_000}
WORDS = vocabularies(PACKS, COUNTRIES)
MERCHANTS = np.arange(1, 1_239)


def parties():
    """Blocks by country and segment, counts by the shares of the region."""
    pack, rows = PACKS.segmentation_priors, []
    for country in WORDS["country"]:
        region = region_of_country(country)
        for segment in WORDS["segment"]:
            kind = pack.segments[segment].party_type
            share = pack.party_type_share_by_region[region][kind]
            share *= pack.segment_share_by_region[kind][region][segment]
            codes = [WORDS["country"].index(country), WORDS["region"].index(region)]
            codes += [WORDS["party_type"].index(kind), WORDS["segment"].index(segment)]
            rows.append([*codes, round(COUNTRIES[country] * share)])
    columns = np.array(rows).T
    country, region, party_type, segment = columns[:4].astype(np.uint8)
    return PartyBlocks.from_counts(
        country=country, region=region, party_type=party_type, segment=segment, count=columns[4].astype(np.int64)
    )


def generate(folder, seed, packs=PACKS):
    """All tables of a world below a folder; returns their paths."""
    world = WorldKey(seed, "a" * 64, "b" * 64, "0" * 32)
    streams = {}

    def ties(label):
        facts = {"manifest_fingerprint": world.manifest_fingerprint, "parameter_hash": world.parameter_hash}
        return streams.setdefault(label, CounterStream(label, seed=seed, **facts))

    blocks = parties()
    plan = plan_accounts(account_priors(packs), party_vocabulary(WORDS), blocks, ties=ties("a"))
    accounts = allocate_accounts(plan, world, ties=ties("b"))
    table = s2_rows.account_rows(accounts)
    runs = table.runs()
    counts = s3.plan_counts(instrument_priors(packs), instrument_vocabulary(WORDS), runs, ties=ties("c"))
    devices = s4.plan_device_counts(graph_priors(packs), graph_vocabulary(WORDS), blocks, ties=ties("d"))
    ips = s4.plan_ip_counts(devices, ties=ties("e"))
    parts = [
        *s2_rows.emit_account_base(table),
        *s2_rows.emit_holdings(accounts),
        *s3.allocate_instruments(counts, world, allocation=ties("f"), attributes=ties("g")),
        *s4_rows.emit_ip_base(ips),
        *(part for region in ips.regions for part in s4_rows.emit_region(ips, world, region)),
    ]
    tables = {}
    for part in parts:
        tables.setdefault(part.dataset, []).append(part.columns)
    tables = {
        name: {key: np.concatenate([part[key] for part in rows]) for key in rows[0]} for name, rows in tables.items()
    }
    repeat = {
        name: np.repeat(getattr(blocks, name), blocks.count) for name in ("country", "region", "party_type", "segment")
    }
    tables["s1_party_base_6A"] = {
        "party_id": np.arange(1, len(repeat["country"]) + 1),
        "party_type": repeat["party_type"],
        "segment_id": repeat["segment"],
        "region_id": repeat["region"],
        "country_iso": repeat["country"],
    }
    roles = s5.plan_roles(packs, WORDS, world)
    people = s5.party_roles(roles, repeat["party_type"])
    risky = s5.risky_parties(roles, people)
    base, held = tables["s2_account_base_6A"], tables["s4_device_base_6A"]
    address = tables["s4_ip_base_6A"]
    for found in (
        people,
        s5.account_roles(roles, base["account_type"], base["owner_party_id"], risky),
        s5.merchant_roles(roles, MERCHANTS),
        s5.device_roles(roles, iter([(held["device_id"], held["device_type"])]), len(people.roles), risky),
        s5.ip_roles(roles, address["ip_type"], address["asn_class"]),
    ):
        rows = list(found.parts())
        tables[found.dataset] = {key: np.concatenate([part.columns[key] for part in rows]) for key in rows[0].columns}
    paths = {name: folder / f"{name}.parquet" for name in tables}
    for name, columns in tables.items():
        write(paths[name], name, columns, WORDS, world)
    return paths


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    return {seed: generate(tmp_path_factory.mktemp(f"seed{seed}"), seed) for seed in (42, 7)}


@pytest.mark.parametrize("seed", [42, 7])
def test_a_generated_world_passes_every_check(worlds, seed):
    checks = run_checks(take_census(worlds[seed], MERCHANTS), PACKS)
    assert [check.check_id for check in checks if check.result != "PASS"] == []


@pytest.mark.parametrize("seed", [42, 7])
def test_observed_shares_are_those_of_the_priors(worlds, seed):
    found = shares(worlds[seed], PACKS, WORDS)
    assert len(found) > 400
    assert [share for share in found if not share.kept] == []


@pytest.mark.parametrize("seed", [42, 7])
def test_as_many_devices_share_an_address_as_the_policy_bounds(worlds, seed):
    tail = PACKS.validation_policy.distribution.ip_degree_tail
    # No device has an address twice, so that links count devices.
    links = np.bincount(pq.read_table(worlds[seed]["s4_ip_links_6A"], columns=["ip_id"])["ip_id"].to_numpy())
    p99, most = np.percentile(links[links > 0], 99), links.max()
    assert tail.p99_max / 2 < p99 <= tail.p99_max
    assert p99 < most <= tail.max_max


def test_every_kind_of_prior_is_recounted(worlds):
    kinds = {share.name.split("/")[0] for share in shares(worlds[42], PACKS, WORDS)}
    assert kinds == {
        "party_type", "segment", "accounts", "instruments_per_account", "instrument_mix", "scheme", "devices_per_party",
        "device_mix", "os", "ip_type", "ips_per_device", "role",
    }  # fmt: skip


CHANGES = {
    "party_type": ("segmentation_priors", "RETAIL: 0.968, BUSINESS: 0.028", "RETAIL: 0.948, BUSINESS: 0.048"),
    "accounts": ("product_mix_priors", "base_lambda: 0.45", "base_lambda: 0.47"),
    "instruments_per_account": ("instrument_mix_priors", "RETAIL_CURRENT_BASIC: 1.6", "RETAIL_CURRENT_BASIC: 1.7"),
    "scheme": ("instrument_mix_priors", "VISA: 0.52, MASTERCARD: 0.4,", "VISA: 0.5, MASTERCARD: 0.42,"),
    "device_mix": ("device_count_priors", "IOT_DEVICE: 0.02, LAPTOP: 0.12", "IOT_DEVICE: 0.03, LAPTOP: 0.11"),
    "os": ("device_count_priors", "ANDROID: 0.72, IOS: 0.28", "ANDROID: 0.69, IOS: 0.31"),
    "ip_type": ("ip_count_priors", "RESIDENTIAL: 0.42, MOBILE: 0.3,", "RESIDENTIAL: 0.38, MOBILE: 0.34,"),
    "ips_per_device": ("ip_count_priors", "CONSUMER_MOBILE: 4.8", "CONSUMER_MOBILE: 4.7"),
    "role": ("party_role_priors", "CLEAN: 0.8, MULE: 0.1", "CLEAN: 0.7, MULE: 0.2"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_world_made_from_other_priors_is_noticed(worlds, tmp_path, kind):
    name, old, new = CHANGES[kind]
    root = Path(shutil.copytree(SHIPPED, tmp_path / "packs"))
    path = root / next(pack.path for pack in PACK_NAMES if pack.field == name)
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    lost = {share.name.split("/")[0] for share in shares(worlds[42], load_packs(root), WORDS) if not share.kept}
    assert kind in lost
