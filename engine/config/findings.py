"""Complaints about packs, and the three ways in which words can be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]


class Finding(tuple[str, Path, str, str, str]):
    """(pack field, key path, reason, fact, code word) of one complaint."""

    __slots__ = ()


def finding(field: str, where: Path, reason: str, fact: str, code: str = "PRIOR_PACK_INVALID") -> Finding:
    """A complaint; ``code`` is the last part of the error code."""
    return Finding((field, where, reason, fact, code))


def unknown(
    field: str, where: Path, words: Iterable[str], known: Iterable[str], reason: str, what: str
) -> Iterator[Finding]:
    """Words that the taxonomy does not know."""
    vocabulary = set(known)
    for word in words:
        if word not in vocabulary:
            yield finding(field, (*where, word), reason, f"{what} {word} is no word of the taxonomy")


def missing(
    field: str, where: Path, needed: Iterable[str], given: Iterable[str], reason: str, what: str
) -> Iterator[Finding]:
    """Words for which nothing is given."""
    have = set(given)
    for word in needed:
        if word not in have:
            yield finding(field, where, reason, f"no {what} for {word}")


def same(field: str, where: Path, given: Iterable[str], known: Iterable[str], what: str) -> Iterator[Finding]:
    """Words that are unknown, and words that are missing."""
    given, known = list(given), list(known)
    yield from unknown(field, where, given, known, f"unknown_{what.replace(' ', '_')}", what)
    yield from missing(field, where, known, given, f"missing_{what.replace(' ', '_')}", "entry")
