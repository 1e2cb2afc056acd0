"""Handle values in the outputs of the stacks: what a repin after a materialisation reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import Problem, RegistryError
from infra.handles.files import read_text
from infra.handles.lines import is_handle_name
from infra.handles.values import decode_json, same_value

if TYPE_CHECKING:
    from pydantic import JsonValue

MATERIALIZATION_SUFFIX = "_handle_materialization"
"""The output of each stack that maps handle names to their values ends so."""


def load_outputs(path: Path) -> dict[str, JsonValue]:
    """Read handle values from a JSON file; see `handle_values` for its forms.

    Raises:
        RegistryError: It cannot be read, is not JSON, or carries no handle values.
    """
    text = read_text(path)
    try:
        document = decode_json(text)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"is not JSON: {error}", str(path), "give the JSON of `terraform output -json`, or of name to value"
        ) from error
    return handle_values(document, str(path))


def handle_values(document: Any, place: str) -> dict[str, JsonValue]:
    """Handle values of an outputs document.

    Two forms are read: an object of handle name to value, and the outputs of one or more stacks, plain or as
    `terraform output -json` wraps them (`{"value": ..., "sensitive": ...}`), of which the objects named
    `*_handle_materialization` count.

    Args:
        document: The parsed JSON.
        place: Where it stands, for messages.

    Raises:
        RegistryError: It has neither form, an output is marked sensitive, or two stacks give a handle differing
            values; every problem is listed.
    """
    if isinstance(document, dict) and document and all(is_handle_name(name) for name in document):
        return dict(document)
    problems: list[Problem] = []
    values: dict[str, JsonValue] = {}
    for output, content in _materializations(document, place, problems):
        for name, value in content.items():
            if name in values and not same_value(values[name], value):
                problems.append(
                    Problem(f"gives {name} another value than an earlier output", output, "repin one stack at a time")
                )
            values[name] = value
    if not problems and not values:
        problems.append(
            Problem("has no handle values", place, f"give name to value, or outputs with *{MATERIALIZATION_SUFFIX}")
        )
    if problems:
        raise RegistryError(problems=problems)
    return values


def _materializations(document: Any, place: str, problems: list[Problem]) -> list[tuple[str, Mapping[str, JsonValue]]]:
    """Each materialization output with its place."""
    found: list[tuple[str, Mapping[str, JsonValue]]] = []
    outputs = document if isinstance(document, dict) else {}
    for key, output in outputs.items():
        if not key.endswith(MATERIALIZATION_SUFFIX):
            continue
        where = f"{place}: {key}"
        wrapped = isinstance(output, dict) and "value" in output
        content = output["value"] if wrapped else output
        if wrapped and output.get("sensitive") is True:
            problems.append(Problem("is marked sensitive", where, "a handle is a name or an id, never a secret"))
        elif not isinstance(content, dict) or not all(is_handle_name(name) for name in content):
            problems.append(Problem("is no object of handle name to value", where, "mend the stack's output"))
        else:
            found.append((where, content))
    return found
