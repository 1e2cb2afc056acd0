"""Handle values in the outputs of the stacks: what a repin after a materialisation reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.errors import Problem, RegistryError
from infra.handles.files import read_text
from infra.handles.kinds import of_kind
from infra.handles.lines import is_handle_name
from infra.handles.values import decode_json, same_value

if TYPE_CHECKING:
    from pydantic import JsonValue

    from infra.handles.registry import Registry

MATERIALIZATION_SUFFIX: Final = "_handle_materialization"
"""The output of each stack that maps handle names to their values ends so."""

_OUTPUT_KEYS: Final = frozenset({"value", "type", "sensitive"})
"""What `terraform output -json` wraps a value in."""

_SECRET = "a handle is a name or an id, never a secret"  # noqa: S105 - said of secrets


def load_outputs(path: Path, registry: Registry) -> dict[str, JsonValue]:
    """Read handle values from a JSON file, each of the kind that its handle has; see `handle_values` for the forms.

    Raises:
        RegistryError: It cannot be read, is not JSON, or carries no handle values, or a value is of another kind
            than its handle; every problem is listed.
    """
    text = read_text(path)
    try:
        document = decode_json(text)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"is not JSON: {error}", str(path), "give the JSON of `terraform output -json`, or of name to value"
        ) from error
    values: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for name, value in handle_values(document, str(path)).items():
        try:
            values[name] = of_kind(registry[name], value)
        except ValueError as error:
            remedy = f"fix the stack's output, or give the value with --set {name}=..."
            problems.append(Problem(f"the value of {name} {error}", str(path), remedy))
    if problems:
        raise RegistryError(problems=problems)
    return values


def handle_values(document: Any, place: str) -> dict[str, JsonValue]:
    """Handle values of an outputs document.

    Members whose name is a handle's are read as they are; of objects named `*_handle_materialization`, the members
    are. Either may be wrapped as `terraform output -json` does it, (`{"value": ..., "type": ..., "sensitive": ...}`).
    Everything else in the document is left alone.

    Args:
        document: The parsed JSON.
        place: Where it stands, for messages.

    Raises:
        RegistryError: It has no handle values, one is sensitive or does not say whether it is, or two outputs give
            a handle differing values; every problem is listed, and no value is shown.
    """
    problems: list[Problem] = []
    values: dict[str, JsonValue] = {}
    for output, name, wrapped in _members(document, place, problems):
        try:
            value = _unwrapped(wrapped)
            _refuse_outputs_within(value)
        except ValueError as error:
            problems.append(Problem(f"{name} {error}", output, _SECRET))
            continue
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


def _members(document: Any, place: str, problems: list[Problem]) -> Iterator[tuple[str, str, Any]]:
    """Place, name and value of everything in the document that is meant for a handle."""
    for key, output in document.items() if isinstance(document, dict) else ():
        if is_handle_name(key):
            yield place, key, output
        elif key.endswith(MATERIALIZATION_SUFFIX):
            where = f"{place}: {key}"
            for name, value in _materialization(output, where, problems).items():
                yield where, name, value


def _materialization(output: Any, where: str, problems: list[Problem]) -> Mapping[str, Any]:
    """The members of an output that maps handle names to values; none where it cannot be used."""
    try:
        content = _unwrapped(output)
    except ValueError as error:
        problems.append(Problem(str(error), where, _SECRET))
        return {}
    if not isinstance(content, dict) or not all(is_handle_name(name) for name in content):
        problems.append(Problem("is no object of handle name to value", where, "fix the stack's output"))
        return {}
    return content


def _unwrapped(output: Any) -> Any:
    """The value of an output, or what is no output as it is.

    Raises:
        ValueError: It is sensitive, or does not say that it is not.
    """
    if not _is_output(output):
        return output
    if "sensitive" not in output:
        raise ValueError("is an output that does not say whether it is sensitive")
    if output["sensitive"] is not False:
        raise ValueError("is marked sensitive")
    if "value" not in output:
        raise ValueError("is an output without a value")
    return output["value"]


def _is_output(value: Any) -> bool:
    return isinstance(value, dict) and ("sensitive" in value or ("value" in value and value.keys() <= _OUTPUT_KEYS))


def _refuse_outputs_within(value: Any) -> None:
    """Raises where an output, which may be sensitive, is hidden in a value.

    Raises:
        ValueError: One is.
    """
    below = [value]
    while below:
        item = below.pop()
        if _is_output(item):
            raise ValueError("has another output within its value")
        if isinstance(item, dict | list):
            below.extend(item.values() if isinstance(item, dict) else item)
