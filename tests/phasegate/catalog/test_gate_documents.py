"""A gate in a document of its own: read with its phase's, and as exact in what it complains of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue
from phasegate.errors import Problem


def apart(document: dict[str, Any]) -> dict[str, str]:
    """The documents of a catalogue whose gates have folders of their own."""
    phase = {key: value for key, value in document.items() if key != "gates"}
    texts = {f"m9/{gate['id'][-1].lower()}/gate.yaml": json.dumps(gate, indent=1) for gate in document["gates"]}
    return {"m9/phase.yaml": json.dumps(phase), **texts}


def parsed(texts: dict[str, str]) -> tuple[Catalogue | None, list[Problem]]:
    return parse([*texts.items()])


def test_gates_of_their_own_make_the_same_catalogue(document) -> None:
    together, _ = parse([("m9.yaml", json.dumps(document))])
    found, problems = parsed(apart(document))
    assert problems == []
    assert found.documents == together.documents
    assert found.places["M9B-V1"].startswith("m9/b/gate.yaml:")
    assert found.places["m9a_snapshot.json"].startswith("m9/a/gate.yaml:")


def test_a_change_of_a_gates_document_changes_the_digest(document) -> None:
    texts = apart(document)
    first, _ = parsed(texts)
    second, _ = parsed(texts | {"m9/a/gate.yaml": texts["m9/a/gate.yaml"] + "\n"})
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    ("change", "fact", "place"),
    [
        ({"onwer": "x"}, "is not a key of a gate", "m9/a/gate.yaml:"),
        ({"rolls_up_to": "M9-B77"}, "the roll-up M9-B77 is not a blocker of M9", "m9/a/gate.yaml:"),
        ({"upstream": [{"gate": "M9.B"}]}, "gates rest on each other", "m9/b/gate.yaml:"),
        ({"id": "M8.A"}, "no document describes its phase", "m9/a/gate.yaml:"),
    ],
)
def test_what_is_wrong_with_it_is_said_at_its_place(document, change, fact, place) -> None:
    document["gates"][0] |= change
    _, problems = parsed(apart(document))
    assert any(fact in problem.fact and problem.place.startswith(place) for problem in problems), problems


def test_a_phase_without_gates_is_none(document) -> None:
    texts = apart(document)
    found, problems = parsed({"m9/phase.yaml": texts["m9/phase.yaml"]})
    assert found is None
    assert [problem.fact for problem in problems if "has no gates" in problem.fact]


def test_two_documents_of_one_gate_are_one_too_many(document) -> None:
    texts = apart(document)
    _, problems = parsed(texts | {"m9/z/gate.yaml": texts["m9/a/gate.yaml"]})
    assert any("the gate M9.A stands here again" in problem.fact for problem in problems)
