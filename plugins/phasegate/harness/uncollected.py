"""Tests of verifiers that stand in the sources and that pytest did not collect: whatever left them out, it is said.

Two functions of one name, a name that pytest does not take for a test's, an ignored file, a hook: each of them makes
a test vanish without a trace, and another one of the same verifier would stand for both.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from phasegate.catalog.coverage import short_id
from phasegate.catalog.marked import Marked, marked_in
from phasegate.errors import Problem, SettingsError
from phasegate.harness.belonging import resolved
from phasegate.harness.marks import VERIFIER
from phasegate.project import sources

_Place = tuple[Path, int | str]
"""A file, and a line or a qualified name in it."""


@dataclass(frozen=True, slots=True)
class Uncollected:
    """A test of a verifier that was not collected.

    Attributes:
        verifier: The verifier, by its short identifier.
        file: The file that it stands in.
        line: Its line, from 1.
        fact: What it is and why it is not there, as far as that shows.
    """

    verifier: str
    file: Path
    line: int
    fact: str

    def name_from(self, root: Path) -> str:
        """The file as it is named from a folder."""
        return Path(os.path.relpath(self.file, root)).as_posix()


def uncollected(items: Iterable[pytest.Item], verifiers: Collection[str], folders: Sequence[Path]) -> list[Uncollected]:
    """The marked tests of the sources that are not among the items.

    Args:
        items: All collected items, as they were before any was taken out.
        verifiers: The short identifiers of the verifiers that matter.
        folders: The verifiers' folders. The modules of collected verifiers are read wherever they lie.

    Raises:
        SettingsError: A file cannot be read.
    """
    wanted = frozenset(verifiers)
    claiming = [(item, claim) for item in items if (claim := _claim(item)) is not None]
    files = {resolved(path): path for path in (*sources(folders), *(item.path for item, _ in claiming))}
    marked: dict[Path, list[Marked]] = {}
    found = []
    for file, path in sorted(files.items()):
        source = _read(path)
        try:
            marked[file] = [each for each in marked_in(source) if each.verifier in wanted]
        except ValueError as error:
            named = sorted(verifier for verifier in wanted if verifier.encode() in source)
            found += [Uncollected(each, path, 1, f"it names {each}, and cannot be parsed: {error}") for each in named]
    collected = _Collected(claiming, {(file, each.line) for file, places in marked.items() for each in places})
    for file, places in marked.items():
        missing = collected.missing(file, places)
        found += [Uncollected(each.verifier, files[file], each.line, _fact(each, places)) for each in missing]
    return found


class _Collected:
    """Where the functions of collected tests stand, and which verifiers they claim.

    Args:
        items: The items that claim a verifier, each with its claim.
        marked: The places of functions that the sources mark.
    """

    def __init__(self, items: Iterable[tuple[pytest.Item, str]], marked: Collection[tuple[Path, int]]) -> None:
        self._claims: defaultdict[_Place, set[str]] = defaultdict(set)
        for item, claim in items:
            place = _place(item)
            if place is not None:
                self._claims[place].add(claim)
            # What a decorator put in a function's place is known by the name alone.
            for name in _names(item, of_function=place not in marked):
                self._claims[name].add(claim)

    def missing(self, file: Path, places: Iterable[Marked]) -> list[Marked]:
        """The marked places of a file that were not collected."""
        lines: defaultdict[str, list[int]] = defaultdict(list)
        for each in places:
            lines[each.name].append(each.line)
        return [each for each in places if not self._holds(file, each, lines[each.name])]

    def _holds(self, file: Path, marked: Marked, lines: Collection[int]) -> bool:
        """Whether a marked place was collected; the lines are those of all marked places of its name."""
        if marked.holds_tests:
            return (file, marked.name) in self._claims
        if marked.verifier in self._claims.get((file, marked.line), ()):
            return True
        by_name = marked.line == max(lines) and not any((file, line) in self._claims for line in lines)
        return by_name and marked.verifier in self._claims.get((file, marked.name), ())


def _claim(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker(VERIFIER)
    return short_id(str(mark.args[0])) if mark is not None and mark.args else None


def _place(item: pytest.Item) -> tuple[Path, int] | None:
    """Where the function that was written begins, whatever was wrapped around it."""
    function: Callable[..., Any] | None = getattr(item, "function", None)
    try:
        code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    except ValueError:  # it goes round
        code = None
    return (_file(code.co_filename), code.co_firstlineno) if code is not None else None


@cache
def _file(name: str) -> Path:
    return resolved(Path(name))


def _names(item: pytest.Item, *, of_function: bool) -> Iterator[_Place]:
    """The names that an item stands under: its module, its class and those above it, and its function."""
    file = resolved(item.path)
    yield file, ""
    name = getattr(item, "originalname", item.name)
    case = getattr(item, "cls", None)
    if case is None and of_function:
        yield file, name
    for each in case.__mro__ if case is not None else ():
        source = getattr(sys.modules.get(each.__module__), "__file__", None)
        if source is not None:
            yield resolved(Path(source)), each.__qualname__
            if of_function and name in vars(each):
                yield resolved(Path(source)), f"{each.__qualname__}.{name}"


def _fact(marked: Marked, beside: Collection[Marked]) -> str:
    if marked.holds_tests:
        return f"{marked.name or 'the module'} is marked for {marked.verifier}, and no test of it was collected"
    again = [each.line for each in beside if each.name == marked.name and each.line > marked.line]
    why = f": line {min(again)} defines that name once more" if again else ""
    return f"{marked.name} is marked as a test of {marked.verifier}, and was not collected{why}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fact = f"cannot be read, so that nobody knows which verifiers it tests: {error.strerror}"
        remedy = "make it readable, or move it out of the verifiers' folder"
        raise SettingsError(Problem(fact, str(path), remedy)) from error
