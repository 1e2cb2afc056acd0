"""The vocabulary is open: a phase of parts and foreign code prefixes, and one whose verdicts have words of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phasegate.catalog.grammar import execution_parts
from phasegate.catalog.load import GATE_FILE, parse
from phasegate.catalog.model import Catalogue
from phasegate.project import PHASE_FILE

HERE = Path(__file__).parent / "vocabulary"
M4 = Path(__file__).parents[3] / "verifiers/m4"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """M4 as it is, and M5 and the performance lanes as the platform's record has them."""
    paths = [M4 / PHASE_FILE, *sorted(M4.glob(f"*/{GATE_FILE}")), *sorted(HERE.glob("*.yaml"))]
    found, problems = parse([(str(path), path.read_text(encoding="utf-8")) for path in paths])
    assert found is not None, "\n".join(map(str, problems))
    return found


def test_all_phases_lint_clean_and_stand_in_order(catalogue) -> None:
    assert list(catalogue.phases) == ["M4", "M5", "POPT"]
    assert len([gate for gate in catalogue.gates.values() if gate.phase == "M5"]) == 12


@pytest.mark.parametrize(
    ("gate", "advance", "hold", "reset", "next_gate", "blocked"),
    [
        ("M4.C", "ADVANCE_TO_M4D", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED", "M4.C_READY", "BLOCKED"),
        ("M4.J", "ADVANCE_TO_M5", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED", "M4.J_READY", "BLOCKED"),
        ("M5.A", "ADVANCE_TO_M5B", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED", "M5.B_READY", "HOLD_REMEDIATE"),
        ("M5.E", "ADVANCE_TO_P4", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED", "P4_READY", "HOLD_REMEDIATE"),
        ("M5.J", "ADVANCE_TO_M6", "HOLD_REMEDIATE", "NO_GO_RESET_REQUIRED", "M6_READY", "HOLD_REMEDIATE"),
        ("POPT.0", "UNLOCK_POPT1", "HOLD_POPT0", "REVERT_POPT0", "POPT.0_READY", "POPT0_HELD"),
        ("POPT.1R2", "UNLOCK_POPT2", "HOLD_POPT1R2", "REVERT_POPT1R2", "POPT.1R2_READY", "POPT1R2_HELD"),
        ("POPT.7", "UNLOCK_P0_REMEDIATION", "HOLD_POPT7", "REVERT_POPT7", "POPT.7_READY", "POPT7_HELD"),
    ],
)
def test_a_gate_speaks_its_phases_words(catalogue, gate, advance, hold, reset, next_gate, blocked) -> None:
    found = catalogue.gates[gate]
    said = (found.advance, found.hold, found.reset, found.next_gate, found.blocked_next_gate.replace(".", ""))
    assert said == (advance, hold, reset, next_gate, blocked)


def test_codes_begin_with_the_prefix_that_the_gate_declares(catalogue) -> None:
    gate = catalogue.gates["M5.C"]
    assert gate.code_prefix == "P3B"
    assert {code.partition("-")[0] for code in gate.blocker_by_code} == {"P3B"}
    assert gate.unmapped_code == "P3B-UNMAPPED"
    assert gate.blocker_by_code["P3B-B2"].rolls_up_to == "M5P3-B3"
    assert gate.markers == ("m5", "m5c", "p3b")
    assert "POPT1.B1" in catalogue.gates["POPT.1"].blocker_by_code


def test_what_a_gate_stands_on_is_its_phases_unless_it_says_otherwise(catalogue) -> None:
    assert catalogue.gates["M5.C"].needs == ("substrate",)
    assert catalogue.gates["POPT.3"].needs == ()


@pytest.mark.parametrize(
    ("text", "prefix", "label"),
    [
        ("m5c_p3b_required_outputs_20260224T191554Z", "m5c", "p3b_required_outputs"),
        ("m4a_20260224T043334Z", "m4a", None),
        ("popt1r2_20260224T043334Z", "popt1r2", None),
    ],
)
def test_an_execution_id_is_a_prefix_a_label_and_a_time(text, prefix, label) -> None:
    parts = execution_parts(text)
    assert (parts.prefix, parts.label) == (prefix, label)


@pytest.mark.parametrize("text", ["", "m4a", "m4a_20261324T043334Z", "M4A_20260224T043334Z", "m4a__x_20260224T043334Z"])
def test_what_is_no_execution_id_has_no_parts(text) -> None:
    assert execution_parts(text) is None


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ({"next_gate": "{gat}_READY"}, "'{gat}_READY' has not the right form"),
        ({"advance": "PASSED_{next}"}, "'PASSED_M9B' has not the right form"),
        ({"hold": "WAIT"}, "'WAIT' has not the right form"),
        ({"reset": "HOLD_REMEDIATE"}, "M9.A says HOLD_REMEDIATE for a hold and for a reset"),
        ({"pass": "x"}, "is not a key of a phase's words"),
    ],
)
def test_words_that_could_be_misread_are_refused(document, words, fact) -> None:
    document["phase"]["words"] = words
    for gate in document["gates"]:
        gate.pop("advance"), gate.pop("next_gate")
    found, problems = parse([("m9.yaml", json.dumps(document))])
    assert found is None
    assert any(fact in problem.fact for problem in problems), problems
