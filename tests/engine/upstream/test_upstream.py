"""The made-up upstream world: its numbers, its gates, its name."""

import hashlib
import json
import math
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.upstream import GATES, build, build_upstream, read_demand, verify_gate, world_shape, write_upstream
from engine.upstream.build import OUTLETS, PROFILES, Coded, values_digest
from engine.upstream.shape import REFERENCE_MULTIPLIER, region_of_country

REFERENCE_PARTIES = 3_281_174
REGIONS = {
    "REGION_AFRICA": 1_019_075,
    "REGION_EMEA": 891_125,
    "REGION_APAC": 657_966,
    "REGION_LATAM": 443_090,
    "REGION_AMER": 269_918,
}


def multiplier(fingerprint):
    """A lognormal draw that depends on the world's name, as the engine's does."""
    word = int(hashlib.sha256(fingerprint.encode()).hexdigest()[:12], 16)
    return math.exp(0.1 * NormalDist().inv_cdf((word + 0.5) / 16**12) - 0.005)


@pytest.fixture(scope="module")
def world():
    return build_upstream(1.0, multiplier)


@pytest.fixture
def written(world, tmp_path):
    write_upstream(tmp_path, world, 42)
    return tmp_path


def demand(root, world):
    tokens = {"seed": 42, "manifest_fingerprint": world.manifest_fingerprint}
    return read_demand((root / OUTLETS.format(**tokens)).parent, root / PROFILES.format(**tokens))


def test_scale_one_has_the_numbers_of_the_reference_world(written, world):
    found = demand(written, world)
    assert sum(found.outlets.values()) == 31_257
    assert len(found.outlets) == len(found.arrivals) == 77
    assert len(found.merchants) == 1_238
    assert sum(found.arrivals.values()) == pytest.approx(9_587_046, rel=1e-6)
    assert multiplier(world.manifest_fingerprint) == pytest.approx(REFERENCE_MULTIPLIER, rel=1e-3)


def test_country_weights_share_the_world_as_recorded(written, world):
    found = demand(written, world)
    weights = {c: (found.outlets[c] + 40) ** 0.85 * (found.arrivals[c] + 800) ** 0.18 for c in found.outlets}
    total = sum(weights.values())
    parties = {country: weight / total * REFERENCE_PARTIES for country, weight in weights.items()}
    for region, wanted in REGIONS.items():
        got = sum(count for country, count in parties.items() if region_of_country(country) == region)
        assert got == pytest.approx(wanted, rel=0.002), region
    assert max(parties, key=parties.get) == "DE"
    assert parties["DE"] == pytest.approx(477_018, rel=0.002)
    assert min(parties.values()) > 4_000


def test_the_same_scale_gives_the_same_bytes(world):
    again = build_upstream(1.0, multiplier)
    assert again.files(42) == world.files(42)
    assert build_upstream(0.5, multiplier).manifest_fingerprint != world.manifest_fingerprint


@pytest.mark.parametrize("options", [{"compression": "none"}, {"version": "1.0"}, {"row_group_size": 100}])
def test_the_name_is_of_values_whoever_writes_the_files(world, monkeypatch, options):
    monkeypatch.setattr(build, "pq", SimpleNamespace(write_table=lambda *table, **_: pq.write_table(*table, **options)))
    again = build_upstream(1.0, multiplier)
    assert again.manifest_fingerprint == world.manifest_fingerprint
    assert again.tables != world.tables


def test_the_name_tells_values_words_order_and_columns_apart():
    codes, other = np.arange(3), np.array([0, 2, 1])
    table = {"merchant_id": codes, "legal_country_iso": Coded(("DE", "FR", "GB"), codes), "volume": codes / 2}
    changes = [
        table,
        {**table, "merchant_id": other},
        {**table, "volume": np.nextafter(codes / 2, 1)},
        {**table, "legal_country_iso": Coded(("DE", "FR", "GB"), other)},
        {**table, "legal_country_iso": Coded(("DE", "FR", "US"), codes)},
        {**table, "legal_country_iso": Coded(("DE,FR", "GB"), codes)},
        {**table, "legal_country_iso": codes},
        {**table, "merchant_id": codes.astype(np.float64)},
        {**table, "more": codes},
        dict(reversed(table.items())),
        dict.fromkeys(table, codes[:0]),
    ]
    assert len({values_digest(change) for change in changes}) == len(changes)


def test_writing_again_changes_nothing_and_other_bytes_are_a_conflict(written, world):
    assert write_upstream(written, world, 42) == ()
    flag = written / GATES["1A"].folder(world.manifest_fingerprint) / "_passed.flag"
    flag.write_text("sha256_hex = " + "0" * 64)
    with pytest.raises(EngineError) as caught:
        write_upstream(written, world, 42)
    assert caught.value.code == "6A.S0.SEALED_INPUTS_CONFLICT"


@pytest.mark.parametrize("segment", GATES)
def test_every_gate_verifies_by_its_law_and_a_changed_member_is_seen(written, world, segment):
    gate = GATES[segment]
    folder = written / gate.folder(world.manifest_fingerprint)
    reading = verify_gate(written, gate, world.manifest_fingerprint)
    assert f"sha256_hex = {reading.bundle_sha256}\n" == (folder / "_passed.flag").read_text()
    member = folder / "validation_summary.json"
    member.write_bytes(member.read_bytes() + b" ")
    with pytest.raises(EngineError) as caught:
        verify_gate(written, gate, world.manifest_fingerprint)
    assert caught.value.code == "6A.S0.UPSTREAM_HASHGATE_DIGEST_MISMATCH"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda folder: (folder / "_passed.flag").unlink(), "MISSING"),
        (lambda folder: (folder / "index.json").unlink(), "MISSING"),
        (lambda folder: (folder / "checks.json").unlink(), "MISSING"),
        (lambda folder: (folder / "_passed.flag").write_text("ok"), "SCHEMA_INVALID"),
        (lambda folder: (folder / "_passed.flag").write_bytes(b"\xff\xfe\xff"), "SCHEMA_INVALID"),
        (lambda folder: (folder / "index.json").write_text("[]"), "SCHEMA_INVALID"),
        (lambda folder: (folder / "index.json").write_text('[{"path": "../x", "sha256_hex": ""}]'), "SCHEMA_INVALID"),
        (lambda folder: (folder / "more.json").write_text("{}"), "DIGEST_MISMATCH"),
        (lambda folder: (folder / "_passed.flag").write_text("sha256_hex = " + "0" * 64), "DIGEST_MISMATCH"),
    ],
)
def test_a_broken_gate_is_refused_by_its_kind(written, world, change, code):
    change(written / GATES["1A"].folder(world.manifest_fingerprint))
    with pytest.raises(EngineError) as caught:
        verify_gate(written, GATES["1A"], world.manifest_fingerprint)
    assert caught.value.code == f"6A.S0.UPSTREAM_HASHGATE_{code}"


@pytest.mark.parametrize("text", ["\ufeffsha256_hex = {0}\n", "sha256_hex={0}", '{{"bundle_digest_sha256": "{0}"}}'])
def test_a_flag_is_read_in_each_of_its_forms(written, world, text):
    gate = GATES["5B"]
    digest = verify_gate(written, gate, world.manifest_fingerprint).bundle_sha256
    flag = written / gate.folder(world.manifest_fingerprint) / "_passed.flag"
    flag.write_text(text.format(digest), encoding="utf-8")
    assert verify_gate(written, gate, world.manifest_fingerprint).bundle_sha256 == digest


@settings(max_examples=50, deadline=None)
@given(
    raw=st.one_of(
        st.binary(max_size=80),
        st.recursive(st.text(max_size=5) | st.integers(), st.lists).map(json.dumps).map(str.encode),
    )
)
def test_any_index_that_is_none_is_refused_by_name(tmp_path_factory, raw):
    root = tmp_path_factory.mktemp("gate")
    folder = root / GATES["3B"].folder("a" * 64)
    folder.mkdir(parents=True)
    (folder / "_passed.flag").write_text("sha256_hex = " + "0" * 64)
    (folder / "index.json").write_bytes(raw)
    with pytest.raises(EngineError) as caught:
        verify_gate(root, GATES["3B"], "a" * 64)
    assert caught.value.code == "6A.S0.UPSTREAM_HASHGATE_SCHEMA_INVALID"


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, 9.0])
def test_a_scale_out_of_range_is_refused(scale):
    with pytest.raises(EngineError) as caught:
        world_shape(scale)
    assert caught.value.code == "6A.S0.SCALE_INVALID"


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(min_value=1e-4, max_value=4.0))
def test_any_scale_keeps_its_sums(scale):
    shape = world_shape(scale)
    assert shape.outlets.sum() == shape.merchant_outlets.sum()
    assert shape.outlets.min() >= 1
    assert shape.merchant_outlets.min() >= 2
    assert shape.arrivals.sum() == pytest.approx(9_587_046 * scale)
    assert (shape.arrivals >= 0).all()


def test_a_truncated_table_is_named(written, world):
    path = written / PROFILES.format(manifest_fingerprint=world.manifest_fingerprint)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EngineError) as caught:
        demand(written, world)
    assert caught.value.code == "6A.S1.IO_READ_FAILED"
    assert str(path) in caught.value.place
