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
from types import CellType, FunctionType
from typing import Any

import pytest

from phasegate.catalog.grammar import short_verifier
from phasegate.catalog.marked import Marked, marked_in
from phasegate.errors import Problem, SettingsError
from phasegate.harness.applied import Applied
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


def uncollected(
    items: Iterable[pytest.Item], verifiers: Collection[str], folders: Sequence[Path], applied: Applied
) -> list[Uncollected]:
    """The marked tests that are not among the items: those of the sources, and those that were seen to be marked.

    Args:
        items: All collected items, as they were before any was taken out.
        verifiers: The short identifiers of the verifiers that matter.
        folders: The verifiers' folders. The modules of collected verifiers are read wherever they lie.
        applied: The functions to which marks were applied.

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
    seen = [_Function.of(function, verifier) for function, verifier in applied.functions() if verifier in wanted]
    read = {(file, each.line) for file, places in marked.items() for each in places}
    collected = _Collected(claiming, read)
    for file, places in marked.items():
        missing = collected.missing(file, places)
        found += [Uncollected(each.verifier, files[file], each.line, _fact(each, places)) for each in missing]
    known = {(each.verifier, resolved(each.file)) for each in found}
    for lost in collected.missing_functions(seen):
        file, line = lost.place
        if (lost.verifier, file) not in known:
            fact = f"{lost.function.__qualname__} is marked as a test of {lost.verifier}, and was not collected"
            found.append(Uncollected(lost.verifier, files.get(file, file), line, fact))
    return found


@dataclass(frozen=True, slots=True)
class _Function:
    """A function that is marked for a verifier, or a collected test's.

    Attributes:
        verifier: The verifier.
        place: Where it begins.
        module: The module that it was made in, as that was imported; one file may be imported twice.
        function: It itself: the same lines may make several.
    """

    verifier: str
    place: tuple[Path, int]
    module: int
    function: FunctionType

    @classmethod
    def of(cls, function: FunctionType, verifier: str) -> _Function:
        """A function as it stands."""
        code = function.__code__
        place = (_file(code.co_filename), code.co_firstlineno)
        return cls(verifier, place, id(function.__globals__), function)


class _Collected:
    """Where the functions of collected tests stand, and which verifiers they claim.

    Args:
        items: The items that claim a verifier, each with its claim.
        marked: The places of functions that the sources mark.
    """

    def __init__(self, items: Iterable[tuple[pytest.Item, str]], marked: Collection[tuple[Path, int]]) -> None:
        self._claims: defaultdict[_Place, set[str]] = defaultdict(set)
        self._runs: defaultdict[str, list[object]] = defaultdict(list)
        self._functions: defaultdict[tuple[str, _Place, int], set[FunctionType]] = defaultdict(set)
        for item, claim in items:
            function = _function(item)
            place = None
            if function is not None:
                own = _Function.of(function, claim)
                place = own.place
                self._claims[place].add(claim)
                self._functions[claim, place, own.module].add(function)
            self._runs[claim].append(getattr(item, "function", None))
            # What a decorator put in a function's place is known by the name alone.
            for name in _names(item, of_function=place not in marked):
                self._claims[name].add(claim)

    def missing(self, file: Path, places: Iterable[Marked]) -> list[Marked]:
        """The marked places of a file that were not collected."""
        lines: defaultdict[str, list[int]] = defaultdict(list)
        for each in places:
            lines[each.name].append(each.line)
        return [each for each in places if not self._holds(file, each, lines[each.name])]

    def missing_functions(self, marked: Iterable[_Function]) -> list[_Function]:
        """The marked functions of which there are more than were collected, the last one of each kind."""
        kinds: defaultdict[tuple[str, _Place, int], dict[FunctionType, _Function]] = defaultdict(dict)
        for each in marked:
            kinds[each.verifier, each.place, each.module][each.function] = each
        missing = []
        for kind, found in kinds.items():
            collected = len(self._functions.get(kind, ()))
            last = [*found.values()][-1]
            if len(found) > collected and (collected or not self._stands_for(last)):
                missing.append(last)
        return missing

    def _stands_for(self, function: _Function) -> bool:
        """Whether a test stands for a function: its module was imported again, or a decorator's function runs it."""
        again = function.verifier in self._claims.get(function.place, ())
        return again or any(_runs(each, function.function) for each in self._runs[function.verifier])

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
    return short_verifier(str(mark.args[0])) if mark is not None and mark.args else None


def _function(item: pytest.Item) -> FunctionType | None:
    """The function that was written, whatever was wrapped around it."""
    function: Callable[..., Any] | None = getattr(item, "function", None)
    try:
        found = inspect.unwrap(function) if function is not None else None
    except ValueError:  # it goes round
        return None
    return found if isinstance(found, FunctionType) else None


def _runs(test: object, function: FunctionType) -> bool:
    """Whether the function of a test holds another one, as what a decorator made of it does."""
    pending, seen = [test], set()
    while pending:
        found = pending.pop()
        if found is function:
            return True
        if id(found) not in seen and isinstance(found, FunctionType):
            seen.add(id(found))
            pending += [cell.cell_contents for cell in found.__closure__ or () if _is_filled(cell)]
            pending += vars(found).values()
    return False


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty one raises
    except ValueError:
        return False
    return True


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
