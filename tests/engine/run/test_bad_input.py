"""Whatever is missing, altered, unsealed or unwritable ends with its code and place, and publishes nothing."""

import json
import os
import shutil

import pyarrow.parquet as pq
import pytest

from engine.errors import EngineError
from engine.run import publish
from engine.run.layout import GATE, SEALED, STATE
from engine.run.pipeline import run_states, start_run
from engine.run.publish import Publication
from engine.run.receipt import sole_writer
from engine.run.seal import sealed_digest
from fixtures.witness import make_witness


def refused(code, work):
    """Runs something that must end with this code; its error."""
    with pytest.raises(EngineError) as caught:
        work()
    assert caught.value.code == code, caught.value
    assert caught.value.place
    assert caught.value.remedy
    return caught.value


def unpublish(run, *states):
    """Takes states of a copy back, receipts and tables."""
    for state in states:
        publish._place(run.layout, state).unlink()
        for path in run.layout.tables(state).values():
            path.unlink()


def again(run, *states):
    return lambda: run_states(run.layout.runs_root, run.layout.world.run_id, states)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"seed": -1, "scale": 0.01}, "6A.S0.SEED_INVALID"),
        ({"seed": 1 << 63, "scale": 0.01}, "6A.S0.SEED_INVALID"),
        ({"seed": 1, "scale": 0.0}, "6A.S0.SCALE_INVALID"),
        ({"seed": 1, "scale": -1.0}, "6A.S0.SCALE_INVALID"),
        ({"seed": 1, "scale": float("nan")}, "6A.S0.SCALE_INVALID"),
        ({"seed": 1, "scale": 0.01, "run_id": "../x"}, "6A.S0.RUN_ID_INVALID"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_anything_is_written(tmp_path, options, code) -> None:
    refused(code, lambda: start_run(tmp_path / "runs", **options))
    assert not (tmp_path / "runs").exists()


def test_a_run_taken_up_with_other_inputs_names_what_differs(copy) -> None:
    world = copy.layout.world
    error = refused(
        "6A.S0.IO_WRITE_CONFLICT",
        lambda: start_run(copy.layout.runs_root, seed=43, scale=0.02, run_id=world.run_id),
    )
    assert "seed 42, not 43" in error.fact
    assert "scale 0.01, not 0.02" in error.fact


def test_an_upstream_table_altered_after_sealing_is_refused_by_name(copy) -> None:
    unpublish(copy, "S1")
    path = next(copy.layout.root.rglob("merchant_zone_profile_5A.parquet"))
    path.write_bytes(path.read_bytes() + b"\0")
    error = refused("6A.S1.SEALED_INPUTS_DIGEST_MISMATCH", again(copy, "S1"))
    assert "merchant_zone_profile_5A" in error.place
    assert not copy.tables["s1_party_base_6A"].exists()


def test_an_input_that_is_not_sealed_is_refused(copy) -> None:
    unpublish(copy, "S1")
    sealed, gate = copy.layout.path(SEALED), copy.layout.path(GATE)
    rows = [row for row in json.loads(sealed.read_bytes()) if row["manifest_key"] != "mlr.1A.output.outlet_catalogue"]
    sealed.write_text(json.dumps(rows))
    refused("6A.S1.SEALED_INPUTS_DIGEST_MISMATCH", again(copy, "S1"))
    receipt = {**json.loads(gate.read_bytes()), "sealed_inputs_digest_6A": sealed_digest(rows)}
    gate.write_text(json.dumps(receipt))
    error = refused("6A.S1.SEALED_INPUTS_MISSING", again(copy, "S1"))
    assert "mlr.1A.output.outlet_catalogue" in error.fact


def test_an_upstream_gate_that_does_not_verify_keeps_the_run_shut(tmp_path) -> None:
    run = start_run(tmp_path, seed=1, scale=0.01)
    flag = next((tmp_path / run.run_id).glob("data/layer1/2B/validation/*/_passed.flag"))
    flag.write_text("sha256_hex = " + "0" * 64 + "\n")
    refused("6A.S0.UPSTREAM_HASHGATE_DIGEST_MISMATCH", lambda: run_states(tmp_path, run.run_id))
    flag.unlink()
    refused("6A.S0.UPSTREAM_HASHGATE_MISSING", lambda: run_states(tmp_path, run.run_id))
    assert not list((tmp_path / run.run_id).rglob("s0_gate_receipt_6A.json"))


def test_a_gate_that_says_fail_lets_no_state_run(copy) -> None:
    unpublish(copy, "S1")
    gate = copy.layout.path(GATE)
    receipt = json.loads(gate.read_bytes())
    receipt["upstream_segments"]["3B"]["status"] = "FAIL"
    gate.write_text(json.dumps(receipt))
    refused("6A.S1.S0_GATE_FAILED", again(copy, "S1"))


def test_a_state_without_its_predecessor_is_refused(tmp_path) -> None:
    run = start_run(tmp_path, seed=1, scale=0.01)
    refused("6A.S1.S0_GATE_FAILED", lambda: run_states(tmp_path, run.run_id, ("S1",)))
    refused("6A.S3.S2_GATE_FAILED", lambda: run_states(tmp_path, run.run_id, ("S0", "S3")))


@pytest.mark.parametrize("change", ["truncate", "flip", "remove"])
def test_a_table_altered_after_it_was_published_is_refused_by_name(copy, change) -> None:
    unpublish(copy, "S3", "S5")
    path = copy.tables["s2_account_base_6A"]
    raw = path.read_bytes()
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(raw[:-100] if change == "truncate" else bytes([raw[0] ^ 1]) + raw[1:])
    error = refused("6A.S2.IO_WRITE_CONFLICT", again(copy, "S3"))
    assert "s2_account_base_6A" in error.place
    assert not copy.tables["s3_instrument_base_6A"].exists()


def test_a_table_of_another_world_is_refused_though_its_receipt_came_with_it(copy, tmp_path) -> None:
    unpublish(copy, "S2", "S3", "S4", "S5")
    other = make_witness(tmp_path / "other", seed=7, scale=0.002)
    for name, path in copy.layout.tables("S1").items():
        path.write_bytes(other.tables[name].read_bytes())
    receipts = [witness.layout.path(STATE, state="s1") for witness in (other, copy)]
    receipts[1].write_bytes(receipts[0].read_bytes())
    error = refused("6A.S1.SCHEMA_INVALID", again(copy, "S2"))
    assert "seed is 7, not 42" in error.fact


def test_a_foreign_key_that_dangles_fails_validation_and_no_flag_is_written(copy) -> None:
    unpublish(copy, "S5")
    shutil.rmtree(next(copy.layout.root.glob("data/layer3/6A/validation/*")))
    path = copy.tables["s3_instrument_base_6A"]
    table = pq.read_table(path)
    column = table.schema.get_field_index("account_id")
    values = table.column("account_id").to_pylist()
    values[-1] = 10**9
    pq.write_table(table.set_column(column, table.schema.field(column), [values]), path, compression="zstd")
    receipt = publish._place(copy.layout, "S3")
    tree = json.loads(receipt.read_bytes())
    tree["tables"]["s3_instrument_base_6A"] |= {"bytes": path.stat().st_size, "sha256": publish.file_digest(path)}
    receipt.write_text(json.dumps(tree))
    error = refused("6A.S5.VALIDATION_FAILED", again(copy, "S5"))
    assert "STRUCTURAL_INSTRUMENT_BASE: orphaned_keys is 1" in error.fact
    assert not list(copy.layout.root.rglob("6A/validation/*/_passed.flag"))
    refused("6A.S5.VALIDATION_FAILED", again(copy, "S5"))


def test_a_second_writer_is_refused(copy) -> None:
    with sole_writer(copy.layout.root):
        refused("6A.S0.IO_WRITE_CONFLICT", again(copy))


def test_a_full_disk_publishes_nothing_and_the_run_goes_on_later(copy, monkeypatch) -> None:
    unpublish(copy, "S4", "S5")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    error = refused("6A.S4.IO_WRITE_FAILED", again(copy, "S4"))
    assert "No space left" in error.fact
    monkeypatch.undo()
    assert not copy.tables["s4_device_base_6A"].exists()
    assert not list((copy.layout.root / "tmp").iterdir())
    assert all(outcome.done for outcome in again(copy, "S4")())


def test_what_a_crash_left_without_a_receipt_is_made_anew(copy) -> None:
    publish._place(copy.layout, "S2").unlink()
    left = copy.layout.root / "tmp" / "s2_deadbeef"
    left.mkdir()
    (left / "half.parquet").write_bytes(b"PAR1")
    (outcome,) = again(copy, "S2")()
    assert outcome.done
    assert not left.exists()


def test_an_error_while_rows_are_made_leaves_no_thread_and_no_file(copy, monkeypatch) -> None:
    unpublish(copy, "S3")

    def broken(self, tables, facts, log, notes):
        raise RuntimeError("broken")

    monkeypatch.setattr(Publication, "commit", broken)
    with pytest.raises(RuntimeError, match="broken"):
        again(copy, "S3")()
    assert not list((copy.layout.root / "tmp").iterdir())


def test_a_world_that_passed_and_lost_its_flag_is_judged_again_and_an_altered_report_is_refused(copy) -> None:
    folder = next(copy.layout.root.glob("data/layer3/6A/validation/*"))
    flag = (folder / "_passed.flag").read_bytes()
    (folder / "_passed.flag").unlink()
    (outcome,) = again(copy, "S5")()
    assert outcome.done
    assert (folder / "_passed.flag").read_bytes() == flag
    report = folder / "s5_validation_report_6A.json"
    report.write_text(report.read_text().replace("PASS", "WARN", 1))
    refused("6A.S5.VALIDATION_DIGEST_MISMATCH", again(copy, "S5"))
