"""The life of an attempt: its id, its staging, its sealing, its commit."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from phasegate.attempts.ids import ExecutionId
from phasegate.errors import EvidenceError
from phasegate.evidence.store import PublishFailure, S3Store, publish_all
from phasegate.verdict import TestRecord, TestState
from tests.phasegate.attempts.signing import verified


def test_a_passing_attempt_is_whole_verifies_and_reads_back(bench, s3, bucket) -> None:
    committed = bench.pass_("A")
    assert committed.execution_id == "m9a_20260224T043334Z"
    assert committed.judgement.overall_pass
    pack = verified(committed.path, "m9a_execution_summary.json", bench.schemas)
    assert pack.problems == ()
    assert {path.name for path in committed.path.iterdir()} == {
        "m9a_one.json",
        "m9a_two.json",
        "publication_receipt.json",
        "m9a_execution_summary.json",
        "attestation.dsse.json",
    }
    for path in committed.path.iterdir():
        key = f"evidence/demo/run_control/{committed.execution_id}/{path.name}"
        stored = s3.get_object(Bucket=bucket, Key=key)
        with stored["Body"] as body:
            assert body.read() == path.read_bytes()
    summary = bench.summary(committed)
    assert bench.schemas.validate("m9a_execution_summary.json", summary) == ()
    assert summary["generated_at_utc"] == "2026-02-24T04:33:34.000Z"
    assert all(row["version_id"] for row in summary["artifacts"])
    assert summary["dod"] == {
        "artifacts_read_back": True,
        "every_verifier_executed": True,
        "no_open_blockers": True,
        "upstream_green": True,
    }


def test_the_same_facts_give_the_same_bytes(bench, tmp_path) -> None:
    first = bench.pass_("A")
    (tmp_path / "elsewhere/demo").mkdir(parents=True)
    shutil.copy(bench.root / "demo/.root-id", tmp_path / "elsewhere/demo")  # as of one runs root
    bench.root = tmp_path / "elsewhere"
    bench.staging = bench.make_staging()
    second = bench.commit(bench.filled("A"))
    names = {path.name for path in first.path.iterdir()}
    assert names == {path.name for path in second.path.iterdir()}
    for name in names:
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()


def test_two_attempts_in_one_second_get_ids_of_their_own(bench) -> None:
    ids = [bench.open("A").execution_id for _ in range(3)]
    assert ids == ["m9a_20260224T043334Z", "m9a_20260224T043335Z", "m9a_20260224T043336Z"]
    assert bench.open("B").execution_id == "m9b_20260224T043334Z"


def test_many_at_once_never_share_an_id(bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: bench.open("A").execution_id, range(24)))
    assert len(set(ids)) == 24


def test_a_clock_that_goes_back_keeps_ids_in_order_and_is_said(bench) -> None:
    first = bench.pass_("A")
    bench.now -= timedelta(hours=2)
    second = bench.pass_("A")
    assert second.execution_id > first.execution_id
    summary = bench.summary(second)
    assert summary["generated_at_utc"] == "2026-02-24T02:33:34.000Z"
    assert "7201 s behind" in summary["clock_note"]
    standing = {record.execution_id: record.standing for record in bench.staging.archive.attempts("M9")}
    assert standing[second.execution_id] == "authoritative"
    assert standing[first.execution_id] == f"superseded by {second.execution_id}"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("m4a_20260224T043334Z", True),
        ("m5c_p3b_required_outputs_20260224T191554Z", True),
        ("m4a_20260230T043334Z", False),
        ("m4a_20260224T043334", False),
        ("M4A_20260224T043334Z", False),
        ("../m4a_20260224T043334Z", False),
        ("m4a__20260224T043334Z", False),
    ],
)
def test_execution_ids_are_parsed_strictly(text, good) -> None:
    parsed = ExecutionId.parse(text)
    assert (parsed is not None) == good
    if parsed is not None:
        assert str(parsed) == text


def test_an_artifact_is_written_once_and_not_after_sealing(bench) -> None:
    attempt = bench.filled("A")
    attempt.artifact("m9a_one.json", {"value": 1})
    with pytest.raises(EvidenceError, match="other content"):
        attempt.artifact("m9a_one.json", {"value": 2})
    with pytest.raises(EvidenceError, match="does not owe"):
        attempt.artifact("m9b_one.json", {})
    attempt.seal()
    with pytest.raises(EvidenceError, match="sealed"):
        attempt.artifact("m9a_one.json", {"value": 1})


def test_a_missing_artifact_blocks_and_the_rest_is_published(bench) -> None:
    attempt = bench.open("A")
    attempt.artifact("m9a_one.json", {})
    committed = bench.commit(attempt)
    assert committed.judgement.blockers == ("M9A-B3",)
    rows = {row["file"]: row["read_back"] for row in bench.summary(committed)["artifacts"]}
    assert rows == {"m9a_one.json": True, "publication_receipt.json": True}


def test_a_secret_keeps_the_pack_from_the_store_and_from_the_disk(bench, s3, bucket) -> None:
    bench.scanner.register("correct-horse-battery", "the key")
    attempt = bench.filled("A", value="correct-horse-battery")
    attempt.metric("seen", "correct-horse-battery")
    committed = bench.commit(attempt)
    assert "M9A-B5" in committed.judgement.blockers
    assert committed.uri is None
    assert s3.list_objects_v2(Bucket=bucket).get("Contents", []) == []
    assert not any(b"correct-horse" in path.read_bytes() for path in committed.path.iterdir())


def test_other_bytes_under_the_key_are_a_conflict_and_are_not_overwritten(bench, s3, bucket) -> None:
    key = "evidence/demo/run_control/m9a_20260224T043334Z/m9a_one.json"
    s3.put_object(Bucket=bucket, Key=key, Body=b"theirs")
    committed = bench.pass_("A")
    assert committed.judgement.blockers == ("M9A-B4",)
    assert "other bytes stand under the key" in committed.judgement.findings[0].detail
    with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        assert body.read() == b"theirs"


def test_publishing_the_same_bytes_again_is_no_conflict_and_makes_no_version(store, s3, bucket) -> None:
    first, _ = publish_all(store, "m9a_20260224T043334Z", {"a.json": b"{}"})
    second, failed = publish_all(store, "m9a_20260224T043334Z", {"a.json": b"{}"})
    assert failed == []
    assert first == second
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_each_failure_of_a_store_has_its_reason(s3, bucket) -> None:
    _, (missing,) = publish_all(
        S3Store(s3, bucket="no-such-bucket", prefix="p"), "m9a_20260224T043334Z", {"a.json": b""}
    )
    assert missing.reason is PublishFailure.MISSING_BUCKET
    store = S3Store(s3, bucket=bucket, prefix="p")
    store.publish("m9a_20260224T043334Z", "a.json", b"one")
    _, (conflict,) = publish_all(store, "m9a_20260224T043334Z", {"a.json": b"two"})
    assert conflict.reason is PublishFailure.CONFLICT
    assert "nothing was overwritten" in str(conflict)


def test_a_lost_attempt_is_adopted_from_its_journal(bench) -> None:
    attempt = bench.filled("A", TestState.PASSED)
    attempt.metric("count", 7)
    name = attempt.execution_id
    attempt.journal.close()
    with (attempt.path / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "record", "verifier": "M9A-V1", "nod')  # torn by the kill
    (attempt.path / ".m9a_two.json.0123").write_text("{")
    (attempt.path / "m9a_two.json").write_text('{"val')
    adopted = bench.make_staging(session="other").adopt(name)
    adopted.record("M9A-V1", TestRecord("t.py::other", TestState.LOST))
    committed = bench.commit(adopted)
    assert committed.execution_id == name
    assert bench.summary(committed)["metrics"] == {"count": 7}
    assert committed.judgement.blockers == ("M9A-B3", "M9A-UNMAPPED")
    assert verified(committed.path, "m9a_execution_summary.json", bench.schemas).problems == ()
    with pytest.raises(EvidenceError, match="no open attempt"):
        bench.staging.adopt(name)


def test_an_entry_behind_a_torn_one_is_not_lost_when_the_adopter_vanishes_too(bench) -> None:
    attempt = bench.filled("A")
    attempt.journal.close()
    with (attempt.path / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "rec')
    adopted = bench.staging.adopt(attempt.execution_id)
    adopted.record("M9A-V1", TestRecord("t.py::late", TestState.LOST))
    adopted.journal.close()
    again = bench.staging.adopt(attempt.execution_id)
    assert [record.nodeid for record in again.records["M9A-V1"]] == ["t.py::t", "t.py::late"]


def test_the_note_on_the_clock_outlives_the_process(bench) -> None:
    bench.pass_("A")
    bench.now -= timedelta(hours=1)
    attempt = bench.filled("A")
    attempt.journal.close()
    committed = bench.commit(bench.staging.adopt(attempt.execution_id))
    assert "behind" in bench.summary(committed)["clock_note"]


def test_an_attempt_runs_as_long_as_somebody_writes_its_journal(bench) -> None:
    attempt = bench.filled("A")
    (record,) = bench.staging.archive.attempts("M9")
    assert (record.standing, record.gate, record.substrate) == ("running", "M9.A", "embedded")
    attempt.journal.close()  # as the system does when the process ends
    (record,) = bench.staging.archive.attempts("M9")
    assert record.standing.startswith("abandoned")
    assert not bench.staging.upstream("M9.A").green


def test_what_lies_in_the_pack_and_is_not_owed_blocks_and_is_taken_out(bench) -> None:
    attempt = bench.filled("A")
    (attempt.path / "notes.txt").write_text("mine")
    (attempt.path / "folder").mkdir()
    (attempt.path / "folder" / "x").write_text("deep")
    committed = bench.commit(attempt)
    assert committed.judgement.blockers == ("M9A-B3",)
    assert {"'folder'", "'notes.txt'"} == {finding.detail.split()[0] for finding in committed.judgement.findings}
    assert verified(committed.path, "m9a_execution_summary.json", bench.schemas).problems == ()


@pytest.mark.parametrize("change", ["edit", "delete", "symlink", "folder"])
@pytest.mark.parametrize("sealed_before", [True, False])
def test_an_artifact_changed_in_staging_blocks_and_the_recorded_one_is_kept(bench, change, sealed_before) -> None:
    attempt = bench.filled("A")
    if sealed_before:
        assert attempt.seal() == ()
    path = attempt.path / "m9a_one.json"
    content = path.read_bytes()
    path.unlink()
    if change == "edit":
        path.write_text("{}")
    elif change == "symlink":
        (bench.root / "elsewhere").write_bytes(content)
        path.symlink_to(bench.root / "elsewhere")
    elif change == "folder":
        path.mkdir()
    committed = bench.commit(attempt)
    assert committed.judgement.blockers == ("M9A-B3",)
    assert (committed.path / "m9a_one.json").read_bytes() == content
    assert verified(committed.path, "m9a_execution_summary.json", bench.schemas).problems == ()


def test_sealing_twice_says_the_same_and_publishes_once(bench, meddler) -> None:
    attempt = bench.open("A")
    attempt.artifact("m9a_one.json", {})
    first = attempt.seal()
    puts = meddler.count("PUT")
    assert attempt.seal() == first != ()
    assert meddler.count("PUT") == puts


def test_a_gate_with_a_label_or_a_digit_has_packs_that_verify(bench) -> None:
    labelled = bench.catalogue.gates["M9.C"].model_copy(update={"id": "M9.C1", "label": "p3_gate_rollup"})
    attempt = bench.staging.open(labelled)
    bench.opened.append(attempt)
    committed = bench.commit(attempt)
    assert committed.execution_id == "m9c1_p3_gate_rollup_20260224T043334Z"
    assert verified(committed.path, "m9c1_execution_summary.json", bench.schemas).problems == ()


def test_texts_that_utf8_cannot_carry_do_not_lose_the_attempt(bench) -> None:
    attempt = bench.filled("A")
    attempt.record("M9A-V1", TestRecord("t.py::t[\udcff]", TestState.ERRORED, (("M9A-B1", "\ud800"),), "\udc80"))
    committed = bench.commit(attempt)
    assert set(committed.judgement.blockers) == {"M9A-B1", "M9A-UNMAPPED"}
    assert bench.staging.archive.refresh_index("M9") is None


def test_an_id_at_the_end_of_time_is_refused_in_words(bench) -> None:
    (bench.root / "demo/m9/m9a_99991231T235959Z").mkdir(parents=True)
    with pytest.raises(EvidenceError, match="no second is left"):
        bench.open("A")


def test_ten_thousand_records_cost_little(bench) -> None:
    attempt = bench.open("A")
    records = [TestRecord(f"t.py::t[{number}]", TestState.PASSED) for number in range(10_000)]
    start = time.perf_counter()
    for record in records:
        attempt.record("M9A-V1", record)
    assert time.perf_counter() - start < 1  # 0.1 s on an idle machine
