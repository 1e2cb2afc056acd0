"""Contracts: every table has one, and a file that breaks it is named with its column."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config import load_packs
from engine.contracts import WORLD_KEY, arrow_schema, batch_problems, datasets, probe, schema_problems, vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey

WORDS = vocabularies(load_packs(), ["FR", "DE"])
WORLD = WorldKey(42, "a" * 64, "b" * 64, "0" * 32)
IPS = datasets()["s4_ip_base_6A"]


def table(**changed):
    columns = {
        "ip_id": [1, 2],
        "ip_type": ["MOBILE", "MOBILE"],
        "asn_class": ["MNO", "MNO"],
        "country_iso": ["DE", "FR"],
        "seed": [42, 42],
        "manifest_fingerprint": ["a" * 64] * 2,
        "parameter_hash": ["b" * 64] * 2,
    } | changed
    return pa.table({name: values for name, values in columns.items() if values is not None})


def told(path, frame):
    pq.write_table(frame, path)
    with pytest.raises(EngineError) as caught:
        probe(path, IPS, WORDS, WORLD)
    return caught.value


def test_every_state_has_its_datasets_and_every_key_exists():
    contracts = datasets()
    assert len(contracts) == 16
    for contract in contracts.values():
        assert set(contract.primary_key) <= set(contract.names)
        assert set(contract.order) <= set(contract.names)
        for key in contract.foreign_keys:
            parent = contracts.get(key.parent)
            assert key.parent == "outlet_catalogue" or key.parent_column in parent.names
        for column in contract.columns:
            assert column.vocabulary is None or column.vocabulary in WORDS
            assert column.constant is None or column.constant in WORDS[column.vocabulary]


def test_the_schema_holds_the_columns_of_the_contract_and_the_world_key_behind_them():
    schema = arrow_schema(datasets()["s2_account_base_6A"])
    assert schema.names[:3] == ["account_id", "owner_party_id", "account_type"]
    assert tuple(schema.names[-3:]) == WORLD_KEY
    assert schema.field("account_id").type == pa.int64()
    assert pa.types.is_dictionary(schema.field("account_type").type)
    assert "seed" not in arrow_schema(datasets()["s2_party_product_holdings_6A"]).names


def test_vocabularies_are_sorted_and_hold_only_what_is_generated():
    assert WORDS["country"] == ("DE", "FR")
    assert WORDS["device_type"] == ("DESKTOP", "IOT_DEVICE", "LAPTOP", "MOBILE_PHONE", "SERVER", "TABLET", "WEARABLE")
    assert all(list(words) == sorted(words) for words in WORDS.values())
    sizes = {name: len(WORDS[name]) for name in ("segment", "account_type", "scheme", "ip_type", "asn_class")}
    assert sizes == {"segment": 17, "account_type": 13, "scheme": 10, "ip_type": 8, "asn_class": 6}


def test_a_file_that_keeps_its_contract_passes(tmp_path):
    pq.write_table(table(), tmp_path / "ips.parquet")
    probe(tmp_path / "ips.parquet", IPS, WORDS, WORLD)


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"asn_class": None}, "asn_class"),
        ({"more": [1, 2]}, "more"),
        ({"ip_id": ["1", "2"]}, "ip_id"),
        ({"ip_id": [0, 1]}, "ip_id"),
        ({"ip_id": pa.array([1, None], pa.int64())}, "ip_id"),
        ({"ip_type": ["MOBILE", "CARRIER_PIGEON"]}, "ip_type"),
        ({"country_iso": ["DE", "XX"]}, "country_iso"),
        ({"seed": [42, 43]}, "seed"),
        ({"parameter_hash": ["c" * 64] * 2}, "parameter_hash"),
    ],
)
def test_a_file_that_breaks_its_contract_is_named_with_its_column(tmp_path, changed, column):
    error = told(tmp_path / "ips.parquet", table(**changed))
    assert error.code == "6A.S4.SCHEMA_INVALID"
    assert error.place == f"{tmp_path / 'ips.parquet'}, column {column}"


def test_columns_in_another_order_are_refused(tmp_path):
    assert "another order" in told(tmp_path / "ips.parquet", table().select(table().column_names[::-1])).fact


def test_a_constant_column_holds_its_word_alone():
    links = datasets()["s4_device_links_6A"]
    assert next(schema_problems(arrow_schema(links), links), None) is None
    batch = pa.RecordBatch.from_pydict(
        {
            "device_id": [16],
            "party_id": [1],
            "account_id": pa.nulls(1, pa.int64()),
            "instrument_id": pa.nulls(1, pa.int64()),
            "link_role": ["SECONDARY_USER"],
            "seed": [42],
            "manifest_fingerprint": ["a" * 64],
            "parameter_hash": ["b" * 64],
        }
    )
    assert [column for column, _ in batch_problems(batch, links, WORDS, WORLD)] == ["link_role"]
