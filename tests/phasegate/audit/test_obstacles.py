"""Whatever stands in the place of evidence is one named defect; verification ends, and judges the rest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.attestation import ATTESTATION
from phasegate.evidence.files import MAX_BYTES, UnreadableError, read_file
from tests.phasegate.audit.conftest import Told, verify
from tests.phasegate.audit.obstacles import NO_FOLDERS, OBSTACLES, closed, obstruct, within
from tests.phasegate.audit.tampering import attempts

SECONDS = 60


def told(project) -> Told:
    with within(SECONDS):
        done = verify(project.path, "--json")
    assert done.err == ""
    return done


def newest(evidence: Path) -> Path:
    """The attempt that closes the phase: no other rests on it."""
    return max(path for path in attempts(evidence) if path.name.startswith("m9b"))


def files_of_one_attempt(evidence: Path) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Every file of an attempt that none followed, and one that takes it back; with where each is named."""
    folder = newest(evidence)
    for path in sorted(folder.iterdir()):
        yield path, (folder.name, path.name)
    yield folder / "INVALIDATED.txt", (folder.name, "INVALIDATED.txt")


@pytest.mark.parametrize("kind", OBSTACLES)
def test_an_obstacle_in_the_place_of_any_file_of_an_attempt_is_named_there(project, evidence, kind) -> None:
    pristine = shutil.copytree(evidence, project.path / "pristine")
    for path, place in list(files_of_one_attempt(evidence)):
        obstruct(path, kind)
        done = told(project)
        assert (done.code, len(done.defects)) != (ExitCode.OK, 0)
        assert {found[0] for found in done.places} == {place[0]}, f"{place}\n{done.out}"
        assert place in done.places, f"{place}\n{done.out}"
        assert '"attempts": [' in done.out
        shutil.rmtree(evidence)
        shutil.copytree(pristine, evidence)


@pytest.mark.parametrize("kind", NO_FOLDERS)
def test_an_obstacle_beside_the_attempts_is_named_there(project, evidence, kind) -> None:
    root = evidence / "demo"
    places = [".lock", ".root-id", ".heads", ".sessions", ".pruned", "m9/RUN_INDEX.md", "m9/.staging"]
    places += [f".heads/{newest(evidence).name}", ".pruned/prune_20260101T000000Z_1.dsse.json", "m9/extra"]
    places += [f".sessions/{'0' * 32}/m9a_20260101T000000Z"]
    for place in places:
        copy = shutil.copytree(root, project.path / "aside", symlinks=True)
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        obstruct(root / place, kind)
        found = told(project).places
        assert ("", place) in found, f"{place} {found}"
        if place != ".root-id":  # every signed attempt names the id
            assert found == [("", place)], f"{place} {found}"
        shutil.rmtree(root)
        copy.rename(root)


def test_an_obstacle_in_the_place_of_an_attempt_is_named_once_and_hides_no_other(project, evidence) -> None:
    first, *_, last = sorted(attempts(evidence), key=lambda path: path.name)
    (last / "extra.json").write_text("{}")
    for kind in NO_FOLDERS:
        obstruct(first, kind)
        assert told(project).places == [(first.name, ""), (last.name, "extra.json")], kind


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["closed", "listed and not searched"])
def test_a_closed_folder_is_named_once_and_hides_no_other_defect(project, evidence, mode) -> None:
    root, folder = evidence / "demo", newest(evidence)
    (root / "stray.json").write_text("{}")
    (root / "m9/.staging/m9a_20200101T000000Z").mkdir()
    (root / ".notes").mkdir()
    (root / ".notes/one.txt").write_text("kept")
    cases = [(folder, (folder.name, "")), (root / "m9", ("", "m9"))]
    cases += [(root / place, ("", place)) for place in (".heads", ".notes", "m9/.staging")]
    for path, place in cases:
        with closed(path, mode):
            done = told(project)
        assert (done.code, done.places) == (ExitCode.EVIDENCE, sorted([place, ("", "stray.json")])), f"{place} {done}"
    with closed(root, mode):
        done = verify(project.path)
    assert (done.code, "Traceback" in done.err) == (ExitCode.EVIDENCE, False)
    assert f"{root}: cannot be" in done.err


def test_a_file_that_nobody_may_read_is_named(project, evidence) -> None:
    path = newest(evidence) / ATTESTATION
    with closed(path, 0):
        assert told(project).places == [(path.parent.name, ATTESTATION)]


def test_a_gate_meets_an_obstacle_as_verification_does(project, evidence) -> None:
    """It does not wait, rests on nothing that it cannot read, and says what stands there."""
    upstream = max(path for path in attempts(evidence) if path.name.startswith("m9a"))
    aside = project.path / "aside"
    shutil.copy(upstream / ATTESTATION, aside)
    obstruct(upstream / ATTESTATION, "pipe")
    result = project.run("-m", "m9b")
    assert result.ret == ExitCode.EVIDENCE
    result.stdout.fnmatch_lines(["*attestation.dsse.json*is a pipe, and no regular file*"])
    (upstream / ATTESTATION).unlink()
    shutil.copy(aside, upstream / ATTESTATION)
    os.mkfifo(upstream / "INVALIDATED.txt")
    result = project.run("-m", "m9b")
    assert result.ret == ExitCode.BLOCKED
    (upstream / "INVALIDATED.txt").unlink()
    obstruct(evidence / "demo/.lock", "pipe")
    result = project.run("-m", "m9b")
    assert result.ret == ExitCode.EVIDENCE
    result.stdout.fnmatch_lines(["*.lock*is a pipe, and no regular file*"])
    done = project.phasegate("runs")
    assert done.ret == ExitCode.OK


def test_the_largest_file_is_read_and_a_larger_one_is_not(tmp_path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES)
    assert len(read_file(path)) == MAX_BYTES
    with path.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UnreadableError, match=f"has {MAX_BYTES + 1} bytes"):
        read_file(path)
    with pytest.raises(UnreadableError, match="is a device"):
        read_file(Path("/dev/zero"))
