"""The fifteen checks: a sound world passes, each broken one fails the check that owns the break."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config import load_packs
from engine.contracts import datasets
from engine.errors import EngineError
from engine.identity import WorldKey
from engine.validation import build_bundle, overall_status, run_checks, standing, verify_bundle

PACKS = load_packs()
WORLD = WorldKey(42, "a" * 64, "b" * 64, "0" * 32)
UPSTREAM = {"1A": {"status": "PASS", "bundle_sha256": "c" * 64, "flag_path": "data/_passed.flag"}}
CHECKS = {
    "STRUCTURAL_PARTY_BASE", "STRUCTURAL_ACCOUNT_BASE", "STRUCTURAL_INSTRUMENT_BASE", "STRUCTURAL_DEVICE_BASE",
    "STRUCTURAL_IP_BASE", "LINKAGE_DEVICE_LINKS", "LINKAGE_IP_LINKS", "LINKAGE_ACCOUNT_INSTRUMENT",
    "ROLE_DISTRIBUTION_PARTY", "ROLE_DISTRIBUTION_ACCOUNT", "ROLE_DISTRIBUTION_MERCHANT", "ROLE_DISTRIBUTION_DEVICE",
    "ROLE_DISTRIBUTION_IP", "ROLE_VOCAB_TAXONOMY", "LINK_ROLE_VOCAB_POLICY",
}  # fmt: skip


def judge(world):
    return {check.check_id: check for check in run_checks(world.census(), PACKS)}


def failing(world):
    return {name for name, check in judge(world).items() if check.result != "PASS"}


def put(values, index, value):
    changed = np.array(values, copy=True)
    changed[index] = value
    return changed


def test_a_sound_world_passes_all_fifteen_checks(world):
    checks = judge(world)
    assert set(checks) == CHECKS
    assert {check.result for check in checks.values()} == {"PASS"}
    assert all(check.severity == "REQUIRED" for check in checks.values())


def exchanged(values):
    """The first value in the place of the last, and the last in that of the first."""
    return put(put(values, 0, values[-1]), -1, values[0])


BREAKS = {
    "a party id that stands twice": (
        "s1_party_base_6A",
        lambda t: {"party_id": put(t["party_id"], 5, 5)},
        "STRUCTURAL_PARTY_BASE",
    ),
    "a country that is null": (
        "s1_party_base_6A",
        lambda t: {"country_iso": ["DE"] * (len(t["party_id"]) - 1) + [None]},
        "STRUCTURAL_PARTY_BASE",
    ),
    "an owner that is no party": (
        "s2_account_base_6A",
        lambda t: {"owner_party_id": put(t["owner_party_id"], -1, 10**6)},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "an instrument whose account does not exist": (
        "s3_instrument_base_6A",
        lambda t: {"account_id": put(t["account_id"], -1, 10**7)},
        "STRUCTURAL_INSTRUMENT_BASE",
    ),
    "an account of a party that is null": (
        "s2_account_base_6A",
        lambda t: {"owner_party_id": [*t["owner_party_id"][:-1], None]},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "a holding that counts one account more": (
        "s2_party_product_holdings_6A",
        lambda t: {"account_count": put(t["account_count"], 3, t["account_count"][3] + 1)},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "an account that stands in the holdings of another party": (
        "s2_party_product_holdings_6A",
        lambda t: {"account_count": t["account_count"] + put(np.zeros(len(t["account_count"]), int), [0, -1], [1, -1])},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "a holding under another type of account": (
        "s2_party_product_holdings_6A",
        lambda t: {"account_type": put(t["account_type"], 3, (t["account_type"][3] + 1) % 3)},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "a holding of a party that does not exist": (
        "s2_party_product_holdings_6A",
        lambda t: {"owner_party_id": put(t["owner_party_id"], -1, 10**6)},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "a holding that is missing": (
        "s2_party_product_holdings_6A",
        lambda t: {name: values[1:] for name, values in t.items()},
        "STRUCTURAL_ACCOUNT_BASE",
    ),
    "an instrument of a party that does not own its account": (
        "s3_instrument_base_6A",
        lambda t: {"owner_party_id": exchanged(t["owner_party_id"])},
        "STRUCTURAL_INSTRUMENT_BASE",
    ),
    "a device whose id no world can have": (
        "s4_device_base_6A",
        lambda t: {"device_id": put(t["device_id"], 1, 1 << 60)},
        "STRUCTURAL_DEVICE_BASE",
    ),
    "a device id that stands twice": (
        "s4_device_base_6A",
        lambda t: {"device_id": put(t["device_id"], 1, t["device_id"][0])},
        "STRUCTURAL_DEVICE_BASE",
    ),
    "an address out of order": ("s4_ip_base_6A", lambda t: {"ip_id": put(t["ip_id"], 0, 2)}, "STRUCTURAL_IP_BASE"),
    "a device without an owner": (
        "s4_device_links_6A",
        lambda t: {name: values[1:] for name, values in t.items()},
        "LINKAGE_DEVICE_LINKS",
    ),
    "a link of a device that does not exist": (
        "s4_device_links_6A",
        lambda t: {"device_id": put(t["device_id"], 0, 14)},
        "LINKAGE_DEVICE_LINKS",
    ),
    "a device linked to another party as its owner": (
        "s4_device_links_6A",
        lambda t: {"party_id": exchanged(t["party_id"])},
        "LINKAGE_DEVICE_LINKS",
    ),
    "an owner link without a party": (
        "s4_device_links_6A",
        lambda t: {"party_id": [None, *t["party_id"][1:]]},
        "LINKAGE_DEVICE_LINKS",
    ),
    "a party with too many devices": (
        "s4_device_links_6A",
        lambda t: {"party_id": put(t["party_id"], slice(0, 21), 1)},
        "LINKAGE_DEVICE_LINKS",
    ),
    "an address link of a device that does not exist": (
        "s4_ip_links_6A",
        lambda t: {"device_id": put(t["device_id"], 0, 14)},
        "LINKAGE_IP_LINKS",
    ),
    "an address link of a party that does not exist": (
        "s4_ip_links_6A",
        lambda t: {"party_id": put(t["party_id"], 0, 10**7)},
        "LINKAGE_IP_LINKS",
    ),
    "an address link of a party that does not own the device": (
        "s4_ip_links_6A",
        lambda t: {"party_id": exchanged(t["party_id"])},
        "LINKAGE_IP_LINKS",
    ),
    "an address with so many devices that two bytes do not count them": (
        "s4_ip_links_6A",
        lambda t: {name: np.concatenate([np.full(65_536, values[0]), values]) for name, values in t.items()},
        "LINKAGE_IP_LINKS",
    ),
    "an address with too many devices": (
        "s4_ip_links_6A",
        lambda t: {"ip_id": put(t["ip_id"], slice(0, 700), 1)},
        "LINKAGE_IP_LINKS",
    ),
    "an address link to no address": (
        "s4_ip_links_6A",
        lambda t: {"ip_id": put(t["ip_id"], 0, 10**6)},
        "LINKAGE_IP_LINKS",
    ),
    "an account with too many instruments": (
        "s3_account_instrument_links_6A",
        lambda t: {"account_id": put(t["account_id"], slice(0, 17), 1)},
        "LINKAGE_ACCOUNT_INSTRUMENT",
    ),
    "an instrument linked to another account": (
        "s3_account_instrument_links_6A",
        lambda t: {"account_id": exchanged(t["account_id"])},
        "LINKAGE_ACCOUNT_INSTRUMENT",
    ),
    "an instrument without a link": (
        "s3_account_instrument_links_6A",
        lambda t: {"instrument_id": put(t["instrument_id"], 0, 2)},
        "LINKAGE_ACCOUNT_INSTRUMENT",
    ),
    **{
        f"a role of a {entity} that does not exist": (
            f"s5_{entity}_fraud_roles_6A",
            # the last one, so that ids still ascend and as many stand there as before
            lambda t, key=f"{entity}_id": {key: put(t[key], -1, 10**8)},
            f"ROLE_DISTRIBUTION_{entity.upper()}",
        )
        for entity in ("party", "account", "merchant", "device", "ip")
    },
    "parties that are all clean": (
        "s5_party_fraud_roles_6A",
        lambda t: {"fraud_role_party": ["CLEAN"] * len(t["party_id"])},
        "ROLE_DISTRIBUTION_PARTY",
    ),
    "accounts that are all mules": (
        "s5_account_fraud_roles_6A",
        lambda t: {"fraud_role_account": ["MULE_ACCOUNT"] * len(t["account_id"])},
        "ROLE_DISTRIBUTION_ACCOUNT",
    ),
    "merchants that are all normal": (
        "s5_merchant_fraud_roles_6A",
        lambda t: {"fraud_role_merchant": ["NORMAL"] * len(t["merchant_id"])},
        "ROLE_DISTRIBUTION_MERCHANT",
    ),
    "devices that are all clean": (
        "s5_device_fraud_roles_6A",
        lambda t: {"fraud_role_device": ["CLEAN_DEVICE"] * len(t["device_id"])},
        "ROLE_DISTRIBUTION_DEVICE",
    ),
    "a device without a role": (
        "s5_device_fraud_roles_6A",
        lambda t: {name: values[1:] for name, values in t.items()},
        "ROLE_DISTRIBUTION_DEVICE",
    ),
    "addresses that are all clean": (
        "s5_ip_fraud_roles_6A",
        lambda t: {"fraud_role_ip": ["CLEAN_IP"] * len(t["ip_id"])},
        "ROLE_DISTRIBUTION_IP",
    ),
    "a role outside the taxonomy": (
        "s5_merchant_fraud_roles_6A",
        lambda t: {"fraud_role_merchant": ["NORMAL"] * (len(t["merchant_id"]) - 9) + ["COLLUSIVE"] * 8 + ["KINGPIN"]},
        "ROLE_VOCAB_TAXONOMY",
    ),
    "a link role outside the rules": (
        "s4_ip_links_6A",
        lambda t: {"link_role": ["TYPICAL_DEVICE_IP"] * (len(t["ip_id"]) - 1) + ["SOMETIMES"]},
        "LINK_ROLE_VOCAB_POLICY",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_each_break_fails_the_check_that_owns_it(world, case):
    name, change, check_id = BREAKS[case]
    world.change(name, **change(world.tables[name]))
    assert check_id in failing(world)


@pytest.mark.parametrize(
    ("name", "key"), [(name, key.column) for name, contract in datasets().items() for key in contract.foreign_keys]
)
def test_no_foreign_key_of_any_contract_may_dangle(world, name, key):
    world.change(name, **{key: put(world.tables[name][key], -1, 10**8)})
    assert failing(world)


def test_every_check_is_broken_by_some_case():
    assert {check_id for _, _, check_id in BREAKS.values()} == CHECKS


def test_the_census_does_not_depend_on_the_number_of_threads(world):
    one, two = world.census(threads=1), world.census(threads=3)
    assert run_checks(one, PACKS) == run_checks(two, PACKS)


@pytest.mark.parametrize("harm", ["truncate", "remove", "text"])
def test_a_table_that_cannot_be_read_stops_validation_by_name(world, harm):
    path = world.paths["s4_ip_links_6A"]
    if harm == "truncate":
        path.write_bytes(path.read_bytes()[:-500])
    elif harm == "remove":
        path.unlink()
    else:
        path.write_text("no parquet")
    with pytest.raises(EngineError) as caught:
        world.census()
    assert caught.value.code == "6A.S4.IO_READ_FAILED"
    assert str(path) in caught.value.place


def test_a_table_with_another_schema_stops_validation(world):
    path = world.paths["s4_ip_base_6A"]
    pq.write_table(pa.table({"ip_id": pa.array([1], pa.int64())}), path)
    with pytest.raises(EngineError) as caught:
        world.census()
    assert caught.value.code == "6A.S4.SCHEMA_INVALID"


def bundle_of(world):
    checks = tuple(judge(world).values())
    return build_bundle(WORLD, checks, overall_status(checks, PACKS), UPSTREAM)


def publish(folder, bundle):
    folder.mkdir()
    for name, raw in bundle.files.items():
        (folder / name).write_bytes(raw)


def test_only_a_world_that_passes_gets_a_flag(world):
    assert "_passed.flag" in bundle_of(world).files
    name, change, _ = BREAKS["a device without an owner"]
    world.change(name, **change(world.tables[name]))
    bundle = bundle_of(world)
    assert bundle.status == "FAIL"
    assert "_passed.flag" not in bundle.files
    issues = pq.read_table(pa.BufferReader(bundle.files["s5_issue_table_6A.parquet"])).to_pylist()
    assert [row["check_id"] for row in issues] == ["LINKAGE_DEVICE_LINKS"]
    assert issues[0]["severity"] == "FAIL"
    assert "devices_without_owner is 1" in issues[0]["message"]


def test_a_passing_world_has_an_empty_issue_table_and_a_report_of_fifteen(world):
    bundle = bundle_of(world)
    assert pq.read_table(pa.BufferReader(bundle.files["s5_issue_table_6A.parquet"])).num_rows == 0
    report = json.loads(bundle.files["s5_validation_report_6A.json"])
    assert report["overall_status"] == "PASS"
    assert len(report["checks"]) == 15
    assert [check["check_id"] for check in report["checks"]] == sorted(CHECKS)


def test_a_published_bundle_verifies_and_stands(world, tmp_path):
    bundle = bundle_of(world)
    assert not standing(tmp_path / "bundle", bundle)
    publish(tmp_path / "bundle", bundle)
    assert standing(tmp_path / "bundle", bundle)
    assert verify_bundle(tmp_path / "bundle") == bundle.digest


@pytest.mark.parametrize("name", ["s5_validation_report_6A.json", "s5_issue_table_6A.parquet", "_passed.flag"])
def test_a_bundle_that_was_altered_is_neither_verified_nor_taken_as_standing(world, tmp_path, name):
    bundle = bundle_of(world)
    folder = tmp_path / "bundle"
    publish(folder, bundle)
    (folder / name).write_bytes((folder / name).read_bytes() + b"x")
    with pytest.raises(EngineError) as caught:
        verify_bundle(folder)
    assert caught.value.code == "6A.S5.VALIDATION_DIGEST_MISMATCH"
    with pytest.raises(EngineError) as caught:
        standing(folder, bundle)
    assert caught.value.code == "6A.S5.IO_WRITE_CONFLICT"


@pytest.mark.parametrize("name", ["validation_bundle_index_6A.json", "s5_issue_table_6A.parquet", "_passed.flag"])
def test_a_bundle_that_lacks_a_file_is_incomplete(world, tmp_path, name):
    folder = tmp_path / "bundle"
    publish(folder, bundle_of(world))
    (folder / name).unlink()
    with pytest.raises(EngineError) as caught:
        verify_bundle(folder)
    assert caught.value.code == "6A.S5.VALIDATION_BUNDLE_INCOMPLETE"


def test_no_checks_at_all_are_a_failure():
    assert overall_status((), PACKS) == "FAIL"
