"""From a YAML text to plain data that knows where each part of it stands.

The text is read from the parser's events. Composing nodes, as YAML loaders do, costs ten times as much, and
recurses in C: a text of a few hundred thousand brackets ends the process. Scalars are resolved as in YAML 1.2,
which is what editors do: `on` and `2026-02-24` are texts.

The catalogue's YAML is plain data: aliases, tags, merge keys and a second document are refused. That keeps a
document as large as it looks, and says at the place itself what a reader of the file has to know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from phasegate.errors import Problem

Path = tuple[str | int, ...]
"""Keys and positions that lead from the root of a document to a part of it."""

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH_LIMIT = 64
_LINE = 1 << 32  # places are kept as line * _LINE + column: an integer weighs nothing on the garbage collector
_NUMBER_LIMIT = 300
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAYBE_SPECIAL = frozenset("-+.0123456789~nNtTfF")
_LABELS = ("id", "code", "gate")


@dataclass(frozen=True, slots=True)
class Source:
    """A document's data, and the place of every part of it.

    Attributes:
        name: The document's name, for messages.
        data: Its root mapping as plain data.
        broken: Paths of parts that could not be read as written, and were already reported.
    """

    name: str
    data: dict[str, Any]
    broken: frozenset[Path]
    _marks: Mapping[int, Any] = field(repr=False)

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the part at a path, or of the nearest part around it that is there."""
        mark = 0
        here: Any = self.data
        for step in path:
            try:
                mark = self._marks[id(here)][step]
                here = here[step]
            except (KeyError, IndexError, TypeError):
                break
        return mark // _LINE + 1, mark % _LINE + 1

    def place(self, path: Path) -> str:
        """File, line and column of the part at a path."""
        line, column = self.position(path)
        return f"{self.name}:{line}:{column}"

    def key_path(self, path: Path) -> str:
        """A path as a reader says it, such as `gates[M4.C].verifiers[M4C-V2].raises[0]`."""
        said = ""
        here: Any = self.data
        for step in path:
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                here = None
            if isinstance(step, int):
                labels = (here.get(key) for key in _LABELS) if isinstance(here, dict) else iter(())
                said += f"[{next((label for label in labels if isinstance(label, str)), step)}]"
            else:
                said += f".{step}" if said else step
        return said

    def problem(self, path: Path, fact: str, remedy: str) -> Problem:
        """A problem of the part at a path."""
        said = self.key_path(path)
        return Problem(f"{said}: {fact}" if said else fact, self.place(path), remedy)


def read(name: str, text: str) -> tuple[Source | None, list[Problem]]:
    """Reads one document.

    Args:
        name: The document's name, for messages.
        text: Its text.

    Returns:
        The document, or None where it is not one mapping of YAML; and everything wrong with it as YAML.
    """
    match = _UNPRINTABLE.search(text)
    if match is not None:
        fact = f"the character U+{ord(match.group()):04X} cannot stand in YAML"
        return None, [Problem(fact, _place_of_offset(name, text, match.start()), "remove it")]
    reader = _Reader(name)
    loader = None
    try:
        loader = _Loader(text)
        reader.take(iter(loader.get_event, None))
    except yaml.MarkedYAMLError as error:
        reader.problems.append(_syntax_problem(name, text, error))
        return None, reader.problems
    except yaml.YAMLError as error:
        reader.problems.append(Problem(f"is not YAML: {' '.join(str(error).split())}", name, "fix the file"))
        return None, reader.problems
    finally:
        if loader is not None:
            loader.dispose()
    return reader.finish()


class _TooDeepError(yaml.MarkedYAMLError):
    """A text nests deeper than any catalogue does."""


class _Frame:
    """A mapping or list that is being filled.

    Attributes:
        container: What is being filled.
        marks: Where its parts stand, under the same keys or positions.
        at_key: Whether the next node is a key.
        key: The key that the next value belongs to; None where that value is thrown away.
    """

    __slots__ = ("at_key", "container", "key", "marks")

    def __init__(self, container: Any) -> None:
        self.container = container
        self.marks: Any = {} if isinstance(container, dict) else []
        self.at_key = isinstance(container, dict)
        self.key: str | None = None


class _Reader:
    """Builds plain data from events, and notes what cannot be plain data."""

    def __init__(self, name: str) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._stack: list[_Frame] = []
        # Marks are kept under their container's identity, so every container has to stay alive as long as they.
        self._marks: dict[int, Any] = {}
        self._kept: list[Any] = []
        self._roots: list[tuple[Any, Any]] = []
        self._broken: set[Path] = set()

    def take(self, events: Iterator[Any]) -> None:
        """Takes all events of a text."""
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: lambda event: self._open({}, event),
            yaml.SequenceStartEvent: lambda event: self._open([], event),
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
        }
        for event in events:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)

    def finish(self) -> tuple[Source | None, list[Problem]]:
        """The document that the events made."""
        if not self._roots:
            self.problems.append(Problem("the document is empty", self._name, "describe a phase in it, or remove it"))
            return None, self.problems
        root, mark = self._roots[0]
        if len(self._roots) > 1:
            self._refuse(self._roots[1][1], "a second document begins here", "write one file a phase")
        if not isinstance(root, dict):
            if root is not None or not self.problems:
                self._refuse(mark, "the document is not a mapping", "begin it with `format: phasegate-catalogue/1`")
            return None, self.problems
        return Source(self._name, root, frozenset(self._broken), self._marks), self.problems

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.at_key:
            self._key(frame, event)
        elif event.tag is not None:
            self._refuse(event.start_mark, f"the tag {event.tag} stands here", "remove it; quote what is to be a text")
            self._put(event.value, event.start_mark, broken=True)
        else:
            self._put(_resolve(event.value) if event.implicit[0] else event.value, event.start_mark)

    def _key(self, frame: _Frame, event: Any) -> None:
        key = event.value
        frame.at_key = False
        if key not in frame.container:
            frame.key = key
            frame.container[key] = None  # in place already, so that a second one is seen
            frame.marks[key] = _packed(event.start_mark)
            return
        frame.key = None
        fact = f"the key {key!r} stands twice in one mapping, first in line {frame.marks[key] // _LINE + 1}"
        self._refuse(event.start_mark, fact, "keep one of them")

    def _alias(self, event: Any) -> None:
        fact = f"the alias *{event.anchor} stands here"
        self._refuse(event.start_mark, fact, "write the value out: the catalogue has no aliases")
        if self._stack and self._stack[-1].at_key:
            self._stack[-1].at_key = False
            self._stack[-1].key = None
        else:
            self._put(None, event.start_mark, broken=True)

    def _open(self, container: dict[str, Any] | list[Any], event: Any) -> None:
        if len(self._stack) >= _DEPTH_LIMIT:
            raise _TooDeepError(problem=f"it nests deeper than {_DEPTH_LIMIT} levels", problem_mark=event.start_mark)
        self._kept.append(container)
        if self._stack and self._stack[-1].at_key:
            self._refuse(event.start_mark, "a key is a list or a mapping", "write a plain name as the key")
            self._stack[-1].at_key = False
            self._stack[-1].key = None
        else:
            if event.tag is not None:
                self._refuse(event.start_mark, f"the tag {event.tag} stands here", "remove it")
            self._put(container, event.start_mark)
        self._stack.append(_Frame(container))

    def _close(self, _event: Any) -> None:
        frame = self._stack.pop()
        self._marks[id(frame.container)] = frame.marks

    def _put(self, value: Any, mark: Any, *, broken: bool = False) -> None:
        if not self._stack:
            self._roots.append((value, mark))
            return
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
            frame.marks.append(_packed(mark))
        else:
            frame.at_key = True
            if frame.key is None:
                return
            frame.container[frame.key] = value
        if broken:
            self._note_broken()

    def _note_broken(self) -> None:
        steps: list[str | int] = []
        for frame in self._stack:
            step = len(frame.container) - 1 if isinstance(frame.container, list) else frame.key
            if step is None:  # inside something that is thrown away
                return
            steps.append(step)
        self._broken.add(tuple(steps))

    def _refuse(self, mark: Any, fact: str, remedy: str) -> None:
        self.problems.append(Problem(fact, f"{self._name}:{mark.line + 1}:{mark.column + 1}", remedy))


def _packed(mark: Any) -> int:
    place: int = mark.line * _LINE + mark.column
    return place


def _resolve(text: str) -> Any:
    """The value of a plain scalar, by the core schema of YAML 1.2."""
    if text and text[0] not in _MAYBE_SPECIAL:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _NUMBER_LIMIT:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _syntax_problem(name: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(f"is not YAML: {' '.join(str(error).split())}", name, "fix the syntax")
    place = f"{name}:{mark.line + 1}:{mark.column + 1}"
    lines: Sequence[str] = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        return Problem("a tab stands in the indentation", place, "indent with spaces")
    why = ", ".join(" ".join(part.split()) for part in (error.context, error.problem) if part)
    return Problem(f"is not YAML: {why}", place, "fix the syntax here, or just before")


def _place_of_offset(name: str, text: str, offset: int) -> str:
    before = text[:offset]
    return f"{name}:{before.count(chr(10)) + 1}:{offset - before.rfind(chr(10))}"
