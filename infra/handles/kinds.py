"""Values held to the kind of the handle that they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.handles.model import Absent, Handle, Resolved, ValueKind

if TYPE_CHECKING:
    from pydantic import JsonValue

TEXT_KINDS: Final = frozenset({ValueKind.STRING, ValueKind.TEMPLATE})


def of_kind(handle: Handle | Absent, value: JsonValue) -> JsonValue:
    """A value as its handle takes it: a whole number becomes a decimal where the handle is one.

    A handle that is absent or open takes any value. Items of a list or an object are of the kinds that the handle's
    own items have.

    Raises:
        ValueError: It is of another kind; the message is a clause about the value and does not show it.
    """
    if not isinstance(handle, Handle) or not isinstance(handle.resolution, Resolved):
        return value
    wanted = handle.resolution.kind
    kind = kind_of(value)
    if wanted is ValueKind.DECIMAL and isinstance(value, int) and kind is ValueKind.INTEGER:
        return float(value)
    if kind is not wanted and not (kind in TEXT_KINDS and wanted in TEXT_KINDS):
        raise ValueError(f"is {_named(kind)}, and the handle is of the type {wanted}")
    own, given = _kinds_within(handle.value), _kinds_within(value)
    if own and not given <= own:
        odd = ", ".join(sorted(map(_named, given - own)))
        raise ValueError(
            f"has items of the type {odd}, and those of the handle are {', '.join(sorted(map(_named, own)))}"
        )
    return value


def kind_of(value: JsonValue) -> ValueKind | None:
    """The kind of a value; None for null."""
    if isinstance(value, bool):
        return ValueKind.BOOLEAN
    for kind, types in (
        (ValueKind.STRING, str),
        (ValueKind.INTEGER, int),
        (ValueKind.DECIMAL, float),
        (ValueKind.LIST, list),
        (ValueKind.OBJECT, dict),
    ):
        if isinstance(value, types):
            return kind
    return None


def _kinds_within(value: JsonValue) -> set[ValueKind | None]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {kind_of(item) for item in items}


def _named(kind: ValueKind | None) -> str:
    return "null" if kind is None else str(kind)
