from __future__ import annotations

import copy
import json
from typing import Any

from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue


def load(*documents: dict[str, Any]) -> Catalogue:
    catalogue, problems = parse([(f"{index}.yaml", json.dumps(data)) for index, data in enumerate(documents)])
    assert catalogue is not None, problems
    return catalogue


def facts(*documents: dict[str, Any]) -> list[str]:
    _, problems = parse([(f"{index}.yaml", json.dumps(data)) for index, data in enumerate(documents)])
    return [problem.fact for problem in problems]


def next_phase(document: dict[str, Any], number: int = 10) -> dict[str, Any]:
    """The document's phase once more, as another phase whose first gate rests on the first phase's last."""
    renamed = json.loads(
        json.dumps(document)
        .replace("ADVANCE_TO_M10", f"ADVANCE_TO_M{number + 1}")
        .replace("M9", f"M{number}")
        .replace("m9", f"m{number}")
    )
    renamed["gates"][0]["upstream"] = [{"gate": "M9.B"}]
    return renamed


def test_a_good_catalogue_has_its_gates_in_chain_order_whatever_the_order_in_the_file(document: dict[str, Any]) -> None:
    assert list(load(document).gates) == ["M9.A", "M9.B"]
    document["gates"].reverse()
    assert list(load(document).gates) == ["M9.A", "M9.B"]


def test_every_identifier_knows_its_place(good: Catalogue) -> None:
    for name in ("M9", "M9-B1", "M9.A", "M9B-V1", "M9B-B2", "m9a_snapshot.json"):
        assert good.places[name].startswith("good.yaml:"), name
    assert good.places["M9.A"].split(":")[1] < good.places["M9.B"].split(":")[1]


def test_the_digest_is_that_of_names_and_texts_alone(document: dict[str, Any]) -> None:
    first, second = json.dumps(document), json.dumps(next_phase(document))
    digest = _digest([("a/9.yaml", first), ("a/10.yaml", second)])
    assert _digest([("b/10.yaml", second), ("b/9.yaml", first)]) == digest
    assert _digest([("a/9.yaml", first + "\n"), ("a/10.yaml", second)]) != digest
    assert _digest([("a/8.yaml", first), ("a/10.yaml", second)]) != digest
    assert _digest([("a/9.yaml", second), ("a/10.yaml", first)]) != digest


def _digest(documents: list[tuple[str, str]]) -> str:
    catalogue, problems = parse(documents)
    assert catalogue is not None, problems
    return catalogue.sha256


def test_no_documents_are_a_problem() -> None:
    catalogue, problems = parse([])
    assert catalogue is None
    assert [problem.fact for problem in problems] == ["the catalogue has no documents"]


def test_an_empty_document_is_a_problem_and_harms_no_other(document: dict[str, Any]) -> None:
    catalogue, problems = parse([("empty.yaml", "# nothing\n"), ("9.yaml", json.dumps(document))])
    assert catalogue is None
    assert [(problem.place, problem.fact) for problem in problems] == [("empty.yaml", "the document is empty")]


def test_an_unreadable_document_does_not_make_references_to_its_gates_wrong(document: dict[str, Any]) -> None:
    later = json.dumps(next_phase(document))
    _, problems = parse([("9.yaml", "phase: ["), ("10.yaml", later)])
    assert [problem.place.split(":")[0] for problem in problems] == ["9.yaml"]
    _, problems = parse([("10.yaml", later)])
    assert [problem.fact.split(": ")[1] for problem in problems] == ["M10.A rests on M9.B, which is not catalogued"]
    assert parse([("10.yaml", later)], complete=False)[1] == []


def test_phases_stand_in_the_order_of_their_numbers(document: dict[str, Any]) -> None:
    catalogue = load(next_phase(document), document)
    assert list(catalogue.phases) == ["M9", "M10"]
    assert list(catalogue.gates) == ["M9.A", "M9.B", "M10.A", "M10.B"]


def test_a_phase_that_nobody_advances_to_is_a_problem(document: dict[str, Any]) -> None:
    later = next_phase(document)
    document["gates"][1]["advance"] = "ADVANCE_TO_P4"
    assert facts(document, later) == ["phase.id: no gate of M9 advances to M10"]


def test_a_phase_that_does_not_rest_on_the_one_before_is_a_problem(document: dict[str, Any]) -> None:
    later = next_phase(document)
    del later["gates"][0]["upstream"]
    assert facts(document, later) == ["gates[M9.B].advance: M9.B advances to M10, where no gate rests on it"]


def test_documents_of_two_platforms_or_of_one_phase_are_problems(document: dict[str, Any]) -> None:
    later = next_phase(document)
    later["platform"] = "other"
    assert facts(document, later) == ["platform: the platform is other; 0.yaml:1:37 says demo"]
    again = facts(document, copy.deepcopy(document))
    assert "phase.id: the phase M9 stands here again, first at 0.yaml:1:67" in again


def test_two_gates_cannot_close_one_phase(document: dict[str, Any]) -> None:
    document["gates"][0]["advance"] = "ADVANCE_TO_M10"
    assert facts(document) == ["gates[M9.B].advance: M9.B advances to phase M10, as M9.A does"]


def test_an_artifact_of_an_external_pack_is_not_owed_by_a_gate_too(document: dict[str, Any]) -> None:
    document["external"] = [
        {
            "id": "M8.J",
            "title": "closure",
            "execution_id": "m8j_20260101T000000Z",
            "summary": "m8_execution_summary.json",
            "sha256": "0" * 64,
            "artifacts": ["m9a_snapshot.json"],
        }
    ]
    assert "M8.J owes m9a_snapshot.json, as M9.A does" in facts(document)[0]


def test_a_chain_of_thousands_of_gates_is_no_deeper_than_one_of_two(document: dict[str, Any]) -> None:
    template = json.dumps(document["gates"][0]).replace("M9-B1", "@-B1")
    letters = [chr(ord("A") + index) for index in range(26)]
    names = [(phase, letter, digit) for phase in range(9, 17) for letter in letters for digit in range(10)]
    phases: dict[int, dict[str, Any]] = {}
    before = None
    for phase, letter, digit in names:
        gate = json.loads(
            template.replace("M9.A", f"M{phase}.{letter}{digit}")
            .replace("M9A", f"M{phase}{letter}{digit}")
            .replace("m9a", f"m{phase}{letter.lower()}{digit}")
            .replace("@", f"M{phase}")
        )
        gate["upstream"] = [{"gate": before}] if before is not None else []
        before = gate["id"]
        gate["advance"] = "ADVANCE_TO_P4"
        text = json.dumps({**document, "gates": []}).replace("M9", f"M{phase}")
        phases.setdefault(phase, json.loads(text))["gates"].append(gate)
    for phase in range(9, 16):
        phases[phase]["gates"][-1]["advance"] = f"ADVANCE_TO_M{phase + 1}"
    catalogue = load(*reversed(phases.values()))
    assert list(catalogue.gates) == [f"M{phase}.{letter}{digit}" for phase, letter, digit in names]
    assert len(catalogue.closure(frozenset({before or ""}))) == len(names)
