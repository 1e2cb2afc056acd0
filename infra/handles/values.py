r"""Values of the registry: from the notation to a typed JSON value, and back.

The notation has six forms: `"text"`, an integer, a decimal, `true` or `false`, a JSON array and a JSON object.
Double quotes belong to the notation of a string: exactly one pair is stripped and nothing within is unescaped,
so `"say \"hi\""` has its backslashes, and a path or a regular expression stands as it is meant. What cannot be
written cannot be read: characters that do not show, and spaces at the edge of a text, are neither.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

from infra.handles.lines import is_handle_name
from infra.handles.model import OpenReason, Resolution, Resolved, Unresolved, ValueKind
from infra.handles.templates import is_template, token_like_parts, unknown_parts
from infra.placeholders import stand_in
from infra.text import hidden_marks, is_plain

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_DEPTH: Final = 64
"""How deep a list or an object may be nested."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?")

_BACKTICK = "\\u0060"  # legal as it is inside the JSON of a list or an object, where it would end the item


def read_value(name: str, raw: str, tokens: Collection[str]) -> tuple[JsonValue, Resolution]:
    """Read a value of the registry.

    Args:
        name: The handle's name, which decides whether tokens are legal.
        raw: The value as it is written, without white space around it.
        tokens: The legal tokens' names.

    Returns:
        The typed value and its resolution; the value is None where it is not resolved.
    """
    if not raw:
        return None, Unresolved(OpenReason.BLANK, "is empty")
    if not is_plain(raw):
        blank = not raw.strip('" \t')
        return None, Unresolved(OpenReason.BLANK, "is white space") if blank else _unshown(raw)
    if raw[0] == '"':
        if len(raw) < 2 or raw[-1] != '"':
            return None, Unresolved(OpenReason.MALFORMED, "is a string without its closing quote")
        text = raw[1:-1]
        flaw = _flaw_of_text(name, text, tokens)
        if flaw is not None:
            return None, flaw
        return text, Resolved(ValueKind.TEMPLATE if token_like_parts(text) else ValueKind.STRING)
    if raw[0] in "[{":
        return _read_json(name, raw, tokens)
    if raw in {"true", "false"}:
        return raw == "true", Resolved(ValueKind.BOOLEAN)
    return _read_number(raw) or (None, _flaw_of_bare_text(raw))


def write_value(value: JsonValue) -> str:
    """Write a value in the registry's notation.

    Raises:
        ValueError: The notation cannot carry it; the message says why, as a clause about the value.
    """
    if isinstance(value, str):
        if "`" in value or not is_plain(value):
            raise ValueError("has a backtick, or a character that does not show, such as a line break or a tab")
        return f'"{value}"'
    if value is None:
        raise ValueError("is null, which leaves the handle open")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("`", _BACKTICK)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot be written as JSON: {error}") from error
    if not is_plain(text):
        raise ValueError("has a character that does not show, such as a line break or a tab")
    return text


def same_value(left: JsonValue, right: JsonValue) -> bool:
    """Tell whether two values are the same in type, content and key order (`1`, `1.0` and `true` all differ)."""
    return type(left) is type(right) and json.dumps(left) == json.dumps(right)


def decode_json(text: str) -> Any:
    """Decode JSON strictly: a key that stands twice, `NaN`, and numbers out of range are errors.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return _STRICT_JSON.decode(text)


def _read_number(raw: str) -> tuple[JsonValue, Resolution] | None:
    match = _NUMBER.fullmatch(raw)
    if match is None:
        return None
    try:
        if match[1] is None and match[2] is None:
            return int(raw), Resolved(ValueKind.INTEGER)
        decimal = _finite(raw)
    except ValueError as error:
        return None, Unresolved(OpenReason.MALFORMED, f"is a number that cannot be held: {error}")
    return decimal, Resolved(ValueKind.DECIMAL)


def _read_json(name: str, raw: str, tokens: Collection[str]) -> tuple[JsonValue, Resolution]:
    try:
        value: JsonValue = decode_json(raw)
        leaves = list(_leaves(value))
        if "\\u" in raw:  # an escaped lone surrogate is legal JSON and no text: it could be neither hashed nor written
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        return None, Unresolved(OpenReason.MALFORMED, "is nested too deeply")
    except ValueError as error:
        return None, Unresolved(OpenReason.MALFORMED, f"is not JSON: {error}")
    if not value:
        return None, Unresolved(OpenReason.BLANK, "has no item")
    for leaf in leaves:
        if leaf is None:
            return None, Unresolved(OpenReason.PLACEHOLDER, "has a null in it")
        flaw = _flaw_of_text(name, leaf, tokens)
        if flaw is not None:
            return None, Unresolved(flaw.reason, f"has an item that {flaw.detail}")
    return value, Resolved(ValueKind.LIST if isinstance(value, list) else ValueKind.OBJECT)


def _leaves(value: JsonValue) -> Iterator[str | None]:
    """Every text and null of a JSON value, keys of objects included, level by level.

    Raises:
        RecursionError: It is nested deeper than `MAX_DEPTH`; whoever walks it later must not run out of stack.
    """
    level: list[JsonValue] = [value]
    for _ in range(MAX_DEPTH):
        below: list[JsonValue] = []
        for item in level:
            if item is None or isinstance(item, str):
                yield item
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, dict):
                below.extend(item)
                below.extend(item.values())
        if not below:
            return
        level = below
    raise RecursionError


def _flaw_of_text(name: str, text: str, tokens: Collection[str]) -> Unresolved | None:
    """Why a text cannot be used, or None."""
    if not text.strip():
        return Unresolved(OpenReason.BLANK, "is empty or white space")
    if not is_plain(text):
        return _unshown(text)
    if text != text.strip(" "):
        return Unresolved(OpenReason.MALFORMED, "has a space at its edge")
    flaw = _flaw_of_wording(text)
    if flaw is not None:
        return flaw
    if not is_template(name, text, tokens):
        parts = token_like_parts(text)
        if parts:
            return Unresolved(OpenReason.BRACES, f"still has {', '.join(dict.fromkeys(parts))}")
    else:
        unknown = unknown_parts(text, tokens)
        if unknown:
            return Unresolved(
                OpenReason.UNKNOWN_TOKEN,
                f"has {', '.join(dict.fromkeys(unknown))}, which is on no token list",
            )
    return None


def _unshown(text: str) -> Unresolved:
    return Unresolved(OpenReason.MALFORMED, f"has {hidden_marks(text)}, which does not show")


def _flaw_of_wording(text: str) -> Unresolved | None:
    """Why the words of a text mean that there is no value yet, or None."""
    found = stand_in(text)
    if found is None:
        return None
    if found == "to_pin":
        return Unresolved(OpenReason.TO_PIN, "is TO_PIN")
    if found.startswith("<"):
        return Unresolved(OpenReason.PLACEHOLDER, f"has the mark {_shortened(found)}")
    return Unresolved(OpenReason.PLACEHOLDER, "says that there is no value yet")


def _flaw_of_bare_text(raw: str) -> Unresolved:
    """Why a value that is neither quoted, number, boolean nor JSON cannot be used."""
    flaw = _flaw_of_wording(raw)
    if flaw is not None:
        return flaw
    if is_handle_name(raw):
        return Unresolved(OpenReason.REFERENCE, f"refers to {raw}")
    if raw[-1] == '"':
        return Unresolved(OpenReason.MALFORMED, "is a string without its opening quote")
    if raw.lstrip("+-")[:1].isdigit():
        return Unresolved(OpenReason.MALFORMED, "is neither a number nor a quoted string")
    return Unresolved(OpenReason.MALFORMED, "is text without double quotes")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it is out of range")
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = [_shortened(key) for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        raise ValueError(f"the key {', '.join(twice)} stands twice")
    return content


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


_STRICT_JSON = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_float=_finite, parse_constant=_refuse_constant, strict=True
)
