"""`phasegate runs prune`: what the chain or the keep set needs stays; what goes is signed for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.errors import ExitCode


def attempts(project) -> list[str]:
    return sorted(path.name for path in project.attempts())


@pytest.fixture
def three(project, pristine_three, keys) -> list[str]:
    """Three passing sessions of a chain of two gates and of a lone one."""
    pristine_three.copied(project, keys)
    return attempts(project)


def test_a_dry_run_touches_nothing_and_a_prune_keeps_what_is_needed(project, three) -> None:
    newest = [max(name for name in three if name.startswith(f"m9{letter}")) for letter in "abc"]
    kept = three[0]
    dry = project.phasegate("runs", "prune", f"--keep={kept}")
    assert dry.ret == ExitCode.OK
    dry.stdout.fnmatch_lines([f"keep*{kept}*named*", "would remove*", "nothing was touched: 5 would go with --yes"])
    assert attempts(project) == three
    done = project.phasegate("runs", "prune", f"--keep={kept}", "--yes")
    assert done.ret == ExitCode.OK
    done.stdout.fnmatch_lines(["removed*", "receipt: *"])
    assert attempts(project) == sorted([kept, *newest])
    assert project.phasegate("verify").ret == ExitCode.OK
    again = project.phasegate("runs", "prune", f"--keep={kept}", "--yes")
    assert again.ret == ExitCode.OK
    assert "receipt" not in again.stdout.str()
    assert project.run("-m", "m9b").ret == ExitCode.OK


@pytest.mark.parametrize("trusted", [True, False])
def test_a_newer_attempt_that_was_pruned_is_missed_only_without_a_receipt_to_trust(project, three, trusted) -> None:
    assert project.run("-m", "m9a", "--deselect=gates/test_m9a.py::test_body").ret == ExitCode.INCOMPLETE
    assert project.run("-m", "m9c").ret == ExitCode.OK  # its statement names the one before
    assert project.phasegate("runs", "prune", f"--keep={three[0]}", "--yes").ret == ExitCode.OK
    assert max(name for name in attempts(project) if name.startswith("m9a")) in three
    if not trusted:
        (receipt,) = (project.path / "runs/demo/.pruned").iterdir()
        receipt.unlink()
    assert project.run("-m", "m9b").ret == (ExitCode.OK if trusted else ExitCode.BLOCKED)
    detail = str(project.summaries()["M9.B"]["blocker_details"])
    assert ("is gone" in detail) is not trusted


def test_an_upstream_of_what_is_kept_stays(project, three) -> None:
    first_b = min(name for name in three if name.startswith("m9b"))
    first_a = min(name for name in three if name.startswith("m9a"))
    assert project.phasegate("runs", "prune", f"--keep={first_b}", "--yes").ret == ExitCode.OK
    assert {first_a, first_b} <= set(attempts(project))
    assert project.phasegate("verify").ret == ExitCode.OK


def test_without_its_receipt_what_was_pruned_is_missed(project, three) -> None:
    project.phasegate("runs", "prune", f"--keep={three[-1]}", "--yes")
    (receipt,) = (project.path / "runs/demo/.pruned").iterdir()
    data = json.loads(receipt.read_bytes())
    receipt.write_text(json.dumps(data | {"payload": data["payload"][:-4] + "AAAA"}))
    assert project.phasegate("verify").ret == ExitCode.EVIDENCE


@pytest.mark.parametrize(("keep", "fact"), [("  ", "keep set is empty"), ("m9a_20200101T000000Z", "no attempt of")])
def test_a_keep_set_that_keeps_nothing_is_refused(project, three, keep, fact) -> None:
    done = project.phasegate("runs", "prune", f"--keep={keep}", "--yes")
    assert done.ret == ExitCode.EVIDENCE
    assert fact in done.stderr.str()
    assert attempts(project) == three


def test_a_link_out_of_the_root_is_not_followed(project, three, tmp_path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("stays")
    link = project.path / "runs/demo/m9" / "m9a_20200101T000000Z"
    link.symlink_to(outside)
    done = project.phasegate("runs", "prune", f"--keep={three[-1]}", "--yes")
    assert done.ret == ExitCode.EVIDENCE
    assert "leads out" in done.stderr.str()
    assert (outside / "file").read_text() == "stays"
    assert set(three) <= set(attempts(project)) | {link.name}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestRunFolders:
    """The run folders of a data engine."""

    ONE, TWO, THREE = (str(number) * 32 for number in (1, 2, 3))

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "engine"
        for name in (self.ONE, self.TWO, self.THREE, "reports", "A" * 32, "1" * 33):
            (root / name / "data").mkdir(parents=True)
        (root / "file").write_text("stays")
        return root

    def prune(self, project, root: Path, *arguments: str):
        return project.phasegate("runs", "prune", f"--engine-runs={root}", *arguments)

    def test_only_run_folders_outside_the_keep_set_go(self, project, root) -> None:
        before = names(root)
        assert self.prune(project, root, f"--keep={self.ONE}").ret == ExitCode.OK
        assert names(root) == before
        assert self.prune(project, root, f"--keep= {self.ONE} ", "--yes").ret == ExitCode.OK
        assert names(root) == sorted({*before} - {self.TWO, self.THREE})
        (receipt,) = (root / "reports").glob("prune_receipt_*.json")
        assert json.loads(receipt.read_bytes())["removed"] == [self.TWO, self.THREE]

    def test_a_run_that_others_need_stays(self, project, root) -> None:
        (root / self.ONE / "data/layer1").symlink_to(root / self.TWO / "data")
        (root / self.TWO / "run_receipt.json").write_text(json.dumps({"staged_from_run_id": self.THREE}))
        done = self.prune(project, root, f"--keep={self.ONE}", "--yes")
        assert done.ret == ExitCode.OK
        assert {self.ONE, self.TWO, self.THREE} <= set(names(root))

    @pytest.mark.parametrize("text", ["{", "[" * 100_000, "\ud800"])
    def test_a_run_whose_receipt_says_nothing_may_need_others_and_is_named(self, project, root, text) -> None:
        (root / self.ONE / "run_receipt.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        done = self.prune(project, root, f"--keep={self.ONE}", "--yes")
        assert done.ret == ExitCode.EVIDENCE
        done.stderr.fnmatch_lines(["*run_receipt.json: is no JSON*"])
        assert {self.TWO, self.THREE} <= set(names(root))

    def test_a_run_at_work_is_refused(self, project, root) -> None:
        (root / self.TWO / "tmp/work").mkdir(parents=True)
        done = self.prune(project, root, f"--keep={self.ONE}", "--yes")
        assert done.ret == ExitCode.EVIDENCE
        assert (root / self.TWO).exists()

    @pytest.mark.parametrize("keep", ["", "9" * 32])
    def test_an_empty_or_unknown_keep_set_is_refused(self, project, root, keep) -> None:
        assert self.prune(project, root, f"--keep={keep}", "--yes").ret == ExitCode.EVIDENCE
        assert (root / self.TWO).exists()

    def test_a_linked_run_goes_as_a_link_and_its_target_stays(self, project, root, tmp_path) -> None:
        target = tmp_path / "elsewhere"
        target.mkdir()
        (target / "file").write_text("stays")
        (root / ("4" * 32)).symlink_to(target)
        assert self.prune(project, root, f"--keep={self.ONE}", "--yes").ret == ExitCode.OK
        assert (target / "file").read_text() == "stays"
        assert not (root / ("4" * 32)).exists()
