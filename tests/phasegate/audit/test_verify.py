"""`phasegate verify` from outside: sound evidence is sound, and whatever is tampered with is named."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from phasegate.attempts.defects import Defect
from phasegate.errors import EvidenceError, ExitCode
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import sha256
from phasegate.evidence.keys import KeyStore
from tests.phasegate.audit.conftest import BLOCKED, Told, verify
from tests.phasegate.audit.malice import every_way
from tests.phasegate.audit.obstacles import within
from tests.phasegate.audit.tampering import Way, attempts, own, ways

SAMPLE = 40
SECONDS = 60


def test_what_was_not_touched_is_sound(project, evidence) -> None:
    done = verify(project.path)
    assert (done.code, done.out.splitlines()[-1]) == (ExitCode.OK, "4 attempts verified: sound")
    told = json.loads(verify(project.path, "--json").out)
    assert (told["sound"], told["defects"], len(told["attempts"])) == (True, [], 4)
    assert verify(project.path, "M9").code == ExitCode.OK
    assert verify(project.path, attempts(evidence)[0].name).code == ExitCode.OK


def test_a_stranger_verifies_a_copied_folder_with_the_public_key_alone(project, evidence, tmp_path) -> None:
    exported = tmp_path / "key.pub.pem"
    assert project.phasegate("keys", "export", str(exported)).ret == ExitCode.OK
    copy = tmp_path / "elsewhere"
    shutil.copytree(evidence, copy)
    shutil.rmtree(evidence)
    environment = dict(os.environ) | {"XDG_CONFIG_HOME": str(tmp_path / "nobody")}
    command = [str(Path(sys.executable).with_name("phasegate")), "verify", f"--runs-root={copy}"]
    without = subprocess.run(command, cwd=project.path, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    assert without.returncode == ExitCode.EVIDENCE
    assert "no public key to trust" in without.stderr
    with_key = [*command, f"--public-key={exported}"]
    done = subprocess.run(with_key, cwd=project.path, env=environment, capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == ExitCode.OK, done.stdout


def test_another_key_is_a_signature_defect_with_a_code_of_its_own(project, evidence) -> None:
    assert project.phasegate("keys").ret == ExitCode.OK
    keys = Path(os.environ["XDG_CONFIG_HOME"]) / "phasegate/demo"
    kept = keys.with_name("kept")
    keys.rename(kept)
    try:
        assert project.run("-m", "m9c").ret == ExitCode.OK  # makes a key, and signs with it
        done = verify(project.path)
        assert done.code == ExitCode.SIGNATURE
        assert "by no trusted key" in done.out
        shutil.copy(kept / "signing.pub.pem", keys.parent / "old.pub.pem")
        assert project.phasegate("keys", "trust", str(keys.parent / "old.pub.pem")).ret == ExitCode.OK
        assert verify(project.path).code == ExitCode.OK
    finally:
        shutil.rmtree(keys)
        kept.rename(keys)


def test_a_rotated_key_stays_trusted_and_the_next_attempt_makes_a_new_one(project, evidence) -> None:
    assert project.phasegate("keys", "rotate").ret == ExitCode.OK
    assert project.run("-m", "m9c").ret == ExitCode.OK
    assert verify(project.path).code == ExitCode.OK
    private = Path(os.environ["XDG_CONFIG_HOME"]) / "phasegate/demo/signing.pem"
    assert private.stat().st_mode & 0o777 == 0o600


def test_a_foreign_implementation_verifies_the_envelope(project, evidence) -> None:
    """Nothing of phasegate or securesystemslib: the pre-authentication encoding by hand, and plain cryptography."""
    key = load_pem_public_key((Path(os.environ["XDG_CONFIG_HOME"]) / "phasegate/demo/signing.pub.pem").read_bytes())
    checked = 0
    for path in (*evidence.rglob(ATTESTATION), *evidence.rglob(PHASE_ATTESTATION)):
        envelope = json.loads(path.read_bytes())
        payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        (signature,) = envelope["signatures"]
        key.verify(base64.b64decode(signature["sig"]), encoded)
        with pytest.raises(InvalidSignature):
            key.verify(base64.b64decode(signature["sig"]), encoded + b" ")
        statement = json.loads(payload)
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        for subject in statement["subject"]:
            assert sha256((path.parent / subject["name"]).read_bytes()) == subject["digest"]["sha256"]
        checked += 1
    assert checked == 5


def test_the_plain_predicates_say_passed_and_failed(project, evidence) -> None:
    blocked, *passed = [
        json.loads(base64.b64decode(json.loads((folder / ATTESTATION).read_bytes())["payload"]))
        for folder in sorted(attempts(evidence), key=lambda path: path.name)
    ]
    assert blocked["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert blocked["predicate"]["result"] == "FAILED"
    assert blocked["predicate"]["failedTests"] == ["M9A-V2-BODY"]
    assert {item["predicate"]["result"] for item in passed} == {"PASSED"}
    assert all(item["predicate"]["configuration"][0]["name"] == "catalogue" for item in passed)
    (phase,) = evidence.rglob(PHASE_ATTESTATION)
    summary = json.loads(base64.b64decode(json.loads(phase.read_bytes())["payload"]))
    assert summary["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert summary["predicate"]["verificationResult"] == "PASSED"
    assert summary["predicate"]["resourceUri"] == "phasegate:demo/M9?substrate=embedded"
    (source,) = summary["predicate"]["inputAttestations"]
    root_id = (evidence / "demo/.root-id").read_text().strip()
    assert re.fullmatch(rf"phasegate:demo/runs/{root_id}/m9a_\w+/attestation\.dsse\.json", source["uri"])


@pytest.mark.parametrize(("body", "outcome"), [("pytest.skip('later')", "not_evaluated"), ("1 / 0", "errored")])
def test_what_was_skipped_or_crashed_is_failed_to_a_plain_reader(project, body, outcome) -> None:
    project.gate("C", v2=body)
    project.run("-m", "m9c")
    (folder,) = attempts(project.path / "runs")
    statement = json.loads(base64.b64decode(json.loads((folder / ATTESTATION).read_bytes())["payload"]))
    assert statement["predicate"]["result"] == "FAILED"
    assert statement["predicate"]["failedTests"] == ["M9C-V2-BODY"]
    assert own(statement)[outcome] == ["M9C-V2-BODY"]
    assert verify(project.path).code == ExitCode.OK


def test_tampering_is_named_whatever_it_is(project, evidence) -> None:
    """A sample of the ways that `benchmarks/test_audit.py` tries all of."""
    pristine = shutil.copytree(evidence, project.path / "pristine")
    sample = random.Random(7).sample(list(every_way(evidence / "demo")), SAMPLE)  # noqa: S311 - no secret
    for way in sample:
        told = tampered(project, pristine, evidence, way)
        assert told.code in {ExitCode.EVIDENCE, ExitCode.SIGNATURE}, f"{way.name}\n{told.out}{told.err}"


def tampered(project, pristine: Path, evidence: Path, way: Way) -> Told:
    """What verification says of a copy that was tampered with in one way; it names each place of it."""
    shutil.rmtree(evidence, ignore_errors=True)
    shutil.copytree(pristine, evidence)
    way.tamper()
    with way.around(), within(SECONDS):
        done = verify(project.path, "--json")
    assert way.missed([Defect(**row) for row in done.defects]) == [], f"{way.name}\n{done.out}"
    return done


def test_a_signature_of_another_key_beside_ours_is_named_and_not_taken_for_harmless(project, evidence) -> None:
    """The trusted signature still holds; but nobody can say what the other one was put there for."""
    pristine = shutil.copytree(evidence, project.path / "pristine")
    newest = max(attempts(evidence), key=lambda path: path.name)
    name = f"{newest.name}: signature of another key added"
    done = tampered(project, pristine, evidence, next(way for way in ways(evidence / "demo") if way.name == name))
    assert "a signature beside the trusted ones that none made" in done.out
    assert done.code == ExitCode.SIGNATURE  # its digests hold, and it is an end that none followed


def test_an_attempt_that_disappeared_is_missed_by_the_next(project, evidence) -> None:
    first = min(attempts(evidence), key=lambda path: path.name)
    shutil.rmtree(first)
    done = verify(project.path)
    assert done.code == ExitCode.EVIDENCE
    assert f"attempt {first.name} is gone" in done.out


@pytest.mark.parametrize("lost", ["its note", "all notes"])
def test_an_attempt_whose_note_is_gone_is_named_by_the_next_and_missed_when_it_disappears(project, lost) -> None:
    """As after a tampering hand, or a crash between a commit and its note."""
    project.gate("A", v2=BLOCKED)
    assert project.run("-m", "m9a").ret == ExitCode.BLOCKED
    (blocked,) = attempts(project.path / "runs")
    heads = project.path / "runs/demo/.heads"
    if lost == "its note":
        (heads / blocked.name).unlink()
    else:
        shutil.rmtree(heads)
    project.gate("A")
    assert project.run("-m", "m9a").ret == ExitCode.OK
    assert verify(project.path).code == ExitCode.OK
    shutil.rmtree(blocked)
    done = verify(project.path)
    assert done.code == ExitCode.EVIDENCE
    assert blocked.name in done.out


def test_a_signer_that_cannot_sign_keeps_the_gates_from_running(project, monkeypatch) -> None:
    monkeypatch.setenv("PHASEGATE_SIGNING_KEY", "env:NO_SUCH_VARIABLE")
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.USAGE
    result.stdout.fnmatch_lines(["*NO_SUCH_VARIABLE is not set*"])
    assert not project.attempts()


@pytest.mark.parametrize("named", ["nonsense", "file:/nowhere/key.pem", "rot13:key"])
def test_a_key_that_is_none_says_what_keys_there_are(project, monkeypatch, named) -> None:
    monkeypatch.setenv("PHASEGATE_SIGNING_KEY", named)
    done = project.phasegate("keys", "export")
    assert done.ret == ExitCode.EVIDENCE
    done.stderr.fnmatch_lines(["*remedy: *"])


def test_a_signer_whose_package_is_not_there_says_which(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore", None)  # as where it was never installed
    with pytest.raises(EvidenceError, match="sigstore library required") as caught:
        KeyStore("demo", {}).signer("sigstore:")
    assert "install what sigstore needs" in caught.value.problems[0].remedy


def test_bad_arguments_of_verify_are_told(project, evidence, tmp_path) -> None:
    assert verify(project.path, "m9a_20200101T000000Z").code == ExitCode.EVIDENCE
    assert verify(project.path, f"--runs-root={tmp_path / 'nowhere'}").code == ExitCode.EVIDENCE
    broken = tmp_path / "broken.pem"
    broken.write_text("no key")
    assert "is no public key" in verify(project.path, f"--public-key={broken}").err
    assert "nothing opens the durable store" in verify(project.path, "--durable").err
