"""A verifier that nothing can fail, and a schema that anything fits, are mistakes."""

from __future__ import annotations

import textwrap

import pytest

from phasegate.catalog.artifact_schemas import schema_problems
from phasegate.catalog.bodies import lint_bodies
from phasegate.catalog.coverage import CollectedTest
from phasegate.catalog.model import Catalogue


def facts(good: Catalogue, body: str, head: str = "def test_it(gate):") -> list[str]:
    text = f"import pytest\n\n\n@pytest.mark.verifier('M9A-V1')\n{head}\n{textwrap.indent(body, '    ')}\n"
    test = CollectedTest("M9A-V1", "M9.A", "gates/test_a.py::test_it", "gates/test_a.py", 4)
    return [problem.fact for problem in lint_bodies(good, [test], {"gates/test_a.py": text})]


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        '"""It holds."""',
        "print('held')",
        "x = len([1, 2])",
        "assert True",
        "assert 1",
        "assert gate.x == gate.x",
        "assert gate is gate",
        "assert (gate, 'never')",
        "def check():\n    assert False",
        "check = lambda: block('M9A-B1')",
        "if gate.red:\n    return",
        "for row in gate.rows:\n    pass",
        "with blocks('M9A-B1'):\n    pass",
        "with blocks('M9A-B1'):\n    'it holds'",
        "if False:\n    assert gate.rows",
        "return\nassert gate.rows",
        "for row in gate.rows:\n    continue\n    assert row",
        "if True:\n    pass\nelse:\n    gate.check()",
    ],
)
def test_a_verifier_that_nothing_can_fail_is_a_mistake(good: Catalogue, body: str) -> None:
    (fact,) = facts(good, body)
    assert "can raise nothing" in fact


@pytest.mark.parametrize(
    "body",
    [
        "assert gate.rows",
        "with blocks('M9A-B1'):\n    assert gate.rows",
        "if gate.red:\n    block('M9A-B1', 'red')",
        "gate.check()",
        "check_all(gate)",
        "raise AssertionError",
        "def check():\n    assert False\ncheck()",
        "assert gate.x != gate.x",
        "assert gate.next() == gate.next()",
        "all(gate.sound(row) for row in gate.rows)",
        "assert gate.rows\nreturn None",
        "if gate.red:\n    return\nassert gate.rows",
        "if True:\n    gate.check()",
        "try:\n    pass\nfinally:\n    gate.check()",
        "match gate.kind:\n    case 1:\n        gate.check()",
        "with gate.watched():\n    value = gate.rows[0]",
        "with gate.checked():\n    pass",
        "with blocks('M9A-B1'), gate.checked():\n    pass",
    ],
)
def test_a_verifier_that_can_block_is_none(good: Catalogue, body: str) -> None:
    assert facts(good, body) == []


def test_a_value_that_a_verifier_returns_is_looked_at_by_nobody(good: Catalogue) -> None:
    found = facts(good, "return gate.answer() == 42")
    assert ["returns a value" in fact for fact in found] == [True]
    assert len(facts(good, "return gate.a == gate.b")) == 2


@pytest.mark.parametrize("head", ["async def test_it(gate):", "def test_it(\n    gate,\n):"])
def test_every_form_of_function_is_looked_at(good: Catalogue, head: str) -> None:
    assert len(facts(good, "pass", head)) == 1
    assert facts(good, "await gate.check()" if "async" in head else "gate.check()", head) == []


@pytest.mark.parametrize("text", ["def", "\0", "(" * 5_000, "", "x = 1", "class A:\n    pass"])
def test_a_module_that_cannot_be_parsed_is_left_to_the_collection(good: Catalogue, text: str) -> None:
    test = CollectedTest("M9A-V1", "M9.A", "t.py::test_it", "t.py", 1)
    assert lint_bodies(good, [test], {"t.py": text}) == []


def said(text: str) -> str:
    return "; ".join(problem.fact for problem in schema_problems(text, "x.schema.json"))


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("{}", "takes what is no object"),
        ("true", "takes what is no object"),
        ("false", "takes what is no object"),
        ('{"type": ["object", "null"]}', "takes what is no object"),
        ('{"type": "object"}', "does not require gate and phase_execution_id"),
        ('{"type": "object", "required": ["gate"]}', "does not require phase_execution_id"),
        ('{"anyOf": [{"type": "object", "required": ["gate", "phase_execution_id"]}, {}]}', "takes what is no object"),
        ('{"type": "object", "required": ["gate", "phase_execution_id"], "required": []}', "'required' stands twice"),
        ('{"type": "object", "properties": {"a": {}, "a": {}}}', "'a' stands twice"),
        ('{"type": 42}', "$.type: is not JSON Schema"),
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("NaN", "is not JSON Schema"),
        ('{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}', "takes what is no object"),
    ],
)
def test_a_schema_that_anything_fits_or_nobody_can_use_is_a_mistake(text: str, fact: str) -> None:
    assert fact in said(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "object", "required": ["phase_execution_id", "gate", "rows"]}',
        '{"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "required": ["phase_execution_id", "gate"]}}}',
        '{"type": "object", "allOf": [{"required": ["gate"]}, {"required": ["phase_execution_id"]}]}',
    ],
)
def test_a_schema_that_requires_the_header_is_none(text: str) -> None:
    assert said(text) == ""
