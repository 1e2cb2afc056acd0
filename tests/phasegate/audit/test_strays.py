"""What `phasegate verify` says beside the packs: strays, what nothing notes, and the word that takes one back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.audit.conftest import verify
from tests.phasegate.audit.tampering import attempts

BEHIND = "m9/RUN_INDEX.md: it is not what the folders say now; `phasegate runs` is"


@pytest.fixture
def root(project) -> Path:
    """The platform's folder after a session of one gate that passed."""
    assert project.run("-m", "m9c").ret == ExitCode.OK
    return project.path / "runs/demo"


def told(project) -> tuple[int, list[tuple[str, str, str]], list[str]]:
    """The exit code, the place and kind of every defect, and the notes."""
    done = verify(project.path, "--json")
    defects = [(row["execution_id"], row["file"], row["kind"]) for row in done.defects]
    return done.code, defects, done.notes


def test_strays_are_defects_at_their_place_and_what_is_harmless_is_a_note(project, root) -> None:
    (root / "extra.json").touch()
    (root / "m9/extra").mkdir()
    (root / "m9/.staging/m9a_20200101T000000Z").mkdir()
    code, defects, notes = told(project)
    places = ["extra.json", "m9/extra"]
    assert (code, defects) == (ExitCode.EVIDENCE, [("", place, "INTEGRITY") for place in places])
    assert notes == ["m9/.staging/m9a_20200101T000000Z: it was opened, and is not committed", BEHIND]
    assert [line.split()[1] for line in verify(project.path).out.splitlines()[:2]] == places


def test_what_sessions_and_prunes_leave_is_sound(project, root) -> None:
    assert project.run("-m", "m9c").ret == ExitCode.OK
    newest = max(path.name for path in attempts(root))
    assert project.phasegate("runs", "prune", f"--keep={newest}", "--yes").ret == ExitCode.OK
    assert {".heads", ".lock", ".pruned", ".sessions", "m9"} <= {path.name for path in root.iterdir()}
    assert {".staging", "RUN_INDEX.md", newest} == {path.name for path in (root / "m9").iterdir()}
    assert told(project) == (ExitCode.OK, [], [])


def test_an_attempt_in_the_folder_of_another_phase_is_no_second_one(project, root) -> None:
    (path,) = attempts(root)
    shutil.copytree(path, root / "m8" / path.name)
    code, defects, _ = told(project)
    assert (code, defects) == (ExitCode.EVIDENCE, [("", f"m8/{path.name}", "INTEGRITY")])


def test_an_attempt_whose_end_could_not_be_noted_stays_and_is_named_by_the_next(project) -> None:
    heads = project.path / "runs/demo/.heads"
    heads.parent.mkdir(parents=True)
    heads.write_text("in the way")
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.EVIDENCE
    result.stdout.fnmatch_lines(["*cannot extend the chain of attestations*"])
    (path,) = attempts(project.path / "runs")
    code, defects, notes = told(project)
    assert (code, defects) == (ExitCode.EVIDENCE, [("", ".heads", "INTEGRITY")])
    assert notes == [f"{path.name} ends the chain, and nothing notes it until an attempt follows"]
    heads.unlink()
    assert project.run("-m", "m9c").ret == ExitCode.OK
    assert told(project) == (ExitCode.OK, [], [])
    shutil.rmtree(path)
    assert (path.name, "", "INTEGRITY") in told(project)[1]


def test_what_ends_the_chain_after_a_prune_is_noted_again(project, root) -> None:
    (first,) = attempts(root)
    assert project.run("-m", "m9b").ret == ExitCode.BLOCKED
    lone = min(attempts(root), key=lambda path: path.name)
    assert project.run("-m", "m9c").ret == ExitCode.OK
    newest = max(attempts(root), key=lambda path: path.name)
    assert project.phasegate("runs", "invalidate", newest.name, "--reason=broken").ret == ExitCode.OK
    assert project.phasegate("runs", "prune", f"--keep={first.name}", "--yes").ret == ExitCode.OK
    assert attempts(root) == sorted([first, lone])
    assert told(project) == (ExitCode.OK, [], [])
    shutil.rmtree(lone)
    assert (lone.name, "", "INTEGRITY") in told(project)[1]


def test_an_invalidation_is_a_note_and_a_link_in_its_place_a_defect(project, root, tmp_path) -> None:
    (path,) = attempts(root)
    assert project.phasegate("runs", "invalidate", path.name, "--reason=broken").ret == ExitCode.OK
    assert told(project) == (ExitCode.OK, [], [f"{path.name} was invalidated: broken"])
    aside = tmp_path / "elsewhere.txt"
    (path / "INVALIDATED.txt").rename(aside)
    (path / "INVALIDATED.txt").symlink_to(aside)
    code, defects, notes = told(project)
    assert (code, defects) == (ExitCode.EVIDENCE, [(path.name, "INVALIDATED.txt", "INTEGRITY")])
    assert notes == [BEHIND, f"{path.name} was invalidated: no reason given"]
