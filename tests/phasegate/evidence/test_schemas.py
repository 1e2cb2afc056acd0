"""Schemas of artifacts: what fits, what does not, and schemas that cannot be used."""

from __future__ import annotations

import json

import pytest

from phasegate.evidence.schemas import RECEIPT_NAME, SchemaSet


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "good.schema.json").write_text(
        json.dumps(
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"items": False}}}
        )
    )
    return tmp_path


def test_a_payload_that_fits_has_no_messages(folder) -> None:
    assert SchemaSet(folder).validate("good.json", {"a": 1}) == ()


def test_every_misfit_is_told_with_its_place(folder) -> None:
    messages = SchemaSet(folder).validate("good.json", {"a": "x", "b": [1]})
    assert len(messages) == 2
    assert messages[0].startswith("$.a: ")
    assert messages[1].startswith("$.b")


def test_a_long_list_of_misfits_is_cut_and_says_so(folder) -> None:
    (folder / "many.schema.json").write_text('{"type": "array", "items": {"type": "string"}}')
    messages = SchemaSet(folder).validate("many.json", list(range(50)))
    assert len(messages) == 11
    assert messages[-1] == "and 40 more"


def test_an_artifact_without_a_schema_does_not_fit(folder, tmp_path) -> None:
    assert "has no schema" in SchemaSet(folder).validate("other.json", {})[0]
    assert "has no schema" in SchemaSet(tmp_path / "nowhere").validate("good.json", {"a": 1})[0]
    assert [*SchemaSet(folder).files] == ["good.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ('{"type": "objekt"}', "no JSON Schema"),
        ("[1]", "no JSON Schema"),
        ('{"$ref": "elsewhere.json"}', "cannot be applied"),
        ('{"$ref": "#/$defs/nowhere"}', "cannot be applied"),
        ('{"$ref": "#"}', "cannot be applied"),
        ('{"properties": {"a": {"pattern": "("}}}', "no JSON Schema"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_schema_that_cannot_be_used_fits_nothing(folder, text, message) -> None:
    (folder / "bad.schema.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    (found,) = SchemaSet(folder).validate("bad.json", {"a": "x"})
    assert message in found


@pytest.mark.parametrize(
    "text", ["{}", "true", '{"$comment": "x"}', '{"anyOf": [true, {"type": "object"}]}', '{"not": false}']
)
def test_a_schema_that_takes_anything_checks_nothing_and_so_fits_nothing(folder, text) -> None:
    (folder / "bad.schema.json").write_text(text)
    assert SchemaSet(folder).validate("bad.json", {"a": 1}) == ("its schema takes anything, so nothing was checked",)


def test_a_schema_with_a_key_twice_fits_nothing(folder) -> None:
    (folder / "bad.schema.json").write_text('{"type": "object", "required": ["a"], "required": []}')
    (found,) = SchemaSet(folder).validate("bad.json", {})
    assert "the key 'required' stands twice" in found


def test_the_frameworks_own_schemas_serve_every_gate_and_cannot_be_replaced(folder) -> None:
    for name in ("m9b_execution_summary", RECEIPT_NAME.removesuffix(".json")):
        (folder / f"{name}.schema.json").write_text('{"type": "object"}')
    (folder / "m9_execution_summary.schema.json").write_text('{"type": "object"}')
    schemas = SchemaSet(folder)
    for name in ("m9a_execution_summary.json", "m9b_execution_summary.json", RECEIPT_NAME):
        assert any("Field required" in text for text in schemas.validate(name, {})), name
    assert schemas.validate("m9_execution_summary.json", {}) == ()  # an artifact of a platform, and no gate's summary


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
def test_a_schema_that_is_nested_too_deeply_is_one_that_cannot_be_read(folder, depth) -> None:
    (folder / "deep.schema.json").write_text('{"items": ' * depth + "{}" + "}" * depth)
    (message,) = SchemaSet(folder).validate("deep.json", {"a": 1})
    assert message.startswith("its schema cannot be")


def test_a_schema_that_refers_to_another_place_fetches_nothing(folder) -> None:
    (folder / "other.schema.json").write_text('{"type": "object"}')
    reference = {"type": "object", "$ref": (folder / "other.schema.json").as_uri()}
    (folder / "elsewhere.schema.json").write_text(json.dumps(reference))
    (message,) = SchemaSet(folder).validate("elsewhere.json", {"a": 1})
    assert "its schema cannot be applied" in message
