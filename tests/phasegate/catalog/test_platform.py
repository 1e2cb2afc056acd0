"""The catalogue of this repository's platform: it is sound, and it says what the platform's gates are."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from phasegate.catalog.coverage import lint_schemas, lint_tests
from phasegate.catalog.model import Catalogue, Gate, Severity
from phasegate.catalog.schema import DIALECT, catalogue_schema, catalogue_schema_text
from phasegate.evidence.schemas import SchemaSet
from phasegate.harness.inventory import take_inventory
from phasegate.project import load_catalogue
from phasegate.settings import require_settings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "verifiers"
LETTERS = "ABCDEFGHIJ"


@cache
def catalogue() -> Catalogue:
    return load_catalogue(require_settings(ROOT))


def m4_gates() -> list[Gate]:
    return [gate for gate in catalogue().gates.values() if gate.phase == "M4"]


def test_the_catalogue_is_sound_and_names_ten_gates_in_chain_order() -> None:
    assert [gate.id for gate in m4_gates()] == [f"M4.{letter}" for letter in LETTERS]


def test_each_gate_has_the_verifiers_and_blockers_of_the_platform() -> None:
    counts = {
        gate.id.removeprefix("M4."): (len(gate.verifiers), len(gate.blockers), len(gate.artifacts))
        for gate in m4_gates()
    }
    assert counts == {
        "A": (5, 6, 2),
        "B": (5, 7, 2),
        "C": (5, 7, 3),
        "D": (6, 8, 3),
        "E": (8, 6, 3),
        "F": (7, 7, 3),
        "G": (8, 8, 3),
        "H": (7, 6, 3),
        "I": (7, 8, 3),
        "J": (7, 8, 2),
    }


def test_each_pass_advances_to_the_next_gate_and_the_last_to_the_next_phase() -> None:
    words = [catalogue().gates[f"M4.{letter}"].advance for letter in LETTERS]
    assert words == [f"ADVANCE_TO_M4{letter}" for letter in LETTERS[1:]] + ["ADVANCE_TO_M5"]


def test_the_chain_begins_with_the_handover_of_m3() -> None:
    gates = catalogue().gates
    entry = gates["M4.A"].upstream
    assert [(edge.gate, dict(edge.requires)) for edge in entry] == [
        ("M3.J", {"verdict": "ADVANCE_TO_M4", "overall_pass": True})
    ]
    assert catalogue().external["M3.J"].summary == "m3_execution_summary.json"
    assert catalogue().external["M3.F"].artifacts == ("m4_handoff_pack.json",)
    assert [edge.gate for edge in gates["M4.E"].upstream] == ["M4.D", "M3.F"]
    assert [edge.gate for edge in gates["M4.H"].upstream] == ["M4.F", "M4.G"]
    assert {edge.gate for edge in gates["M4.I"].upstream} == {f"M4.{letter}" for letter in "ABCDEFGH"}
    assert {edge.gate for edge in gates["M4.J"].upstream} == {f"M4.{letter}" for letter in "ABCDEFGHI"}
    verdict = next(edge.requires for edge in gates["M4.J"].upstream if edge.gate == "M4.I")
    assert verdict == {"verdict": "ADVANCE_TO_M4J", "overall_pass": True}


@pytest.mark.parametrize("role", ["evidence", "publish", "leak"])
def test_evidence_that_is_absent_unpublished_or_leaky_is_s1(role: str) -> None:
    for gate in m4_gates():
        code = getattr(gate.codes, role)
        if code is not None:
            assert gate.blocker_by_code[code].severity is Severity.S1, code


def test_an_upstream_gate_that_is_not_green_is_s2() -> None:
    for gate in m4_gates():
        assert gate.blocker_by_code[gate.codes.entry].severity is Severity.S2, gate.id


def test_what_the_platform_does_not_state_is_marked_as_inferred() -> None:
    for gate in m4_gates():
        for blocker in gate.blockers:
            assert {"severity", "rolls_up_to"} <= set(blocker.inferred), blocker.code


def test_no_two_blockers_of_a_gate_have_one_remedy() -> None:
    for gate in m4_gates():
        remedies = [blocker.remedy for blocker in gate.blockers]
        assert len(set(remedies)) == len(remedies), gate.id


def test_the_committed_schema_is_the_one_of_the_models() -> None:
    committed = (FOLDER / "catalogue.schema.json").read_text(encoding="utf-8")
    assert committed == catalogue_schema_text(), "run `phasegate catalog schema --out verifiers/catalogue.schema.json`"


def test_editors_check_each_document_against_the_committed_schema() -> None:
    schema = json.loads((FOLDER / "catalogue.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in FOLDER.glob("*/phase.yaml"):
        text = path.read_text(encoding="utf-8")
        assert text.splitlines()[0] == "# yaml-language-server: $schema=../catalogue.schema.json"
        validator.validate(yaml.safe_load(text))
    of_gates = jsonschema.Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/Gate"})
    gates = [*FOLDER.glob("*/*/gate.yaml")]
    assert len(gates) == len(catalogue().gates)
    for path in gates:
        of_gates.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_the_schema_refuses_what_the_parser_refuses() -> None:
    validator = jsonschema.Draft202012Validator(catalogue_schema())
    document = yaml.safe_load((FOLDER / "m4/phase.yaml").read_text(encoding="utf-8"))
    gate = yaml.safe_load((FOLDER / "m4/a_handles/gate.yaml").read_text(encoding="utf-8"))
    document["gates"] = [gate]
    gate["onwer"] = gate.pop("owner")
    gate["verifiers"][0]["id"] = "M4A_V1"
    gate["blockers"][0]["severity"] = "S4"
    gate["planned"] = "yes"
    assert len(list(validator.iter_errors(document))) == 5


def test_every_key_of_the_schema_says_what_it_means() -> None:
    schema = catalogue_schema()
    for record in (schema, *schema["$defs"].values()):
        assert record["description"]
        for key, described in record.get("properties", {}).items():
            assert described.get("description"), f"{record['title']}.{key}"


def test_every_verifier_of_a_written_gate_has_a_test_and_every_artifact_a_schema() -> None:
    settings = require_settings(ROOT)
    inventory = take_inventory(settings)
    assert inventory.problems == ()
    assert lint_tests(catalogue(), inventory.tests) == []
    assert lint_schemas(catalogue(), SchemaSet(*settings.schemas).files, str) == []
