"""The blocker register that the framework writes for a gate: what is open as its pack is sealed."""

from __future__ import annotations

import json

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.documents import gate_document


@pytest.fixture
def registered(project):
    """A gate that owes a register, and one that it rests on."""
    gate = gate_document("B", upstream="M9.A") | {"blocker_register": "m9b_blocker_register.json"}
    gate["artifacts"].append("m9b_blocker_register.json")
    project.catalogue(gate_document("A"), gate)
    (project.path / "catalog/schemas/m9b_blocker_register.schema.json").unlink()
    (project.path / "gates/test_m9c.py").unlink()
    return project


def register(project) -> dict:
    (path,) = project.path.glob("runs/demo/m9/m9b_*/m9b_blocker_register.json")
    found: dict = json.loads(path.read_bytes())
    return found


def test_a_gate_that_passes_has_an_empty_one(registered) -> None:
    assert registered.run().ret == ExitCode.OK
    assert register(registered)["blockers"] == []
    assert register(registered)["gate"] == "M9.B"
    assert "m9b_blocker_register" not in registered.phasegate("catalog", "lint").stdout.str()
    assert registered.phasegate("verify").ret == ExitCode.OK


def test_it_names_each_open_blocker_with_what_closes_it(registered) -> None:
    registered.gate("B", v2='block("M9B-B2", "one")\nblock("M9B-B3", "two")')
    assert registered.run().ret == ExitCode.BLOCKED
    assert register(registered)["blockers"] == [
        {
            "code": f"M9B-B{number}",
            "detail": detail,
            "remedy": f"remedy of M9B-B{number}",
            "rolls_up_to": "M9-B1",
            "severity": "S2",
            "verifier": "M9B-V2",
        }
        for number, detail in ((2, "one"), (3, "two"))
    ]


def test_what_the_framework_found_upstream_and_what_broke_stand_in_it(registered) -> None:
    registered.gate("A", v2='block("M9A-B2", "no")')
    registered.gate("B", v2="raise LookupError('broken')")
    assert registered.run().ret == ExitCode.BLOCKED
    found = {(row["code"], row["verifier"]) for row in register(registered)["blockers"]}
    assert found == {("M9B-B1", None), ("M9B-B1", "M9B-V1"), ("M9B-UNMAPPED", "M9B-V2")}


def test_a_verifier_that_writes_it_itself_is_refused_other_content(registered) -> None:
    registered.gate("B", v2='gate.artifact("m9b_blocker_register.json", {"blockers": "none"})')
    assert registered.run().ret == ExitCode.BLOCKED
    assert registered.summaries()["M9.B"]["blockers"] == ["M9B-B4"]  # it does not fit the framework's own form


def test_a_register_that_the_gate_does_not_owe_is_a_problem(registered) -> None:
    gate = gate_document("A") | {"blocker_register": "m9a_snapsot.json"}
    registered.catalogue(gate)
    result = registered.run()
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines(
        ["*M9.A does not owe its register m9a_snapsot.json*", "*did you mean*m9a_snapshot.json*"]
    )
