"""`phasegate verdict`: an exit code that a pipeline can act on, and why it is not 0."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from phasegate.cli import main
from phasegate.errors import ExitCode


def test_a_gate_advances_only_while_its_attempt_its_upstream_and_its_code_stand(project, capsys) -> None:
    def said(gate: str, code: ExitCode, *options: str) -> str:
        capsys.readouterr()
        found = main(["verdict", gate, *options])
        text = "".join(capsys.readouterr())
        assert found == code, text
        return text

    assert "M9.B has no complete, valid attempt: run it" in said("m9b", ExitCode.INCOMPLETE)
    assert project.run("-m", "m9a or m9b").ret == ExitCode.OK
    first, second = (path.name for path in project.attempts())
    assert said("M9.B", ExitCode.OK).splitlines()[:2] == [
        "M9.B  ADVANCE_TO_M9BX  next: M9.B_READY",
        f"  attempt {second} on embedded",
    ]
    answer = json.loads(said("m9b", ExitCode.OK, "--json"))
    assert (answer["advances"], answer["verdict"], answer["exit_code"]) == (True, "ADVANCE_TO_M9BX", 0)
    assert project.run("-m", "m9b", "-k", "body").ret == ExitCode.INCOMPLETE
    said("m9b", ExitCode.OK)  # a partial run proves nothing

    artifact = project.path / f"runs/demo/m9/{first}/m9a_snapshot.json"
    intact = artifact.read_bytes()
    artifact.write_bytes(b"{}")
    assert f"INTEGRITY {first}/m9a_snapshot.json: was altered" in said("m9b", ExitCode.EVIDENCE)
    artifact.write_bytes(intact)
    stranger = Ed25519PrivateKey.generate().public_key()
    pem = stranger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    project.write("stranger.pem", pem.decode())
    said("m9b", ExitCode.SIGNATURE, "--public-key=stranger.pem")

    source = (project.path / "gates/test_m9a.py").read_text()
    project.gate("A", v2='block("M9A-B2", "broken")')
    why = f"{first} was judged by other code than stands here now (gates/test_m9a.py); run M9.A again"
    assert why in said("m9b", ExitCode.INCOMPLETE)
    assert project.run("-m", "m9a").ret == ExitCode.BLOCKED
    assert "M9.A  HOLD_REMEDIATE  next: BLOCKED" in said("m9a", ExitCode.BLOCKED)
    held = said("m9b", ExitCode.BLOCKED)
    assert "took its place); run M9.B again" in held
    assert "M9.A M9A-B2 [S2] broken; remedy: remedy of M9A-B2" in held
    (project.path / "gates/test_m9a.py").write_text(source)
    assert project.run("-m", "m9a").ret == ExitCode.OK
    assert "run M9.B again" in said("m9b", ExitCode.INCOMPLETE)

    assert project.run("-m", "m9a", "--substrate=aws").ret == ExitCode.OK
    assert "several targets: embedded; aws" in said("m9a", ExitCode.USAGE)
    said("m9a", ExitCode.OK, "--target=substrate=aws")
    said("m9a", ExitCode.INCOMPLETE, "--target=world=1")
    assert "is not of the form NAME=VALUE" in said("m9a", ExitCode.USAGE, "--target=world")
    assert "is no gate of the catalogue" in said("M9.X", ExitCode.USAGE)
    for path in project.attempts():
        if path.name.startswith("m9b"):
            (path / "m9b_execution_summary.json").write_bytes(b"{}")
    said("m9b", ExitCode.EVIDENCE)
