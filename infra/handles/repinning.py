"""Repinning: a copy of the registry in which named handles have new values, and nothing else differs.

A changed line keeps everything but its value and gets an annotation, ``(repinned <why>)``, that takes the place
of a former one. A line whose value is already right is not touched, so repinning twice changes nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infra.errors import Problem, RegistryError
from infra.handles.files import read_text, write_copy
from infra.handles.lines import HandleLine, read_lines, split_lines
from infra.handles.model import OpenReason, Unresolved
from infra.handles.registry import Registry, parse
from infra.handles.templates import LEGAL_TOKENS
from infra.handles.values import read_value, same_value, write_value

if TYPE_CHECKING:
    from pydantic import JsonValue

ANNOTATION_HEAD = "repinned"

_FORMER = re.compile(rf"\({ANNOTATION_HEAD}(?=[ )])")


def repin(text: str, values: Mapping[str, JsonValue], annotation: str, *, source: str = "registry") -> str:
    """Give handles new values; every byte that does not belong to one of their lines stays as it is.

    All assignments of a name change together; a name that is only declared becomes assigned at its first line.

    Args:
        text: The registry.
        values: The new value of each handle.
        annotation: Why, in a few words; written behind the value as `(repinned <annotation>)`.
        source: The registry's name, for messages.

    Returns:
        The new text.

    Raises:
        RegistryError: A name has no line (none is ever added) or lines with differing values, a value would leave
            its handle open or cannot be written, a line is too broken to change, or the annotation cannot stand in
            a line. Every problem is listed.
    """
    registry = parse(text, source)
    problems: list[Problem] = []
    note = _note(annotation, problems)
    wanted = _wanted(registry, values, problems)
    targets = _targets(text, wanted)
    changed: list[str] = []
    for number, (line, ending) in enumerate(split_lines(text), start=1):
        item = targets.get(number)
        if item is None:
            changed.append(line)
        elif item.close is None:
            problems.append(
                Problem(f"the line of {item.name} {item.flaw}", f"{source}:{number}", "fix the line by hand first")
            )
        else:
            changed.append(_changed(line, item, item.close, wanted[item.name], note))
        changed.append(ending)
    if problems:
        raise RegistryError(problems=problems)
    return "".join(changed)


def repin_file(
    path: Path, out: Path, values: Mapping[str, JsonValue], annotation: str, *, replace: bool = False
) -> Registry:
    """Write a repinned copy of a registry file, and read it back.

    Args:
        path: The registry; it is never written to.
        out: The copy.
        values: The new value of each handle.
        annotation: Why, in a few words.
        replace: Whether a file that stands at `out` already may be replaced.

    Returns:
        The copy as a registry; its `source` is the copy's file name.

    Raises:
        RegistryError: The registry cannot be read or repinned, or the copy cannot be written.
    """
    text = repin(read_text(path), values, annotation, source=str(path))
    write_copy(text, out, original=path, replace=replace)
    return parse(text, out.name)


def _note(annotation: str, problems: list[Problem]) -> str:
    words = annotation.strip()
    if words.startswith("(") and words.endswith(")"):
        words = words[1:-1].strip()
    head, _, rest = words.partition(" ")
    if head == ANNOTATION_HEAD:
        words = rest.strip()
    if not words or not words.isprintable() or any(mark in "`()" for mark in words):
        problems.append(
            Problem(
                f"{annotation!r} cannot stand behind a value",
                "annotation",
                "say why in a few words on one line, without backticks or parentheses",
            )
        )
    return f"({ANNOTATION_HEAD} {words})"


def _wanted(registry: Registry, values: Mapping[str, JsonValue], problems: list[Problem]) -> dict[str, str]:
    """The notation of each value that differs from the registry's."""
    wanted: dict[str, str] = {}
    legal = LEGAL_TOKENS | registry.tokens.keys()
    for name, value in values.items():
        handle = registry.get(name)
        if handle is None:
            problems.append(registry.absence(name))
            continue
        if isinstance(handle.resolution, Unresolved) and handle.resolution.reason is OpenReason.CONTRADICTION:
            problems.append(registry.openness(handle, handle.resolution))
            continue
        try:
            raw = write_value(value)
        except ValueError as error:
            problems.append(_unusable(registry, name, str(error)))
            continue
        read, resolution = read_value(name, raw, legal)
        if isinstance(resolution, Unresolved):
            problems.append(_unusable(registry, name, resolution.detail))
        elif not (handle.resolved and same_value(handle.value, read)):
            wanted[name] = raw
    return wanted


def _unusable(registry: Registry, name: str, why: str) -> Problem:
    return Problem(f"the new value of {name} {why}", registry.place(name), "give a value that can be used as it is")


def _targets(text: str, wanted: Mapping[str, str]) -> dict[int, HandleLine]:
    """The lines to change, by number: every assignment of a name, or the first bare declaration."""
    assigned: dict[str, dict[int, HandleLine]] = {}
    declared: dict[str, dict[int, HandleLine]] = {}
    for number, _, item in read_lines(text):
        if isinstance(item, HandleLine) and item.name in wanted:
            if item.value is not None:
                assigned.setdefault(item.name, {})[number] = item
            else:
                declared.setdefault(item.name, {number: item})
    return {
        number: item for name in wanted for number, item in (assigned.get(name) or declared.get(name) or {}).items()
    }


def _changed(line: str, item: HandleLine, close: int, raw: str, note: str) -> str:
    """The line with a new value and its annotation."""
    if item.value is None or item.flaw or item.value[0] == item.value[1]:
        head = f"{line[: item.name_end]} = {raw}"
    else:
        start, end = item.value
        head = f"{line[:start]}{raw}{line[end:close]}"
    return f"{head}`{_annotated(line[close + 1 :], note)}"


def _annotated(trailing: str, note: str) -> str:
    """The text behind the closing backtick with the annotation in it."""
    former = _former(trailing)
    if former is not None:
        return f"{trailing[: former.start]}{note}{trailing[former.stop :]}"
    # White space at the end of a line can be a line break of Markdown: the annotation goes before it.
    text = trailing.rstrip()
    return f"{text} {note}{trailing[len(text) :]}"


def _former(trailing: str) -> slice | None:
    """Where a former annotation stands, to its balancing parenthesis; None where there is none, or no end of it."""
    match = _FORMER.search(trailing)
    if match is None:
        return None
    depth = 0
    for index in range(match.start(), len(trailing)):
        depth += {"(": 1, ")": -1}.get(trailing[index], 0)
        if depth == 0:
            return slice(match.start(), index + 1)
    return None
