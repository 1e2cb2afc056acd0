"""Canonical JSON (RFC 8785) and digests: the same facts give the same bytes, everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from phasegate.errors import EvidenceError, Problem

_SAFE_INTEGER = 2**53 - 1
_SAFE_DIGITS = len(str(-_SAFE_INTEGER))


def canonical(payload: Any, *, name: str = "payload") -> bytes:
    """The canonical bytes of a JSON value.

    Args:
        payload: Objects, lists, strings, booleans, None, integers within plus or minus 2^53 - 1 and finite floats.
        name: What the value is, for messages.

    Raises:
        EvidenceError: The value holds something that JSON cannot carry; its key path is named.
    """
    try:
        return _quickly(payload) or rfc8785.dumps(payload)
    except RecursionError as error:
        raise _refused(name, "it is nested too deeply, or holds itself") from error
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        where, why = _offender(payload, name) or (name, str(error))
        raise _refused(where, why) from error


def parsed(data: bytes) -> Any:
    """The value that JSON text is; what `canonical` wrote comes back so that it gives the same bytes again.

    A whole number beyond plus or minus 2^53 - 1 comes back as the float that it was: RFC 8785 writes both alike.

    Raises:
        ValueError: The text is no JSON, or nested too deeply.
    """
    try:
        return json.loads(data, parse_int=_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """The digest of a JSON value: lower-case hex of SHA-256 over its canonical bytes."""
    return sha256(canonical(value, name="value"))


def encodable(text: str) -> str:
    """A text as UTF-8 can carry it: halves of characters, as file names of other encodings have, are spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _quickly(payload: Any) -> bytes | None:
    """The canonical bytes of a value that Python's own encoder writes in the same way; None where it may not.

    It orders keys by code points, not by UTF-16, writes floats in another way, and takes what JSON does not have. So
    what it wrote is read back: nothing but the value itself may come out, and no number that the two would disagree on.
    """
    try:
        text = _ENCODER.encode(payload)
        if not text.isascii() or _DECODER.decode(text) != payload:
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    return text.encode("ascii")


def _no_float(digits: str) -> float:
    raise ValueError(digits)


def _safe(digits: str) -> int:
    number = int(digits)
    if not -_SAFE_INTEGER <= number <= _SAFE_INTEGER:
        raise ValueError(digits)
    return number


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float, parse_int=_safe)


def _number(digits: str) -> int | float:
    if len(digits) <= _SAFE_DIGITS:
        number = int(digits)
        if -_SAFE_INTEGER <= number <= _SAFE_INTEGER:
            return number
    return float(digits)


def _refused(place: str, why: str) -> EvidenceError:
    remedy = "leave only objects, lists, strings, numbers, booleans and null"
    return EvidenceError(Problem(f"is not JSON: {why}", place, remedy))


def _offender(value: Any, name: str) -> tuple[str, str] | None:
    """The first place in a value that canonical JSON refuses, and why; however deep it lies, nothing here recurses."""
    pending, seen = [(name, value)], set()
    while pending:
        path, item = pending.pop()
        if isinstance(item, Mapping | list | tuple):
            if id(item) in seen:
                continue  # a value may hold itself
            seen.add(id(item))
        if isinstance(item, Mapping):
            odd = next((key for key in item if not isinstance(key, str)), None)
            if odd is not None:
                return f"{path}.{odd!r}", f"a key of type {type(odd).__name__}"
            pending.extend((f"{path}.{key}", below) for key, below in reversed([*item.items()]))
        elif isinstance(item, list | tuple):
            pending.extend((f"{path}[{place}]", item[place]) for place in reversed(range(len(item))))
        else:
            try:
                rfc8785.dumps(item)
            except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
                return path, f"{type(item).__name__}: {error}"
    return None
