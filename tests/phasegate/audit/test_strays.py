"""What `phasegate verify` says beside the packs: strays, what nothing notes, and the word that takes one back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from phasegate.errors import ExitCode
from phasegate.evidence.dsse import enveloped, unverified
from phasegate.evidence.keys import KeyStore
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


def beside(evidence: Path) -> dict[str, str]:
    """Things that lie among evidence, each with a text, by their place."""
    first = min(path.name for path in attempts(evidence))
    return {
        ".pruned/notes.txt": "",
        ".pruned/prune_20260101T000000Z_1.dsse.json": "{}",
        ".sessions/notes": "",
        f".sessions/{'0' * 32}/anything": "",
        f".sessions/{'0' * 32}/{first}": "content",
        ".heads/notes": "",
        f".heads/{first}": "content",
        ".lock": "content",
        "m9/notes.txt": "",
    }


def test_whatever_lies_beside_the_packs_is_a_defect_at_its_place(project, evidence) -> None:
    root = evidence / "demo"
    for place, text in beside(evidence).items():
        (root / place).parent.mkdir(exist_ok=True)
        (root / place).write_text(text)
        code, defects, _ = told(project)
        assert (code, defects) == (ExitCode.EVIDENCE, [("", place, "INTEGRITY")]), place
        (root / place).unlink()
        if place == ".lock":
            (root / place).touch()


def test_a_hidden_folder_is_a_note_and_an_attempt_in_it_a_defect(project, evidence) -> None:
    root, first = evidence / "demo", min(attempts(evidence), key=lambda path: path.name)
    (root / ".notes/deep").mkdir(parents=True)
    (root / ".notes/deep/one.txt").touch()
    note = ".notes: it lies beside the evidence, and no attempt accounts for it"
    assert told(project) == (ExitCode.OK, [], [note])
    shutil.copytree(first, root / ".notes/deep" / first.name)
    assert told(project)[1] == [("", f".notes/deep/{first.name}", "INTEGRITY")]
    (root / ".notes/deep" / first.name).rename(root / ".notes/deep/other")
    places = [f".notes/deep/other/{name}" for name in ("attestation.dsse.json", "m9a_execution_summary.json")]
    assert told(project)[1] == [("", place, "INTEGRITY") for place in places]


def test_what_lies_beside_the_platform_is_a_note_and_another_platform_is_not(project, evidence) -> None:
    shutil.copytree(evidence / "demo", evidence / "other")
    assert told(project) == (ExitCode.OK, [], [])
    (evidence / "junk").mkdir()
    (evidence / "junk.txt").touch()
    assert told(project) == (
        ExitCode.OK,
        [],
        ["..: beside the platform's folder lies what belongs to no platform: junk, junk.txt"],
    )


def test_an_index_that_lies_is_a_defect_and_one_that_is_behind_a_note(project, evidence) -> None:
    index = evidence / "demo/m9/RUN_INDEX.md"
    text = index.read_text()
    lies = {
        "another verdict": text.replace("| HOLD_REMEDIATE |", "| ADVANCE_TO_M9AX |"),
        "a blocker less": text.replace("| M9A-B2 |", "|  |"),
        "an attempt that is not there": text + "| m9a_20200101T000000Z | M9.A | x | ADVANCE_TO_M9AX |  | x |\n",
        "a line more": text + "all is well\n",
        "another head": text.replace("# Attempts", "# All attempts"),
        "empty": "",
        "cut off": text[:-3],
    }
    for name, lie in lies.items():
        assert lie != text, name
        index.write_text(lie)
        code, defects, _ = told(project)
        assert (code, set(defects)) == (ExitCode.EVIDENCE, {("", "m9/RUN_INDEX.md", "INTEGRITY")}), name
    behind = [line for line in text.splitlines(keepends=True) if "m9c" not in line]
    index.write_text("".join(behind))
    assert told(project) == (ExitCode.OK, [], [BEHIND])


def test_a_receipt_of_another_key_or_another_root_is_named_and_explains_nothing(project, evidence) -> None:
    keep = max(path.name for path in attempts(evidence))
    first = min(path.name for path in attempts(evidence))
    assert project.phasegate("runs", "prune", f"--keep={keep}", "--yes").ret == ExitCode.OK
    assert told(project) == (ExitCode.OK, [], [])
    (receipt,) = (evidence / "demo/.pruned").iterdir()
    place = f".pruned/{receipt.name}"
    statement = json.loads(json.dumps(unverified(receipt.read_bytes())))
    receipt.write_bytes(enveloped(statement, CryptoSigner.generate_ed25519()))
    _, defects, _ = told(project)
    assert {("", place, "SIGNATURE"), (first, "", "INTEGRITY")} <= set(defects)
    statement["predicate"]["runs_root"] = "0" * 32
    receipt.write_bytes(enveloped(statement, KeyStore("demo").signer()))
    _, defects, _ = told(project)
    assert {("", place, "INTEGRITY"), (first, "", "INTEGRITY")} <= set(defects)


def test_a_head_that_names_an_attempt_that_others_follow_is_a_note(project, evidence) -> None:
    first = min(path.name for path in attempts(evidence))
    (evidence / "demo/.heads" / first).touch()
    assert told(project) == (
        ExitCode.OK,
        [],
        [f"{first} is noted as an end of the chain, and another attempt follows it"],
    )
