"""Where an attempt was made is signed: what was made elsewhere, or twice, is named, and no gate rests on it."""

from __future__ import annotations

import json
import shutil

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import enveloped, unverified
from phasegate.evidence.keys import KeyStore
from tests.phasegate.attempts.signing import previous
from tests.phasegate.audit.conftest import verify
from tests.phasegate.audit.tampering import attempts, own, retold


def test_a_chain_of_another_runs_root_is_named_and_feeds_no_gate(project, evidence) -> None:
    """Copied with its notes, and signed by the same key: only the id of the root tells."""
    elsewhere = project.path / "elsewhere"
    for letter, body in (("A", "pass"), ("A", 'block("M9A-B2", "broken here")')):
        project.gate(letter, v2=body)
        root = evidence if "block" in body else elsewhere
        project.run("-m", "m9a", f"--phasegate-runs-root={root}")
    made_there = attempts(elsewhere)
    here = max(path for path in attempts(evidence) if path.name.startswith("m9a"))
    if made_there[0].name <= here.name:  # as an attacker has it: what was made elsewhere is the newest word
        shutil.rmtree(here)
        (evidence / "demo/.heads" / here.name).unlink(missing_ok=True)
    for path in made_there:
        shutil.copytree(path, evidence / "demo/m9" / path.name, dirs_exist_ok=True)
        (evidence / "demo/.heads" / path.name).touch()
    done = verify(project.path, "--json")
    assert done.code == ExitCode.EVIDENCE
    assert {(path.name, ATTESTATION) for path in made_there} <= set(done.places), done.out
    result = project.run("-m", "m9b")
    assert result.ret == ExitCode.BLOCKED
    details = project.summaries()["M9.B"]["blocker_details"]
    assert any("it was made for demo in the runs root" in row["detail"] for row in details), details
    newest = max(path for path in attempts(evidence) if path.name.startswith("m9b"))
    assert {path.name for path in made_there}.isdisjoint(item.execution_id for item in previous(newest))


@pytest.mark.parametrize("change", ["platform", "runs_root"])
def test_a_statement_of_another_platform_or_root_is_no_statement_of_this_one(project, evidence, change) -> None:
    folder = max(attempts(evidence), key=lambda path: path.name)
    retold(folder, lambda statement: own(statement).update({change: "0" * 32}))
    (place,) = verify(project.path, "--json").places
    assert place == (folder.name, ATTESTATION)


@pytest.mark.parametrize("text", [None, "", "0" * 32 + "\n", "0" * 31 + "\n", "0" * 32, "\xff\n"])
def test_a_runs_root_whose_id_is_gone_or_another_is_named_and_makes_no_new_one(project, evidence, text) -> None:
    path = evidence / "demo/.root-id"
    path.unlink()
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    done = verify(project.path, "--json")
    assert done.code == ExitCode.EVIDENCE
    is_an_id = text == "0" * 32 + "\n"
    assert (("", ".root-id") in done.places) is not is_an_id
    assert {(path.name, ATTESTATION) for path in attempts(evidence)} <= set(done.places)
    if text is None:
        result = project.run("-m", "m9c")
        assert result.ret == ExitCode.EVIDENCE
        result.stdout.fnmatch_lines(["*the runs root has lost its id*"])
        assert not path.exists()


def test_a_second_beginning_and_a_branch_are_named_at_each_of_the_two(project, evidence) -> None:
    first, *_, last = sorted(attempts(evidence), key=lambda path: (path.name.rpartition("_")[2], path.name))
    kept = (last / ATTESTATION).read_bytes()
    retold(last, lambda statement: own(statement).update(previous=[]))
    done = verify(project.path, "--json")
    assert (done.code, set(done.places)) >= (ExitCode.EVIDENCE, {(first.name, ATTESTATION), (last.name, ATTESTATION)})
    assert "it begins the chain, and so does" in done.out
    (last / ATTESTATION).write_bytes(kept)
    rows = [{"execution_id": first.name, "sha256": sha256((first / ATTESTATION).read_bytes())}]
    retold(last, lambda statement: own(statement).update(previous=rows))
    done = verify(project.path, "--json")
    assert (last.name, ATTESTATION) in done.places
    assert f"it follows {first.name}, and so does" in done.out


def test_the_summary_of_a_phase_is_bound_by_the_statement_beside_it(project, evidence) -> None:
    """Re-signed with the very key, it still is not the one that the statement names."""
    (path,) = evidence.rglob(PHASE_ATTESTATION)
    statement = json.loads(json.dumps(unverified(path.read_bytes())))
    statement["predicate"]["verificationResult"] = "FAILED"
    path.write_bytes(enveloped(statement, KeyStore("demo").signer()))
    done = verify(project.path, "--json")
    assert set(done.places) == {(path.parent.name, PHASE_ATTESTATION)}


def test_gates_trust_the_keys_that_verification_trusts(project, evidence, tmp_path) -> None:
    """An attempt that nobody trusted signed is no evidence, and is again once its key is trusted."""
    keys = KeyStore("demo")
    exported = tmp_path / "key.pem"
    exported.write_bytes(keys.public.read_bytes())
    aside = keys.folder.with_name("aside")
    keys.folder.rename(aside)
    assert project.run("-m", "m9b").ret == ExitCode.BLOCKED
    details = project.summaries()["M9.B"]["blocker_details"]
    assert any("by no trusted key" in row["detail"] for row in details), details
    assert project.phasegate("keys", "trust", str(exported)).ret == ExitCode.OK
    assert project.run("-m", "m9b").ret == ExitCode.OK


def test_evidence_of_another_target_is_named_where_it_is_rested_on(project, evidence) -> None:
    """As if the world had changed between two gates, and somebody had signed that nevertheless."""
    folder = max(path for path in attempts(evidence) if path.name.startswith("m9b"))
    retold(folder, lambda _: None, lambda content: content["target"].update(world="222222222222"))
    facts = [row["fact"] for row in verify(project.path, "--json").defects if row["execution_id"] == folder.name]
    assert any("which looked at" in fact for fact in facts), facts
