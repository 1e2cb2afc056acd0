"""Patterns with `*` (any text) and `?` (any one character): whether one covers or meets another, exactly.

IAM policies compare actions and resources by such patterns. Whether every text that one pattern matches is matched
by one of several others is decided here on the patterns themselves, not by samples: the covering patterns run as
one automaton beside the covered one, over the letters that occur in them and one that does not.
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

MAX_STATES: Final = 20_000
"""How many states a comparison may visit; only patterns made to be hard need more."""


class Wild(Enum):
    """A part of a pattern that is no letter."""

    ANY = "*"
    ONE = "?"


Glob = tuple[str | Wild, ...]
"""A pattern: letters and wildcards."""

_States = frozenset[tuple[int, int]]


class ComplexityError(ValueError):
    """Two patterns are too hard to compare."""


def parse(text: str) -> Glob:
    """The pattern that a text writes with `*` and `?`."""
    return tuple(Wild(sign) if sign in "*?" else sign for sign in text)


def matches(pattern: Glob, text: str) -> bool:
    """Whether a pattern matches a text."""
    return covers([pattern], tuple(text))


def covers(outers: Iterable[Glob], inner: Glob) -> bool:
    """Whether every text that a pattern matches is matched by one of others.

    Patterns that are too hard to compare count as not covered.
    """
    try:
        return uncovered(tuple(outers), inner) is None
    except ComplexityError:
        return False


def uncovered(outers: Sequence[Glob], inner: Glob) -> str | None:
    """A text that a pattern matches and none of the others does; None where there is none.

    Raises:
        ComplexityError: The comparison would visit more than `MAX_STATES` states.
    """
    letters = sorted({token for outer in outers for token in outer if isinstance(token, str)})
    alphabet = (*letters, _letter_outside({*letters, *(token for token in inner if isinstance(token, str))}))
    start = _rest(outers, ((number, 0) for number in range(len(outers))))
    waiting: deque[tuple[int, _States, str]] = deque([(0, start, "")])
    seen = {(0, start)}
    while waiting:
        at, states, text = waiting.popleft()
        if any(_matches_all(outers[number][position:]) for number, position in states):
            continue
        if at == len(inner) and not any(position == len(outers[number]) for number, position in states):
            return text
        for following, letter in _moves(inner, at, alphabet):
            after = states if letter is None else _step(outers, states, letter)
            if (following, after) not in seen:
                if len(seen) >= MAX_STATES:
                    raise ComplexityError(f"comparing {len(outers) + 1} patterns takes more than {MAX_STATES} states")
                seen.add((following, after))
                waiting.append((following, after, text + (letter or "")))
    return None


def overlap(left: Glob, right: Glob) -> bool:
    """Whether there is a text that both patterns match."""
    waiting = [(0, 0)]
    seen = {(0, 0)}
    while waiting:
        first, second = waiting.pop()
        if first == len(left) and second == len(right):
            return True
        for state in _meeting(left, right, first, second):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return False


def _meeting(left: Glob, right: Glob, first: int, second: int) -> Iterator[tuple[int, int]]:
    mine = left[first] if first < len(left) else None
    other = right[second] if second < len(right) else None
    if mine is Wild.ANY:
        yield first + 1, second
    if other is Wild.ANY:
        yield first, second + 1
    if mine is None or other is None:
        return
    if isinstance(mine, Wild) or isinstance(other, Wild) or mine == other:
        yield first + (mine is not Wild.ANY), second + (other is not Wild.ANY)


def _moves(inner: Glob, at: int, alphabet: Sequence[str]) -> Iterator[tuple[int, str | None]]:
    if at == len(inner):
        return
    token = inner[at]
    if isinstance(token, str):
        yield at + 1, token
        return
    if token is Wild.ANY:
        yield at + 1, None
    stay = at if token is Wild.ANY else at + 1
    yield from ((stay, letter) for letter in alphabet)


def _step(outers: Sequence[Glob], states: _States, letter: str) -> _States:
    moved = []
    for number, position in states:
        if position == len(outers[number]):
            continue
        token = outers[number][position]
        if token is Wild.ANY:
            moved.append((number, position))
        elif token is Wild.ONE or token == letter:
            moved.append((number, position + 1))
    return _rest(outers, moved)


def _rest(outers: Sequence[Glob], states: Iterable[tuple[int, int]]) -> _States:
    """States with those that they reach without a letter."""
    found = set()
    for number, start in states:
        position = start
        found.add((number, position))
        while position < len(outers[number]) and outers[number][position] is Wild.ANY:
            position += 1
            found.add((number, position))
    return frozenset(found)


def _matches_all(rest: Glob) -> bool:
    return bool(rest) and all(token is Wild.ANY for token in rest)


def _letter_outside(letters: set[str]) -> str:
    """A letter that occurs in none of the patterns; it stands for all such letters."""
    for letter in string.ascii_letters + string.digits:
        if letter not in letters:
            return letter
    return next(chr(code) for code in range(0xE000, 0xF900) if chr(code) not in letters)
