"""One pass over each published table: what the checks judge, counted from the Parquet files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from engine.contracts.model import Dataset, datasets
from engine.contracts.reading import batches, row_count
from engine.validation.keys import Holdings, Ids, Owners, Strangers, Tally, aligned, among, within

T = TypeVar("T")

OWNER_ROLE = "PRIMARY_OWNER"
_IDS_A_PARTY = 256
"""Device ids stay below this many a party: a cap of devices fits a byte."""


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

Rows = Mapping[str, pa.Array]

_SEEN: Mapping[str, tuple[str, ...]] = {
    "s1_party_base_6A": ("party_id", "country_iso", "segment_id"),
    "s2_account_base_6A": ("account_id", "owner_party_id", "account_type"),
    "s2_party_product_holdings_6A": ("owner_party_id", "account_type", "account_count"),
    "s3_instrument_base_6A": ("instrument_id", "account_id", "owner_party_id", "instrument_type"),
    "s3_account_instrument_links_6A": ("account_id", "instrument_id"),
    "s4_device_base_6A": ("device_id", "device_type", "primary_party_id"),
    "s4_ip_base_6A": ("ip_id", "ip_type", "country_iso"),
    "s4_device_links_6A": ("device_id", "party_id", "link_role"),
    "s4_ip_links_6A": ("ip_id", "device_id", "party_id", "link_role"),
    "s5_party_fraud_roles_6A": ("party_id", "fraud_role_party"),
    "s5_account_fraud_roles_6A": ("account_id", "fraud_role_account"),
    "s5_merchant_fraud_roles_6A": ("merchant_id", "fraud_role_merchant"),
    "s5_device_fraud_roles_6A": ("device_id", "fraud_role_device"),
    "s5_ip_fraud_roles_6A": ("ip_id", "fraud_role_ip"),
}
ROLE_TABLES: Mapping[str, str] = {
    entity: f"s5_{entity}_fraud_roles_6A" for entity in ("party", "account", "merchant", "device", "ip")
}
"""Kind of entity to the table of its roles."""


def take_census(paths: Mapping[str, Path], merchants: Ids, *, threads: int = 2) -> Census:
    """Count all tables that the checks judge.

    Args:
        paths: Dataset id to its file.
        merchants: Ids of the merchants of the sealed outlets, which the merchants' roles must be of.
        threads: Tables counted at a time; what is counted does not depend on it.

    Raises:
        EngineError: IO_READ_FAILED or SCHEMA_INVALID of a table that cannot be read.
    """
    with ThreadPoolExecutor(max_workers=threads) as pool:

        def start(name: str, count: Callable[..., T], *more: object) -> Future[T]:
            return pool.submit(count, paths[name], datasets()[name], *more)

        party, ip = start("s1_party_base_6A", _numbered), start("s4_ip_base_6A", _numbered)
        parties, ips = party.result().rows, ip.result().rows
        account, device = start("s2_account_base_6A", _accounts, parties), start("s4_device_base_6A", _devices, parties)
        accounts, owner_of_account, held = account.result()
        instrument = start("s3_instrument_base_6A", _instruments, parties, owner_of_account)
        devices, owner_of_device = device.result()
        instruments, account_of_instrument = instrument.result()
        jobs: dict[str, tuple[Any, ...]] = {
            "s2_party_product_holdings_6A": (_holdings, parties, held),
            "s3_account_instrument_links_6A": (_instrument_links, owner_of_account, account_of_instrument),
            "s4_device_links_6A": (_device_links, parties, owner_of_device),
            "s4_ip_links_6A": (_ip_links, ips, owner_of_device),
            ROLE_TABLES["party"]: (_roles, within(parties), parties),
            ROLE_TABLES["account"]: (_roles, within(accounts.rows), accounts.rows),
            ROLE_TABLES["merchant"]: (_roles, among(merchants), len(merchants)),
            ROLE_TABLES["device"]: (_roles, owner_of_device.strangers, devices.rows),
            ROLE_TABLES["ip"]: (_roles, within(ips), ips),
        }
        rest: dict[str, Future[TableCensus]] = {name: start(name, *job) for name, job in jobs.items()}
        return {
            "s1_party_base_6A": party.result(),
            "s2_account_base_6A": accounts,
            "s3_instrument_base_6A": instruments,
            "s4_device_base_6A": devices,
            "s4_ip_base_6A": ip.result(),
            **{name: future.result() for name, future in rest.items()},
        }


def _walk(
    path: Path, dataset: Dataset, facts: Iterable[str], visit: Callable[[Rows, TableCensus], None]
) -> TableCensus:
    """Visit a table batch by batch; ``rows`` of the census are those before the batch while it is visited."""
    columns = _SEEN[dataset.id]
    census = TableCensus(columns={name: ColumnFacts() for name in columns}, facts=dict.fromkeys(facts, 0))
    for batch in batches(path, dataset, columns):
        for name, values in batch.items():
            census.columns[name].see(values)
        visit(batch, census)
        census.rows += len(batch[columns[0]])
    return census


def _gaps(ids: Ids, before: int) -> int:
    """How many ids are not the number of their row."""
    return int(np.count_nonzero(ids != np.arange(before + 1, before + 1 + len(ids))))


def _numbered(path: Path, dataset: Dataset) -> TableCensus:
    (key,) = dataset.primary_key

    def visit(rows: Rows, seen: TableCensus) -> None:
        seen.facts["ids_out_of_order"] += _gaps(aligned(rows[key]), seen.rows)

    return _walk(path, dataset, ("ids_out_of_order",), visit)


def _accounts(path: Path, dataset: Dataset, parties: int) -> tuple[TableCensus, Owners, Holdings]:
    """The accounts, the owner of each, and what each party holds."""
    owners, held, unknown = Owners(row_count(path, dataset)), Holdings(parties), within(parties)

    def visit(rows: Rows, seen: TableCensus) -> None:
        ids, owner = aligned(rows["account_id"]), aligned(rows["owner_party_id"])
        seen.facts["ids_out_of_order"] += _gaps(ids, seen.rows)
        seen.facts["orphaned_keys"] += unknown(owner)
        owners.add(ids, owner)
        held.add(owner, rows["account_type"])

    return _walk(path, dataset, ("ids_out_of_order", "orphaned_keys"), visit), owners, held


def _holdings(path: Path, dataset: Dataset, parties: int, held: Holdings) -> TableCensus:
    claimed, unknown = Holdings(parties), within(parties)

    def visit(rows: Rows, seen: TableCensus) -> None:
        owner = aligned(rows["owner_party_id"])
        seen.facts["orphans"] += unknown(owner)
        claimed.add(owner, rows["account_type"], aligned(rows["account_count"]))

    census = _walk(path, dataset, ("orphans",), visit)
    census.facts["mismatched_holders"] = claimed.differing(held)
    return census


def _instruments(path: Path, dataset: Dataset, parties: int, owners: Owners) -> tuple[TableCensus, Owners]:
    """The instruments, and the account of each."""
    accounts, unknown = Owners(row_count(path, dataset)), within(parties)

    def visit(rows: Rows, seen: TableCensus) -> None:
        ids, account, owner = (aligned(rows[name]) for name in ("instrument_id", "account_id", "owner_party_id"))
        holder = owners.of(account)
        seen.facts["ids_out_of_order"] += _gaps(ids, seen.rows)
        seen.facts["orphaned_keys"] += unknown(owner) + int(np.count_nonzero(holder == 0))
        seen.facts["foreign_owners"] += int(np.count_nonzero(holder != owner))
        accounts.add(ids, account)

    return _walk(path, dataset, ("ids_out_of_order", "orphaned_keys", "foreign_owners"), visit), accounts


def _instrument_links(path: Path, dataset: Dataset, owners: Owners, accounts: Owners) -> TableCensus:
    per_account, per_instrument = Tally(owners.largest), Tally(accounts.largest)

    def visit(rows: Rows, seen: TableCensus) -> None:
        account, instrument = aligned(rows["account_id"]), aligned(rows["instrument_id"])
        holder = accounts.of(instrument)
        seen.facts["orphans"] += owners.strangers(account) + int(np.count_nonzero(holder == 0))
        seen.facts["foreign_accounts"] += int(np.count_nonzero(holder != account))
        per_account.add(account)
        per_instrument.add(instrument)

    census = _walk(path, dataset, ("orphans", "foreign_accounts"), visit)
    census.facts["max_instruments_per_account"] = per_account.most
    census.facts["unlinked_instruments"] = per_instrument.others_than(1)
    return census


def _devices(path: Path, dataset: Dataset, parties: int) -> tuple[TableCensus, Owners]:
    """The devices, and the party of each."""
    owners, unknown = Owners((parties + 1) * _IDS_A_PARTY), within(parties)

    def visit(rows: Rows, seen: TableCensus) -> None:
        owner = aligned(rows["primary_party_id"])
        seen.facts["orphaned_keys"] += unknown(owner)
        owners.add(aligned(rows["device_id"]), owner)

    census = _walk(path, dataset, ("orphaned_keys",), visit)
    census.facts["duplicate_ids"] = census.rows - owners.entities
    return census, owners


def _device_links(path: Path, dataset: Dataset, parties: int, owners: Owners) -> TableCensus:
    per_party, per_device, unknown = Tally(parties), Tally(owners.largest), within(parties)
    owned = np.zeros(owners.largest + 1, dtype=np.uint8)

    def visit(rows: Rows, seen: TableCensus) -> None:
        device, party, roles = aligned(rows["device_id"]), aligned(rows["party_id"]), rows["link_role"]
        holder = owners.of(device)
        named = party[rows["party_id"].is_valid().to_numpy(zero_copy_only=False)]  # other roles may name no party
        seen.facts["orphans"] += unknown(named) + int(np.count_nonzero(holder == 0))
        is_owner = np.array([*(word == OWNER_ROLE for word in roles.dictionary.to_pylist()), False])
        said = is_owner[roles.indices.fill_null(len(is_owner) - 1).to_numpy(zero_copy_only=False)]
        owns = said & (holder == party) & (holder != 0)
        seen.facts["foreign_owners"] += int(np.count_nonzero(said & ~owns))
        owned[device[owns]] = 1
        per_party.add(party)
        per_device.add(device)

    census = _walk(path, dataset, ("orphans", "foreign_owners"), visit)
    census.facts["max_devices_per_party"] = per_party.most
    census.facts["max_parties_per_device"] = per_device.most
    census.facts["devices_without_owner"] = owners.entities - int(np.count_nonzero(owned))
    return census


def _ip_links(path: Path, dataset: Dataset, ips: int, owners: Owners) -> TableCensus:
    per_ip, per_device, unknown = Tally(ips), Tally(owners.largest), within(ips)

    def visit(rows: Rows, seen: TableCensus) -> None:
        ip, device, party = (aligned(rows[name]) for name in ("ip_id", "device_id", "party_id"))
        holder = owners.of(device)
        seen.facts["orphans"] += unknown(ip) + int(np.count_nonzero(holder == 0))
        seen.facts["foreign_owners"] += int(np.count_nonzero(holder != party))
        per_ip.add(ip)
        per_device.add(device)

    census = _walk(path, dataset, ("orphans", "foreign_owners"), visit)
    census.facts["max_ips_per_device"] = per_device.most
    census.facts["max_devices_per_ip"] = per_ip.most
    return census


def _roles(path: Path, dataset: Dataset, strangers: Strangers, entities: int) -> TableCensus:
    (key,) = dataset.primary_key
    last = 0

    def visit(rows: Rows, seen: TableCensus) -> None:
        nonlocal last
        ids = aligned(rows[key])
        if len(ids):
            seen.facts["disorder"] += int(ids[0] <= last) + int(np.count_nonzero(ids[1:] <= ids[:-1]))
            last = int(ids[-1])
        seen.facts["strangers"] += strangers(ids)

    census = _walk(path, dataset, ("disorder", "strangers"), visit)
    census.facts["entities"] = entities
    return census
