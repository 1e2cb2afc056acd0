"""JSON from outside: what a service, a file or another process says, read so that whoever walks it does not run out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

MAX_DEPTH: Final = 100
"""The deepest nesting that is read; a policy document and a state machine have less than 20 levels."""


def read_json(text: str | bytes) -> Any:
    """The value that JSON text is.

    Raises:
        ValueError: It is no JSON, or nested deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


_TOO_DEEP: Final = f"it is nested deeper than {MAX_DEPTH} levels"


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
