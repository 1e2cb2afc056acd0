"""Stack outputs carry handle values in three shapes; anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import RegistryError
from infra.handles import parse
from infra.handles.outputs import handle_values, load_outputs

REGISTRY = parse(
    '* `TEXT = "x"`\n* `NUMBER = 300`\n* `DECIMAL = 5.0`\n* `TRUTH = true`\n* `LIST = ["a"]`\n* `OBJECT = {"k":"v"}`\n'
    '* `RUN_PATTERN = "runs/{phase_id}"`\n* `OPEN`\n',
    "r.md",
)
VALUES = {"APIGW_IG_API_ID": "exampleap3", "MSK_CLIENT_SUBNET_IDS": ["subnet-1", "subnet-2"]}


@pytest.mark.parametrize(
    "document",
    [
        VALUES,
        {"apigw_ig_api_id": "exampleap3", "runtime_handle_materialization": VALUES},
        {
            "apigw_ig_api_id": {"value": "exampleap3", "type": "string", "sensitive": False},
            "runtime_handle_materialization": {"value": VALUES, "type": ["object", {}], "sensitive": False},
        },
        {
            "runtime_handle_materialization": {"APIGW_IG_API_ID": "exampleap3"},
            "streaming_handle_materialization": {"value": VALUES, "sensitive": False},
        },
        {name: {"value": value, "type": "string", "sensitive": False} for name, value in VALUES.items()},
        {name: {"value": value, "sensitive": False} for name, value in VALUES.items()}
        | {"vpc_id": {"sensitive": True}},
    ],
    ids=["plain", "outputs", "terraform", "two stacks that agree", "an output a handle", "and others beside them"],
)
def test_handle_values_are_read_from_every_shape_of_outputs(document: Any) -> None:
    assert handle_values(document, "outputs.json") == VALUES


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ([], "has no handle values"),
        ({}, "has no handle values"),
        ("text", "has no handle values"),
        ({"apigw_ig_api_id": "x"}, "has no handle values"),
        ({"runtime_handle_materialization": {}}, "has no handle values"),
        ({"runtime_handle_materialization": "x"}, "is no object of handle name to value"),
        ({"runtime_handle_materialization": {"lower": 1}}, "is no object of handle name to value"),
        ({"runtime_handle_materialization": {"value": VALUES, "sensitive": True}}, "is marked sensitive"),
        ({"A_B": {"sensitive": True, "type": "string", "value": "s3cr3t"}}, "A_B is marked sensitive"),
        ({"A_B": {"sensitive": "no", "value": "s3cr3t"}}, "A_B is marked sensitive"),
        ({"A_B": {"sensitive": None, "value": "s3cr3t"}}, "A_B is marked sensitive"),
        ({"A_B": {"type": "string", "value": "s3cr3t"}}, "A_B is an output that does not say whether"),
        ({"A_B": {"value": "s3cr3t"}}, "A_B is an output that does not say whether"),
        ({"A_B": {"sensitive": False}}, "A_B is an output without a value"),
        ({"A_B": [[{"sensitive": True, "value": "s3cr3t"}]]}, "A_B has another output within"),
        ({"A_B": {"sensitive": False, "value": {"k": {"value": "s3cr3t"}}}}, "A_B has another output within"),
        (
            {"runtime_handle_materialization": {"A_B": {"sensitive": True, "value": "s3cr3t"}}},
            "A_B is marked sensitive",
        ),
        ({"runtime_handle_materialization": {"value": VALUES}}, "is an output that does not say whether"),
        (
            {"a_handle_materialization": {"A_B": 1}, "b_handle_materialization": {"A_B": True}},
            "gives A_B another value than an earlier output",
        ),
    ],
)
def test_outputs_without_usable_handle_values_are_refused(document: Any, fact: str) -> None:
    with pytest.raises(RegistryError, match=fact) as caught:
        handle_values(document, "outputs.json")
    assert "s3cr3t" not in str(caught.value)


def test_outputs_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(VALUES))
    assert load_outputs(path, REGISTRY) == VALUES


@pytest.mark.parametrize(
    ("name", "value", "fact"),
    [
        ("TEXT", 5, "is integer, and the handle is of the type string"),
        ("TEXT", {"a": "s3cr3t"}, "is object, and"),
        ("TEXT", None, "is null, and"),
        ("NUMBER", "300", "is string, and the handle is of the type integer"),
        ("NUMBER", True, "is boolean, and"),
        ("NUMBER", 300.0, "is decimal, and"),
        ("TRUTH", "true", "is string, and"),
        ("LIST", "a,b", "is string, and"),
        ("LIST", [["a"], ["b"]], "has items of the type list, and those of the handle are string"),
        ("LIST", ["a", None], "has items of the type null"),
        ("OBJECT", {"k": 5}, "has items of the type integer"),
        ("OBJECT", ["k"], "is list, and"),
    ],
)
def test_a_value_of_another_kind_than_its_handle_is_refused(tmp_path: Path, name: str, value: Any, fact: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps({name: {"value": value, "type": "dynamic", "sensitive": False}}))
    with pytest.raises(RegistryError, match=f"the value of {name} {fact}") as caught:
        load_outputs(path, REGISTRY)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [("DECIMAL", 6, 6.0), ("RUN_PATTERN", "runs/x", "runs/x"), ("OPEN", [1], [1]), ("NO_SUCH", 1, 1), ("LIST", [], [])],
)
def test_a_value_of_its_handles_kind_is_taken(tmp_path: Path, name: str, value: Any, wanted: Any) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps({name: value}))
    found = load_outputs(path, REGISTRY)[name]
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize("text", ["", "{", '{"A_B": 1, "A_B": 2}', '{"A_B": NaN}', "[" * 100_000])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(text)
    with pytest.raises(RegistryError, match="is not JSON") as caught:
        load_outputs(path, REGISTRY)
    assert caught.value.problems[0].place == str(path)
