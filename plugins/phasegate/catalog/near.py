"""Which known name somebody meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Comparing is quadratic where a large catalogue has as many mistakes as names.
_LIMIT = 1000


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that resemble a name most, the nearest first; none where there are very many names."""
    candidates = sorted(set(known))
    return difflib.get_close_matches(name, candidates, n=count) if len(candidates) <= _LIMIT else []


def near(name: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy for a name that nobody knows: the known name that it resembles, or else `otherwise`."""
    close = nearest(name, known, count=1)
    return f"did you mean {close[0]}?" if close else otherwise
