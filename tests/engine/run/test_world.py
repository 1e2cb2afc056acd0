"""A world from its seed: complete, valid, the same whoever makes it, and of the shares that the priors say."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.config import load_packs
from engine.contracts import arrow_schema, datasets, vocabularies
from engine.contracts.reading import read_whole
from engine.run import perf, receipt, rng
from engine.run.context import open_context
from engine.run.pipeline import run_states, start_run
from engine.run.publish import published
from engine.run.receipt import read_receipt
from engine.run.tables import value_digest
from engine.states import s1, s2_rows, s3, s4_rows
from engine.upstream import REFERENCE_MULTIPLIER
from engine.validation.shares import shares
from fixtures.witness import make_witness

ROOT = Path(__file__).parents[3]
REFERENCE_WORLD = {
    "manifest_fingerprint": "c8fd43cd60ce0ede0c63d2ceb4610f167c9b107e1d59b9b8c7d7b8d0028b05c8",
    "parameter_hash": "56d45126eaabedd083a1d8428a763e0278c89efec5023cfd6cf3cab7fc8dd2d7",
}
WITNESS_DIGEST = "605b8b62ef381575dd664ff2073888256f726c8f521e660c44c4e20f9b637d02"
SMALL = 0.002
REFERENCE_ROWS = {
    "s1_party_base_6A": 3_281_174,
    "s2_account_base_6A": 8_725_420,
    "s3_instrument_base_6A": 10_701_854,
    "s4_device_base_6A": 7_263_186,
    "s4_ip_base_6A": 4_135_350,
    "s4_ip_links_6A": 28_279_383,
}


def digests(witness):
    """Digests of values by dataset, as the states receipted them."""
    found = {}
    for state in ("S1", "S2", "S3", "S4", "S5"):
        found |= {name: facts.values_sha256 for name, facts in published(witness.layout, state).tables.items()}
    return found


def words_of(witness):
    run = read_receipt(witness.layout.runs_root, witness.layout.world.run_id)
    return open_context(witness.layout, run, load_packs(), "S5", workers=1).words


def test_the_multiplier_of_the_reference_world_is_drawn() -> None:
    priors = load_packs().population_priors
    assert s1.reference_multiplier(priors, **REFERENCE_WORLD, seed=42) == pytest.approx(REFERENCE_MULTIPLIER, abs=1e-15)


def test_every_dataset_is_there_and_keeps_its_contract(witness) -> None:
    for name, path in witness.tables.items():
        schema = pq.read_schema(path)
        assert schema.names == arrow_schema(datasets()[name]).names, name
    assert witness.validation["validation"] == "PASS"
    assert witness.validation["checks"] == {"PASS": 15, "WARN": 0, "FAIL": 0}


def test_a_hundredth_of_the_reference_has_a_hundredth_of_its_rows(witness) -> None:
    rows = {name: count for outcome in witness.outcomes for name, count in outcome.rows.items()}
    for name, count in REFERENCE_ROWS.items():
        assert rows[name] == pytest.approx(count / 100, rel=0.02), name


def test_parties_are_numbered_in_the_order_of_the_contract(witness) -> None:
    names = ("party_id", "country_iso", "segment_id", "party_type")
    columns = read_whole(witness.tables["s1_party_base_6A"], "s1_party_base_6A", names, words_of(witness))
    rows = list(zip(*(columns[name].tolist() for name in names[1:]), columns["party_id"].tolist(), strict=True))
    assert rows == sorted(rows)
    assert columns["party_id"].tolist() == list(range(1, len(rows) + 1))


def test_the_receipted_digests_are_found_again_from_the_files_alone(witness) -> None:
    words = words_of(witness)
    for name, digest in digests(witness).items():
        assert value_digest(witness.tables[name], name, words, witness.layout.world) == digest, name


def test_the_values_do_not_depend_on_workers_parts_day_locale_or_time_zone(tmp_path, monkeypatch) -> None:
    first = digests(make_witness(tmp_path / "two", scale=SMALL, workers=2))
    assert digests(make_witness(tmp_path / "one", scale=SMALL, workers=1)) == first
    for emit in (
        s1.emit_party_base,
        s2_rows.emit_account_base,
        s2_rows.emit_holdings,
        s3.allocate_instruments,
        s4_rows.emit_ip_base,
        s4_rows.emit_region,
    ):
        monkeypatch.setitem(emit.__kwdefaults__, "rows", 1_000)
    assert digests(make_witness(tmp_path / "parts", scale=SMALL)) == first
    for module in (receipt, rng, perf):
        monkeypatch.setattr(module, "now", lambda: "2031-02-28T23:59:59.999999Z")
    assert digests(make_witness(tmp_path / "another day", scale=SMALL)) == first
    command = [sys.executable, "-m", "engine", "run", f"--runs-root={tmp_path / 'elsewhere'}", f"--scale={SMALL}"]
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "engine", "digests", f"--runs-root={tmp_path / 'elsewhere'}"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert all(digest in done.stdout for digest in first.values())


def test_a_seed_is_the_same_world_on_every_day_and_machine(witness) -> None:
    whole = hashlib.sha256("".join(f"{name}={digest}\n" for name, digest in sorted(digests(witness).items())).encode())
    # Whoever changes packs, contracts, kernels or the upstream world makes other worlds, and says so here.
    assert whole.hexdigest() == WITNESS_DIGEST


def test_another_seed_is_another_world_and_its_draws_are_its_own(tmp_path) -> None:
    first, second = (make_witness(tmp_path / str(seed), seed=seed, scale=SMALL) for seed in (42, 43))
    same = {name for name, digest in digests(first).items() if digests(second)[name] == digest}
    assert same == set()


@pytest.mark.parametrize("seed", [42, 7, 101, 202])
def test_every_required_check_passes_and_shares_are_those_of_the_priors(tmp_path, seed) -> None:
    made = make_witness(tmp_path, seed=seed, scale=0.04)
    assert made.validation["validation"] == "PASS"
    packs = load_packs()
    found = shares(made.tables, packs, words_of(made))
    assert len(found) > 300
    assert [share for share in found if not share.kept] == []


def test_the_words_of_a_world_are_those_of_its_packs_and_countries(witness) -> None:
    words = words_of(witness)
    assert words == vocabularies(load_packs(), words["country"])
    assert len(words["country"]) == 77


def test_a_finished_run_is_left_as_it_is_and_one_state_can_follow_another(tmp_path) -> None:
    run = start_run(tmp_path, seed=5, scale=SMALL)
    first = run_states(tmp_path, run.run_id, ("S0", "S1", "S2"))
    assert [outcome.done for outcome in first] == [True, True, True]
    rest = run_states(tmp_path, run.run_id)
    assert [outcome.done for outcome in rest] == [False, False, False, True, True, True]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / run.run_id).rglob("*.parquet")}
    assert not any(outcome.done for outcome in run_states(tmp_path, run.run_id))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / run.run_id).rglob("*.parquet")} == before
    assert not any((tmp_path / run.run_id / "tmp").iterdir())
