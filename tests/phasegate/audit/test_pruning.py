"""`phasegate runs prune`: what the chain or the keep set needs stays; what goes is signed for."""

from __future__ import annotations

import json

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
