"""Stack outputs carry handle values in three shapes; anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.errors import RegistryError
from infra.handles.outputs import handle_values, load_outputs

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
            "streaming_handle_materialization": {"value": VALUES},
        },
    ],
    ids=["plain", "outputs", "terraform", "two stacks that agree"],
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
        (
            {"a_handle_materialization": {"A_B": 1}, "b_handle_materialization": {"A_B": True}},
            "gives A_B another value than an earlier output",
        ),
    ],
)
def test_outputs_without_usable_handle_values_are_refused(document: Any, fact: str) -> None:
    with pytest.raises(RegistryError, match=fact):
        handle_values(document, "outputs.json")


def test_outputs_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(VALUES))
    assert load_outputs(path) == VALUES


@pytest.mark.parametrize("text", ["", "{", '{"A_B": 1, "A_B": 2}', '{"A_B": NaN}', "[" * 100_000])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outputs.json"
    path.write_text(text)
    with pytest.raises(RegistryError, match="is not JSON") as caught:
        load_outputs(path)
    assert caught.value.problems[0].place == str(path)
