"""What a handle is: a named value of the registry, resolved or open, and the line that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from pydantic import JsonValue


class ValueKind(StrEnum):
    """How a usable value is written."""

    STRING = "string"
    """`"text"`; comma-separated lists and alternatives (`"A|B"`) are strings that their consumers split."""
    TEMPLATE = "template"
    """A string with `{token}` parts that are filled in where it is used."""
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    LIST = "list"
    """A JSON array."""
    OBJECT = "object"
    """A JSON object; the order of its keys is kept."""


class OpenReason(StrEnum):
    """Why a handle that stands in the registry has no value that can be used."""

    NAME_ONLY = "name only"
    """Declared without a value."""
    TO_PIN = "TO_PIN"
    """Declared, and marked as not pinned yet."""
    BLANK = "blank"
    """Empty or white space: the whole value, or an item of a list or an object."""
    PLACEHOLDER = "placeholder"
    """A word or mark that stands for a value: `tbd`, `todo`, `none`, `null`, `unset`, `placeholder`, `<...>`."""
    BRACES = "braces in a concrete handle"
    """A `{token}` is left in a handle whose name does not make it a template."""
    UNKNOWN_TOKEN = "unknown token in a template"  # noqa: S105 - a path token, not a credential
    """A template names a token that neither the platform nor the registry's token list knows."""
    MALFORMED = "malformed"
    """The line or its value does not follow the grammar."""
    REFERENCE = "open reference"
    """The value is the name of a handle that is absent or open itself."""
    CONTRADICTION = "contradiction"
    """Its lines assign differing values; no other handle is touched by that."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The value can be used.

    Attributes:
        kind: How it is written.
    """

    kind: ValueKind


@dataclass(frozen=True, slots=True)
class Unresolved:
    """The value cannot be used.

    Attributes:
        reason: Why not.
        detail: What exactly is wrong, as a clause about the value.
    """

    reason: OpenReason
    detail: str


Resolution = Resolved | Unresolved


@dataclass(frozen=True, slots=True)
class Handle:
    """One named value of the registry.

    Attributes:
        name: Its canonical name.
        value: The typed value; None where it is not resolved. A list or an object belongs to the registry: read
            it, do not change it.
        raw: The value as it is written, quotes and all, or the name of the handle whose value it is; None where the
            line has none.
        line: Number of its line, from 1; of the first assignment where there are several.
        note: What trails the closing backtick; shown, never interpreted.
        section: Text of the nearest heading above it; empty above the first heading.
        resolution: Whether the value can be used, and why not.
    """

    name: str
    value: JsonValue = field(hash=False)
    raw: str | None
    line: int
    note: str
    section: str
    resolution: Resolution

    @property
    def resolved(self) -> bool:
        """Whether the value can be used."""
        return isinstance(self.resolution, Resolved)

    @property
    def form(self) -> str:
        """The kind of a resolved value, or the reason why it is open."""
        return str(self.resolution.kind if isinstance(self.resolution, Resolved) else self.resolution.reason)


@dataclass(frozen=True, slots=True)
class Absent:
    """The registry has no line for this name; what looking it up answers instead of a handle.

    It has a handle's `resolved`, `value` and `form`, so a check over looked-up handles needs no special case.

    Attributes:
        name: The name that was looked up.
    """

    name: str

    @property
    def resolved(self) -> Literal[False]:
        """An absent handle has nothing to use."""
        return False

    @property
    def value(self) -> None:
        """An absent handle has no value."""
        return

    @property
    def form(self) -> str:
        """The word for it, where a handle has its kind or reason."""
        return ABSENT_FORM


ABSENT_FORM: Final = "absent"
