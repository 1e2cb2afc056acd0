"""What no process can prevent: a kill at any step, a full disk, a folder that cannot be written, company."""

from __future__ import annotations

import errno
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phasegate.attempts.heads import Heads
from phasegate.errors import EvidenceError
from tests.phasegate.attempts.signing import previous, verified

ROOT = Path(__file__).parents[3]
SUMMARY = "m9a_execution_summary.json"


def in_process(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.phasegate.attempts.crashes", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]):
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(text)


def test_a_kill_at_any_step_leaves_no_torn_pack_and_the_next_session_goes_on(tmp_path) -> None:
    reports = output(in_process("kill", str(tmp_path)))
    assert len(reports) > 40
    assert [report["killed"] for report in reports] == [True] * (len(reports) - 1) + [False]
    assert {report["green"] for report in reports} == {True, False}
    for report in reports:
        standings = [text.partition(":")[0] for text in report["standings"].values()]
        assert standings in ([], ["abandoned"], ["authoritative"])
        assert report["broken"] == report["broken_after"] == []
        # What a kill cut short never counts, before it is adopted and after.
        whole = standings == ["authoritative"]
        assert report["green"] == report["green_after_adoption"] == whole
        assert all(passed == whole for passed in report["adopted"].values())
        assert report["green_left_in_store"] == []
        assert report["next_passed"]
        assert report["authoritative"] == [report["next_id"]]
        assert report["indexed"]
        # The folder of an attempt that no session noted yet is all that may stay; it is listed as abandoned.
        assert report["strays"] == ([] if report["adopted"] else list(report["standings"]))
        assert report["strays"] == report["unentered"]
        assert list(report["adopted"]) == report["entered"]


def test_sessions_at_once_share_no_id_and_lose_no_line_of_the_index(tmp_path, bench) -> None:
    processes = [in_process("race", str(tmp_path), f"session-{number}") for number in range(3)]
    ids = [name for process in processes for name in output(process)]
    assert len(ids) == len(set(ids)) == 15
    folder = tmp_path / "runs/demo/m9"
    index = (folder / "RUN_INDEX.md").read_text()
    for name in ids:
        assert verified(folder / name, SUMMARY).problems == ()
        assert name in index
    bench.root = tmp_path / "runs"
    standings = {record.execution_id: record.standing for record in bench.make_staging().archive.attempts("M9")}
    assert standings.pop(max(ids)) == "authoritative"
    assert set(standings.values()) == {f"superseded by {max(ids)}"}


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size while the block runs, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 1, 10, 100, 200, 400, 800, 1_500, 100_000])
def test_a_disk_that_fills_up_at_any_point_leaves_the_old_word_and_says_so(bench, size) -> None:
    before = bench.pass_("A")
    said = None
    try:
        with files_up_to(size):
            bench.pass_("A")
    except EvidenceError as error:
        said = error
    assert (said is None) == (size > 2_000)
    folders = [path for path in (bench.root / "demo/m9").iterdir() if path.name.startswith("m9a_")]
    assert all(verified(folder, SUMMARY, bench.schemas).problems == () for folder in folders)
    if said is not None:
        assert folders == [before.path]
        assert "cannot " in said.problems[0].fact
        assert str(bench.root) in said.problems[0].place
        assert bench.make_staging().upstream("M9.A").execution_id == before.execution_id
    assert bench.pass_("A").judgement.overall_pass


def test_a_full_disk_is_named_and_what_was_published_as_green_is_taken_back(bench, monkeypatch, s3, bucket) -> None:
    attempt = bench.filled("A")

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)  # the last step, behind the publication
        with pytest.raises(EvidenceError, match="No space left on device") as caught:
            bench.commit(attempt)
    assert "free space" in caught.value.problems[0].remedy
    names = {item["Key"].rpartition("/")[2] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert {SUMMARY, "INVALIDATED.txt"} <= names
    assert not bench.staging.upstream("M9.A").green
    attempt.journal.close()
    assert bench.pass_("A").judgement.overall_pass


def test_an_end_that_cannot_be_noted_is_said_and_the_attempt_stays_and_is_named(bench, monkeypatch, s3, bucket) -> None:
    attempt = bench.filled("A")

    def failing(self, execution_id, named):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Heads, "advance", failing)
        with pytest.raises(EvidenceError, match="extend the chain of attestations: Input/output error"):
            bench.commit(attempt)
    (revived,) = bench.staging.collect_session([], pytest.fail)  # as the session's end does
    assert (revived.execution_id, revived.judgement.overall_pass) == (attempt.execution_id, True)
    assert bench.make_staging().upstream("M9.A").green
    # The attempt stands, so neither copy of it may be taken back.
    names = {item["Key"].rpartition("/")[2] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert SUMMARY in names
    assert "INVALIDATED.txt" not in names
    following = bench.pass_("A")
    assert [item.execution_id for item in previous(following.path)] == [attempt.execution_id]


def test_a_real_file_system_that_is_full_is_named(bench, tmp_path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system; the limit on file sizes shows the same")
    try:
        bench.root = disk
        bench.staging = bench.make_staging()
        before = bench.pass_("A")
        attempt = bench.open("A")
        with pytest.raises(EvidenceError, match="No space left on device") as caught:
            attempt.artifact("m9a_one.json", {"value": "x" * 60_000})
        assert "free space" in caught.value.problems[0].remedy
        assert [path.name for path in attempt.path.iterdir()] == ["journal.jsonl"]
        attempt.journal.close()
        assert bench.make_staging().upstream("M9.A").execution_id == before.execution_id
        assert bench.staging.adopt(attempt.execution_id).records["M9A-V1"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("way", ["", "demo", "demo/m9", "demo/m9/.staging", "demo/.sessions"])
def test_a_file_in_the_way_is_said_with_its_place_and_the_remedy(bench, way) -> None:
    path = bench.root / way
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")

    def begin() -> None:
        bench.staging.check_writable()
        bench.open("A")

    with pytest.raises(EvidenceError) as caught:
        begin()
    (problem,) = caught.value.problems
    assert str(bench.root) in problem.place
    assert "remove the file that stands where the folder should be" in problem.remedy
    assert path.read_text() == "in the way"


def test_a_runs_root_that_is_read_only_is_said_before_anything_runs(bench, tmp_path) -> None:
    folder = tmp_path / "frozen"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        folder.chmod(0o500)  # not root, then: permissions hold
    try:
        bench.root = folder
        with pytest.raises(EvidenceError, match="cannot write evidence") as caught:
            bench.make_staging().check_writable()
        assert "--runs-root" in caught.value.problems[0].remedy
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)
        folder.chmod(0o700)
