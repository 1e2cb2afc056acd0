"""Lines of the registry's Markdown: which carry a handle, a path, a token or a heading, and where in the line.

The grammar is one bullet a line, ``* `NAME = VALUE` trailing text``. Everything else is prose. A bullet that
means a handle but breaks the notation (no closing backtick, no white space around `=`) is a handle line with a
flaw: it must be seen, not lost. Every scan is a single pass of `str.find` and anchored, possessive expressions,
so no line can take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"

_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Z0-9_]++")
_OPEN_LIST_ITEM = re.compile(r"[0-9]++\.\s++`([A-Z0-9_]++)`")


@dataclass(frozen=True, slots=True)
class HandleLine:
    """A bullet that declares or assigns a handle; positions are offsets into the line.

    Attributes:
        name: The handle's name.
        name_end: Where the name ends.
        value: Start and end of the value without white space around it; None where there is no `=`.
        close: Where the closing backtick stands; None where it is missing.
        flaw: How the line breaks the notation, as a clause about the line; empty where it does not.
    """

    name: str
    name_end: int
    value: tuple[int, int] | None
    close: int | None
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class PathLine:
    """A bullet of the raw secret path list."""

    path: str


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A bullet of the token list, braces included."""

    token: str


@dataclass(frozen=True, slots=True)
class OpenListLine:
    """An item of the numbered list of handles that are, or once were, open."""

    name: str


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """A heading."""

    text: str


Line = HandleLine | PathLine | TokenLine | OpenListLine | HeadingLine


def split_lines(text: str) -> Iterator[tuple[str, str]]:
    """Each line's body and its line ending; joined again they are the text.

    Only LF, CRLF and CR end a line, as in Markdown; form feeds and Unicode separators are characters of a line.
    A byte order mark is part of the first line's body.
    """
    start = 0
    for match in _LINE_END.finditer(text):
        yield text[start : match.start()], match[0]
        start = match.end()
    if start < len(text):
        yield text[start:], ""


def read_line(line: str) -> Line | None:
    """Tell what a line carries; None for prose, tables and everything else.

    Args:
        line: The line without its ending; a byte order mark at its head is passed over.
    """
    head = 1 if line.startswith(BYTE_ORDER_MARK) else 0
    mark = line[head : head + 1]
    if mark == "*":
        return _read_bullet(line, head)
    if mark == "#":
        return _read_heading(line[head:])
    if mark.isdigit():
        match = _OPEN_LIST_ITEM.match(line, head)
        if match is not None and is_handle_name(match[1]):
            return OpenListLine(match[1])
    return None


def is_handle_name(text: str) -> bool:
    """Tell whether a text is a handle's name: capitals, digits and underscores, a capital among them.

    A number in backticks (``* `300` ``) is no name.
    """
    return _NAME.fullmatch(text) is not None and any("A" <= mark <= "Z" for mark in text)


def _read_bullet(line: str, head: int) -> Line | None:
    after = line[head + 1 :]
    item = after.lstrip()
    if len(item) == len(after) or not item.startswith("`"):
        return None
    start = len(line) - len(item) + 1
    close = line.find("`", start)
    end = close if close >= 0 else len(line)
    content = line[start:end]
    if close >= 0 and content.startswith("/"):
        return PathLine(content)
    if close >= 0 and content.startswith("{") and content.endswith("}"):
        return TokenLine(content)
    return _read_handle(line, start, end, closed=close >= 0)


def _read_handle(line: str, start: int, end: int, *, closed: bool) -> HandleLine | None:
    match = _NAME.match(line, start, end)
    if match is None or not is_handle_name(match[0]):
        return None
    name, name_end = match[0], match.end()
    close = end if closed else None
    flaw = "" if closed else "has no closing backtick"
    rest = line[name_end:end]
    assignment = rest.lstrip()
    if not assignment:
        return HandleLine(name, name_end, None, close, flaw)
    if not assignment.startswith("="):
        return None
    after = assignment[1:]
    value = after.strip()
    if not flaw and (len(assignment) == len(rest) or (value and not after[0].isspace())):
        flaw = "has no white space around the equals sign"
    value_end = end - (len(after) - len(after.rstrip()))
    return HandleLine(name, name_end, (value_end - len(value), value_end), close, flaw)


def _read_heading(line: str) -> HeadingLine | None:
    text = line.lstrip("#")
    level = len(line) - len(text)
    if level > 6 or (text and not text[0].isspace()):
        return None
    return HeadingLine(text.strip().rstrip("#").rstrip())
