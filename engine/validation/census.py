"""One pass over each published table: what the checks judge, counted from the Parquet files alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.contracts.model import Dataset, datasets
from engine.contracts.reading import batches, integers

OWNER_ROLE = "PRIMARY_OWNER"


@dataclass(slots=True)
class ColumnFacts:
    """What a pass over one column found.

    Attributes:
        nulls: Null values.
        words: Word to rows, for columns of words.
    """

    nulls: int = 0
    words: dict[str, int] = field(default_factory=dict)

    def see(self, values: pa.Array) -> None:
        """Take in some rows."""
        self.nulls += values.null_count
        if pa.types.is_dictionary(values.type):
            indices = values.indices
            if indices.null_count:
                indices = indices.drop_null()
            counts = np.bincount(indices.to_numpy(zero_copy_only=False), minlength=len(values.dictionary))
            for word, count in zip(values.dictionary.to_pylist(), counts.tolist(), strict=True):
                if count:
                    self.words[word] = self.words.get(word, 0) + count


@dataclass(slots=True)
class TableCensus:
    """Counts of one table.

    Attributes:
        rows: Rows.
        columns: Column name to what was found in it.
        facts: Numbers that the checks of this table name.
    """

    rows: int = 0
    columns: dict[str, ColumnFacts] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)

    def nulls(self, *names: str) -> int:
        """Nulls in some columns together."""
        return sum(self.columns[name].nulls for name in names)


Census = Mapping[str, TableCensus]
"""Dataset id to its counts."""

_PRESENT: Mapping[str, tuple[str, ...]] = {
    "s1_party_base_6A": ("party_id", "country_iso", "segment_id"),
    "s2_account_base_6A": ("account_id", "owner_party_id", "account_type"),
    "s3_instrument_base_6A": ("instrument_id", "account_id", "owner_party_id", "instrument_type"),
    "s3_account_instrument_links_6A": ("account_id", "instrument_id"),
    "s4_device_base_6A": ("device_id", "device_type", "primary_party_id"),
    "s4_ip_base_6A": ("ip_id", "ip_type", "country_iso"),
    "s4_device_links_6A": ("device_id", "party_id", "link_role"),
    "s4_ip_links_6A": ("ip_id", "device_id", "party_id", "link_role"),
}
ENTITIES: Mapping[str, tuple[str, str]] = {
    "party": ("s5_party_fraud_roles_6A", "s1_party_base_6A"),
    "account": ("s5_account_fraud_roles_6A", "s2_account_base_6A"),
    "merchant": ("s5_merchant_fraud_roles_6A", ""),
    "device": ("s5_device_fraud_roles_6A", "s4_device_base_6A"),
    "ip": ("s5_ip_fraud_roles_6A", "s4_ip_base_6A"),
}


def take_census(paths: Mapping[str, Path], *, threads: int = 2) -> Census:
    """Count all tables that the checks judge.

    Args:
        paths: Dataset id to its file.
        threads: Tables counted at a time; what is counted does not depend on it.

    Raises:
        EngineError: IO_READ_FAILED or SCHEMA_INVALID of the first table, in order of the states, that cannot be read.
    """
    contracts = datasets()

    def run(name: str, count: Callable[..., TableCensus], *more: object) -> TableCensus:
        return count(paths[name], contracts[name], *more)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        party = pool.submit(run, "s1_party_base_6A", _ascending_ids, "party_id")
        account = pool.submit(run, "s2_account_base_6A", _children, "account_id", {"owner_party_id": "party"})
        instrument = pool.submit(
            run,
            "s3_instrument_base_6A",
            _children,
            "instrument_id",
            {"account_id": "account", "owner_party_id": "party"},
        )
        ip = pool.submit(run, "s4_ip_base_6A", _ascending_ids, "ip_id")
        device = pool.submit(
            run, "s4_device_base_6A", _children, None, {"device_id": "device", "primary_party_id": "party"}
        )
        roles = {
            table: pool.submit(run, table, _roles, f"{entity}_id", f"fraud_role_{entity}")
            for entity, (table, _) in ENTITIES.items()
        }
        found: dict[str, TableCensus] = {
            "s1_party_base_6A": party.result(),
            "s2_account_base_6A": account.result(),
            "s3_instrument_base_6A": instrument.result(),
            "s4_device_base_6A": device.result(),
            "s4_ip_base_6A": ip.result(),
        }
        parties, accounts = found["s1_party_base_6A"].facts["max_id"], found["s2_account_base_6A"].facts["max_id"]
        links = pool.submit(
            run, "s3_account_instrument_links_6A", _instrument_links, accounts, found["s3_instrument_base_6A"].rows
        )
        known = _device_table(paths["s4_device_base_6A"], contracts["s4_device_base_6A"])
        found["s4_device_base_6A"].facts["duplicates"] = found["s4_device_base_6A"].rows - int(np.count_nonzero(known))
        owned = pool.submit(run, "s4_device_links_6A", _device_links, known, parties)
        shared = pool.submit(run, "s4_ip_links_6A", _ip_links, known, found["s4_ip_base_6A"].facts["max_id"])
        found["s3_account_instrument_links_6A"] = links.result()
        found["s4_device_links_6A"] = owned.result()
        found["s4_ip_links_6A"] = shared.result()
        found.update({table: future.result() for table, future in roles.items()})
    return found


def _new(columns: tuple[str, ...]) -> TableCensus:
    return TableCensus(columns={name: ColumnFacts() for name in columns})


def _children(path: Path, dataset: Dataset, id_column: str | None, parents: Mapping[str, str]) -> TableCensus:
    """Nulls, smallest and largest values of the keys, and whether own ids ascend without a gap."""
    columns = _PRESENT[dataset.id]
    census = _new(columns)
    facts = census.facts
    facts.update({f"{kind}_{name}": 0 for name in parents.values() for kind in ("max", "min")})
    facts.update({"max_id": 0, "disorder": 0})
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        for column, name in parents.items():
            values = integers(batch[column])
            if len(values):
                least = int(values.min())
                facts[f"max_{name}"] = max(facts[f"max_{name}"], int(values.max()))
                facts[f"min_{name}"] = min(facts[f"min_{name}"] or least, least)
        if id_column is not None:
            values = integers(batch[id_column])
            expected = np.arange(facts["max_id"] + 1, facts["max_id"] + 1 + len(values))
            facts["disorder"] += int(np.count_nonzero(values != expected))
            facts["max_id"] += len(values)
        census.rows += len(batch[columns[0]])
    return census


def _ascending_ids(path: Path, dataset: Dataset, id_column: str) -> TableCensus:
    return _children(path, dataset, id_column, {})


def _device_table(path: Path, dataset: Dataset) -> NDArray[np.uint8]:
    """1 for each device id of the base, u8, indexed by id."""
    known = np.zeros(1, dtype=np.uint8)
    for batch in batches(path, dataset, ("device_id",)):
        ids = integers(batch["device_id"])
        ids = ids[ids > 0]
        if len(ids) and int(ids.max()) >= len(known):
            known = np.concatenate([known, np.zeros(int(ids.max()) * 3 // 2 + 1 - len(known), dtype=np.uint8)])
        known[ids] = 1
    return known


def _tally(table: NDArray[np.uint16], ids: NDArray[np.int64]) -> int:
    """Add one for each id; ids outside the table are not added but returned as a number."""
    outside = 0
    if len(ids) and (int(ids.min()) < 1 or int(ids.max()) >= len(table)):
        inside = (ids >= 1) & (ids < len(table))
        outside = len(ids) - int(np.count_nonzero(inside))
        ids = ids[inside]
    np.add.at(table, ids, np.uint16(1))
    return outside


def _instrument_links(path: Path, dataset: Dataset, accounts: int, instruments: int) -> TableCensus:
    columns = _PRESENT[dataset.id]
    census = _new(columns)
    per_account = np.zeros(accounts + 1, dtype=np.uint16)
    per_instrument = np.zeros(instruments + 1, dtype=np.uint16)
    orphans = 0
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        orphans += _tally(per_account, integers(batch["account_id"]))
        orphans += _tally(per_instrument, integers(batch["instrument_id"]))
        census.rows += len(batch[columns[0]])
    census.facts["max_instruments_per_account"] = int(per_account.max())
    census.facts["unlinked_instruments"] = int(np.count_nonzero(per_instrument[1:] != 1))
    census.facts["orphans"] = orphans
    return census


def _device_links(path: Path, dataset: Dataset, known: NDArray[np.uint8], parties: int) -> TableCensus:
    columns = _PRESENT[dataset.id]
    census = _new(columns)
    per_party = np.zeros(parties + 1, dtype=np.uint16)
    per_device = np.zeros(len(known), dtype=np.uint16)
    owned = np.zeros(len(known), dtype=np.uint8)
    orphans = 0
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        devices = integers(batch["device_id"])
        orphans += _tally(per_party, integers(batch["party_id"]))
        orphans += _tally(per_device, devices)
        roles = batch["link_role"]
        owner = [index for index, word in enumerate(roles.dictionary.to_pylist()) if word == OWNER_ROLE]
        held = devices
        if len(roles.dictionary) != 1 or not owner or roles.null_count:
            mask = np.isin(roles.indices.fill_null(255).to_numpy(zero_copy_only=False), owner)
            held = devices[mask] if len(mask) == len(devices) else devices[:0]
        owned[held[(held > 0) & (held < len(owned))]] = 1
        census.rows += len(batch[columns[0]])
    census.facts["max_devices_per_party"] = int(per_party.max())
    census.facts["max_parties_per_device"] = int(per_device.max())
    census.facts["devices_without_owner"] = int(np.count_nonzero((known == 1) & (owned == 0)))
    census.facts["orphans"] = orphans + int(per_device[known == 0].sum(dtype=np.int64))
    return census


def _ip_links(path: Path, dataset: Dataset, known: NDArray[np.uint8], ips: int) -> TableCensus:
    columns = ("ip_id", "device_id", "link_role")
    census = _new(columns)
    per_ip = np.zeros(ips + 1, dtype=np.uint16)
    per_device = np.zeros(len(known), dtype=np.uint16)
    orphans = 0
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        orphans += _tally(per_ip, integers(batch["ip_id"]))
        orphans += _tally(per_device, integers(batch["device_id"]))
        census.rows += len(batch[columns[0]])
    census.facts["max_ips_per_device"] = int(per_device.max())
    census.facts["max_devices_per_ip"] = int(per_ip.max())
    census.facts["orphans"] = orphans + int(per_device[known == 0].sum(dtype=np.int64))
    return census


def _roles(path: Path, dataset: Dataset, id_column: str, role_column: str) -> TableCensus:
    columns = (id_column, role_column)
    census = _new(columns)
    before = 0
    disorder = 0
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        ids = integers(batch[id_column])
        if len(ids):
            disorder += int(ids[0] <= before) + int(np.count_nonzero(ids[1:] <= ids[:-1]))
            before = int(ids[-1])
        census.rows += len(batch[columns[0]])
    census.facts["disorder"] = disorder
    return census
