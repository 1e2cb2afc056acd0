"""A witness world held against every word of its contracts, by a reader that shares no code with the engine."""

from pathlib import Path

import polars as pl
import pytest

from engine.config import load_packs
from engine.contracts import datasets, vocabularies

CONTRACTS = datasets()


def broken(frame, contract, parents, words):
    """What of a contract a table does not keep, in words."""
    for column in contract.columns:
        values = frame[column.name]
        if values.null_count() and not column.nullable:
            yield f"{column.name}: nulls"
        if column.minimum is not None and frame.filter(pl.col(column.name) < column.minimum).height:
            yield f"{column.name}: below {column.minimum}"
        if column.constant and values.n_unique() > 1:
            yield f"{column.name}: not constant"
        if column.vocabulary and set(values.unique().to_list()) - set(words[column.vocabulary]):
            yield f"{column.name}: unknown words"
    if frame.select(contract.primary_key).n_unique() != frame.height:
        yield "primary key: rows stand twice"
    if contract.order:
        columns = frame.select(pl.col(contract.order))
        if not columns.equals(columns.sort(contract.order, maintain_order=True)):
            yield "order: rows do not ascend"
    if contract.id_kind == "consecutive":
        ids = frame[contract.id_column]
        if not ids.equals(pl.Series(contract.id_column, range(1, frame.height + 1), dtype=pl.Int64)):
            yield "ids: not 1 to the number of rows"
    for key in contract.foreign_keys:
        own = frame.select(pl.col(key.column).drop_nulls().unique())
        if own.join(parents(key), left_on=key.column, right_on=key.parent_column, how="anti").height:
            yield f"{key.column}: no row of {key.parent}"


@pytest.fixture(scope="module")
def world(witness):
    """Tables of the witness as frames, words as text, and the parent of a foreign key."""
    text = [pl.Categorical, pl.Enum]
    frames = {}
    for name, path in witness.tables.items():
        frame = pl.read_parquet(path)
        frames[name] = frame.with_columns(pl.col(c).cast(pl.String) for c, t in frame.schema.items() if t in text)
    (catalogue,) = Path(witness.layout.root).rglob("outlet_catalogue/**/*.parquet")

    def parents(key):
        if key.parent == "outlet_catalogue":
            return pl.read_parquet(catalogue).select("merchant_id").unique()
        return frames[key.parent].select(pl.col(key.parent_column).unique())

    countries = sorted(frames["s1_party_base_6A"]["country_iso"].unique())
    return frames, parents, vocabularies(load_packs(), countries)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_world_keeps_every_word_of_its_contract(world, name) -> None:
    frames, parents, words = world
    assert frames[name].height
    assert list(broken(frames[name], CONTRACTS[name], parents, words)) == []


def lower(frame, column):
    return frame.with_columns(pl.col(column) * 0)


BREAKS = {
    "unknown words": ("s4_ip_base_6A", lambda t: t.with_columns(ip_type=pl.lit("CARRIER_PIGEON"))),
    "rows stand twice": ("s4_ip_links_6A", lambda t: pl.concat([t.head(9), t.head(1)])),
    "do not ascend": ("s2_account_base_6A", lambda t: t.reverse()),
    "not 1 to": ("s3_instrument_base_6A", lambda t: t.tail(-1)),
    "no row of s4_device_base_6A": ("s4_ip_links_6A", lambda t: t.with_columns(device_id=pl.col("device_id") + 1)),
    "no row of outlet_catalogue": ("s5_merchant_fraud_roles_6A", lambda t: lower(t, "merchant_id")),
    "below 1": ("s2_party_product_holdings_6A", lambda t: lower(t, "account_count")),
    "nulls": ("s1_party_base_6A", lambda t: t.with_columns(region_id=pl.lit(None, pl.String))),
}


@pytest.mark.parametrize("said", BREAKS)
def test_a_table_that_breaks_its_contract_is_told(world, said) -> None:
    frames, parents, words = world
    name, change = BREAKS[said]
    found = "; ".join(broken(change(frames[name]), CONTRACTS[name], parents, words))
    assert said in found


def test_holdings_and_summaries_are_what_the_bases_hold(world) -> None:
    frames, _, _ = world
    accounts, parties = frames["s2_account_base_6A"], frames["s1_party_base_6A"]
    for name, base in (
        ("s2_party_product_holdings_6A", accounts),
        ("s2_account_summary_6A", accounts),
        ("s1_party_summary_6A", parties),
    ):
        contract = CONTRACTS[name]
        count = next(column.name for column in contract.columns if column.name.endswith("_count"))
        keys = [column.name for column in contract.columns if column.name != count]
        told = frames[name].select(*keys, count).filter(pl.col(count) > 0).sort(keys)
        held = base.group_by(keys).agg(pl.len().cast(pl.Int64).alias(count)).sort(keys)
        assert told.equals(held), name


def test_what_an_account_says_of_its_owner_is_what_the_party_says(world) -> None:
    frames, _, _ = world
    copied = ["party_type", "segment_id", "region_id", "country_iso"]
    accounts = frames["s2_account_base_6A"].select("owner_party_id", *copied)
    owners = accounts.select("owner_party_id").join(
        frames["s1_party_base_6A"], left_on="owner_party_id", right_on="party_id", how="left", maintain_order="left"
    )
    assert accounts.select(copied).equals(owners.select(copied))
    devices = frames["s4_device_base_6A"].select("primary_party_id", "home_region_id", "home_country_iso")
    homes = devices.select("primary_party_id").join(
        frames["s1_party_base_6A"], left_on="primary_party_id", right_on="party_id", how="left", maintain_order="left"
    )
    assert devices["home_region_id"].equals(homes["region_id"])
    assert devices["home_country_iso"].equals(homes["country_iso"])
