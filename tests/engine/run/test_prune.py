"""`engine prune`: the folders of runs that nothing needs go, and nothing else."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import EXIT_FAILED

ONE, TWO, THREE = (str(number) * 32 for number in (1, 2, 3))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs, and what is none."""
    root = tmp_path / "engine"
    for name in (ONE, TWO, THREE, "reports", "A" * 32, "1" * 33):
        (root / name / "data").mkdir(parents=True)
    (root / "file").write_text("stays")
    return root


def prune(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", "prune", f"--runs-root={root}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_run_folders_outside_the_keep_set_go(root) -> None:
    before = names(root)
    done = prune(root, f"--keep={ONE}")
    assert (done.returncode, names(root)) == (0, before)
    assert "nothing was touched: 2 would go with --yes" in done.stdout
    assert prune(root, f"--keep= {ONE} ", "--yes").returncode == 0
    assert names(root) == sorted({*before} - {TWO, THREE})
    (receipt,) = (root / "reports").glob("prune_receipt_*.json")
    assert json.loads(receipt.read_bytes())["removed"] == [TWO, THREE]


def test_a_run_that_others_need_stays(root) -> None:
    (root / ONE / "data/layer1").symlink_to(root / TWO / "data")
    (root / TWO / "run_receipt.json").write_text(json.dumps({"staged_from_run_id": THREE}))
    assert prune(root, f"--keep={ONE}", "--yes").returncode == 0
    assert {ONE, TWO, THREE} <= set(names(root))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\ud800"])
def test_a_run_whose_receipt_says_nothing_may_need_others_and_is_named(root, text) -> None:
    (root / ONE / "run_receipt.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    done = prune(root, f"--keep={ONE}", "--yes")
    assert done.returncode == EXIT_FAILED
    assert "run_receipt.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert {TWO, THREE} <= set(names(root))


def test_a_run_at_work_is_refused(root) -> None:
    (root / TWO / "tmp/work").mkdir(parents=True)
    assert prune(root, f"--keep={ONE}", "--yes").returncode == EXIT_FAILED
    assert (root / TWO).exists()


def test_a_run_that_a_process_holds_is_refused(root) -> None:
    with (root / THREE / ".writer.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = prune(root, f"--keep={ONE}", "--yes")
    assert done.returncode == EXIT_FAILED
    assert f"something is at work in {THREE}" in done.stderr
    assert names(root / TWO) == ["data"]


@pytest.mark.parametrize("keep", ["", "9" * 32])
def test_an_empty_or_unknown_keep_set_is_refused(root, keep) -> None:
    assert prune(root, f"--keep={keep}", "--yes").returncode == EXIT_FAILED
    assert (root / TWO).exists()


def test_a_root_that_is_not_there_is_refused(root) -> None:
    done = prune(root / "nowhere", f"--keep={ONE}")
    assert done.returncode == EXIT_FAILED
    assert "name the folder of all runs" in done.stderr


def test_a_linked_run_goes_as_a_link_and_its_target_stays(root, tmp_path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_text("stays")
    (root / ("4" * 32)).symlink_to(target)
    assert prune(root, f"--keep={ONE}", "--yes").returncode == 0
    assert (target / "file").read_text() == "stays"
    assert not (root / ("4" * 32)).exists()
