"""A small world of the contracts' tables, written as Parquet, for the checks to judge."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.config import load_packs
from engine.contracts import vocabularies
from engine.identity import WorldKey
from engine.states import s5
from engine.validation import take_census

sys.path.insert(0, str(Path(__file__).parent))
from tables import write

PACKS = load_packs()
WORDS = vocabularies(PACKS, ["DE", "FR", "GB"])
MERCHANTS = np.arange(1, 1_239)
WORLD = WorldKey(42, "a" * 64, "b" * 64, "0" * 32)


@dataclass
class SmallWorld:
    """Tables as columns; ``write_all`` puts them on disk, ``change`` rewrites one."""

    folder: Path
    tables: dict

    @property
    def paths(self):
        return {name: self.folder / f"{name}.parquet" for name in self.tables}

    def write_all(self):
        for name, columns in self.tables.items():
            write(self.paths[name], name, columns, WORDS, WORLD)
        return self

    def census(self, **options):
        return take_census(self.paths, MERCHANTS, **options)

    def change(self, name, **columns):
        self.tables[name] = {**self.tables[name], **columns}
        write(self.paths[name], name, self.tables[name], WORDS, WORLD)


def make(folder, parties=4_000):
    rng = np.random.default_rng(5)
    codes = lambda name, rows: rng.integers(0, len(WORDS[name]), rows).astype(np.uint8)  # noqa: E731
    party = np.arange(1, parties + 1)
    party_type = rng.choice(3, parties, p=[0.03, 0.01, 0.96]).astype(np.uint8)
    owner = np.sort(rng.integers(1, parties + 1, parties * 3))
    account_type, accounts = codes("account_type", len(owner)), len(owner)
    held = np.sort(rng.permutation(accounts)[: accounts // 2]) + 1
    counts = rng.integers(0, 5, parties)
    holder = np.repeat(party, counts)
    device = holder * 15 + 1 + np.arange(len(holder)) - np.repeat(np.cumsum(counts) - counts, counts)
    device_type = codes("device_type", len(device))
    ips = 2_000
    ip_type, asn = codes("ip_type", ips), codes("asn_class", ips)
    edge_device = np.repeat(np.arange(len(device)), 2)
    edge_ip = 1 + (np.arange(len(edge_device)) * 7) % ips
    plan = s5.plan_roles(PACKS, WORDS, WORLD)
    people = s5.party_roles(plan, party_type)
    risky = s5.risky_parties(plan, people)
    roles = [
        people,
        s5.account_roles(plan, account_type, owner, risky),
        s5.merchant_roles(plan, MERCHANTS),
        s5.device_roles(plan, iter([(device.astype(np.uint32), device_type)]), parties, risky),
        s5.ip_roles(plan, ip_type, asn),
    ]
    held_types = np.unique(np.column_stack([owner, account_type]), axis=0, return_counts=True)
    tables = {
        "s1_party_base_6A": {
            "party_id": party,
            "party_type": party_type,
            "segment_id": codes("segment", parties),
            "region_id": codes("region", parties),
            "country_iso": codes("country", parties),
        },
        "s2_account_base_6A": {
            "account_id": np.arange(1, accounts + 1),
            "owner_party_id": owner,
            "account_type": account_type,
            "party_type": party_type[owner - 1],
            "segment_id": codes("segment", accounts),
            "region_id": codes("region", accounts),
            "country_iso": codes("country", accounts),
        },
        "s2_party_product_holdings_6A": {
            "owner_party_id": held_types[0][:, 0],
            "account_type": held_types[0][:, 1].astype(np.uint8),
            "account_count": held_types[1],
        },
        "s3_instrument_base_6A": {
            "instrument_id": np.arange(1, len(held) + 1),
            "account_id": held,
            "owner_party_id": owner[held - 1],
            "instrument_type": codes("instrument_type", len(held)),
            "scheme": codes("scheme", len(held)),
        },
        "s3_account_instrument_links_6A": {
            "account_id": held,
            "instrument_id": np.arange(1, len(held) + 1),
            "instrument_type": codes("instrument_type", len(held)),
            "scheme": codes("scheme", len(held)),
        },
        "s4_device_base_6A": {
            "device_id": device,
            "device_type": device_type,
            "os_family": codes("os_family", len(device)),
            "primary_party_id": holder,
            "home_region_id": codes("region", len(device)),
            "home_country_iso": codes("country", len(device)),
        },
        "s4_device_links_6A": {"device_id": device, "party_id": holder},
        "s4_ip_base_6A": {
            "ip_id": np.arange(1, ips + 1),
            "ip_type": ip_type,
            "asn_class": asn,
            "country_iso": codes("country", ips),
        },
        "s4_ip_links_6A": {
            "ip_id": edge_ip,
            "device_id": device[edge_device],
            "party_id": holder[edge_device],
        },
    }
    for table in roles:
        parts = list(table.parts())
        tables[table.dataset] = {
            name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
        }
    return SmallWorld(folder, tables)


@pytest.fixture
def world(tmp_path):
    return make(tmp_path).write_all()
