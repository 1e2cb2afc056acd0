from __future__ import annotations

import json
from typing import Any

import pytest

from phasegate.catalog.coverage import CollectedTest, lint_schemas, lint_tests
from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue
from phasegate.errors import Problem


def collected(verifier: str, gate: str = "", name: str = "test_it", line: int = 7) -> CollectedTest:
    return CollectedTest(verifier, gate, f"gates/test_a.py::{name}", "gates/test_a.py", line)


SOUND = (collected("M9A-V1", "M9.A"), collected("M9B-V1-ENTRY", "M9.B", name="test_other"))


def planned(document: dict[str, Any], gate: int = 1) -> Catalogue:
    document["gates"][gate]["planned"] = True
    catalogue, problems = parse([("good.yaml", json.dumps(document))])
    assert catalogue is not None, problems
    return catalogue


def test_tests_and_catalogue_that_fit_have_no_problems(good: Catalogue) -> None:
    assert lint_tests(good, SOUND) == []


def test_a_verifier_without_a_test_is_named_where_it_is_catalogued(good: Catalogue) -> None:
    (problem,) = lint_tests(good, SOUND[:1])
    assert problem.fact == "verifier M9B-V1-ENTRY has no test"
    assert problem.place == good.places["M9B-V1"]
    assert 'pytest.mark.verifier("M9B-V1")' in problem.remedy


def test_a_planned_gate_needs_no_tests(document: dict[str, Any]) -> None:
    assert lint_tests(planned(document), SOUND[:1]) == []


def test_a_gate_whose_verifiers_all_have_tests_is_not_planned_any_more(document: dict[str, Any]) -> None:
    (problem,) = lint_tests(planned(document), SOUND)
    assert "planned" in problem.fact
    assert problem.place.startswith("good.yaml:")


def test_where_tests_may_be_missing_no_verifier_is_said_to_have_none(good: Catalogue) -> None:
    assert lint_tests(good, (), complete=False) == []


@pytest.mark.parametrize(
    ("test", "fact"),
    [
        (collected("M9A-V7", "M9.A"), "claims verifier M9A-V7, which is not catalogued"),
        (collected("M9A-V1-EXIT", "M9.A"), "claims verifier M9A-V1-EXIT, which is catalogued as M9A-V1-ENTRY"),
        (collected("M9A-V1", "M9.B"), "claims M9A-V1 of M9.A in a module of M9.B"),
        (collected("M9A-V1", "M9.Z"), "belongs to gate M9.Z, which is not catalogued"),
        (collected("", "M9.A", name="test_more"), "stands in a module of M9.A and implements no verifier"),
        (collected("M9A-V1", "M9.A", name="test_again", line=9), "verifier M9A-V1 is implemented by"),
    ],
)
def test_a_test_that_claims_what_it_may_not_is_named_with_its_line(
    good: Catalogue, test: CollectedTest, fact: str
) -> None:
    problems = lint_tests(good, (*SOUND, test))
    assert any(fact in problem.fact for problem in problems), problems
    assert len(problems) == 1
    assert problems[0].place.startswith("gates/test_a.py:")


def test_cases_of_one_function_are_one_claim(good: Catalogue) -> None:
    assert lint_tests(good, (*SOUND, SOUND[0], SOUND[0])) == []


def schema_problems(catalogue: Catalogue, *names: str) -> list[Problem]:
    files = {f"{name}.json": [f"catalog/schemas/{name}.schema.json"] for name in names}
    return lint_schemas(catalogue, files, lambda _: "catalog/schemas")


def test_two_schemas_of_one_artifact_are_one_too_many(good: Catalogue) -> None:
    files = {"m9a_snapshot.json": ["a/schemas", "b/schemas"], "m9b_snapshot.json": ["b/schemas"]}
    (problem,) = lint_schemas(good, files, str)
    assert (problem.fact, problem.place) == ("m9a_snapshot.json has a schema at a/schemas as well", "b/schemas")


def test_an_artifact_without_a_schema_and_a_schema_without_an_artifact_are_problems(good: Catalogue) -> None:
    assert schema_problems(good, "m9a_snapshot", "m9b_snapshot") == []
    missing, stray = schema_problems(good, "m9a_snapshot", "m9b_snapshoot")
    assert missing.fact == "artifact m9b_snapshot.json of M9.B has no schema"
    assert missing.place == good.places["m9b_snapshot.json"]
    assert missing.remedy == "write catalog/schemas/m9b_snapshot.schema.json"
    assert stray.place == "catalog/schemas/m9b_snapshoot.schema.json"
    assert stray.remedy == "did you mean m9b_snapshot.json?"


def test_a_planned_gate_needs_no_schemas_and_may_have_them(document: dict[str, Any]) -> None:
    catalogue = planned(document)
    assert schema_problems(catalogue, "m9a_snapshot") == []
    assert schema_problems(catalogue, "m9a_snapshot", "m9b_snapshot") == []
    assert schema_problems(catalogue, "m9a_snapshot", "m9b_execution_summary") == []
