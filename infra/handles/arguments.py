"""`NAME=VALUE` of the command line as typed values: what the registry has decides how the text is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from infra.errors import InfraError, Problem
from infra.handles.kinds import TEXT_KINDS
from infra.handles.model import Resolved, ValueKind
from infra.handles.registry import Registry
from infra.handles.templates import LEGAL_TOKENS
from infra.handles.values import read_value, same_value

if TYPE_CHECKING:
    from pydantic import JsonValue


def read_settings(registry: Registry, settings: Iterable[str]) -> dict[str, JsonValue]:
    """Read `NAME=VALUE` settings.

    A handle keeps the type that it has: for a string every VALUE is text (an id such as `0123456789` stays one),
    for the others VALUE is read in the registry's notation. A handle that has no usable value yet takes the type
    that VALUE looks like; double quotes make it text.

    Args:
        registry: The registry that the names belong to; names that it lacks are kept for the caller to refuse.
        settings: The settings as they were given.

    Raises:
        InfraError: One has no `=`, a name is set twice, or a value is not of the handle's type; all are listed.
    """
    values: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            problems.append(Problem(f"{setting!r} is no setting", "--set", "write NAME=VALUE"))
            continue
        try:
            value = _read(registry, name, text.strip())
        except ValueError as error:
            problems.append(Problem(f"the value for {name} {error}", "--set", "give a value of the handle's type"))
            continue
        if name in values and not same_value(values[name], value):
            problems.append(Problem(f"{name} is set twice, to differing values", "--set", "set it once"))
        values[name] = value
    if problems:
        raise InfraError(problems=problems)
    return values


def _read(registry: Registry, name: str, text: str) -> JsonValue:
    """One value.

    Raises:
        ValueError: It is not of the handle's type; the message is a clause about the value.
    """
    handle = registry.get(name)
    kind = handle.resolution.kind if handle is not None and isinstance(handle.resolution, Resolved) else None
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    if kind in TEXT_KINDS or (kind is None and quoted):
        return text[1:-1] if quoted else text
    value, resolution = read_value(name, text, LEGAL_TOKENS | registry.tokens.keys())
    if kind is None:
        if isinstance(resolution, Resolved):
            return value
        if text.startswith(("[", "{")):
            raise ValueError(resolution.detail)
        return text
    if kind is ValueKind.DECIMAL and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(resolution, Resolved) or resolution.kind is not kind:
        raise ValueError(f"is {text!r}, and the handle is of the type {kind}")
    return value
