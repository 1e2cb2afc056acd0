"""What the lines of a registry carry: a handle, a path, a token or a heading, and where in the line it stands.

The grammar is one bullet a line, ``* `NAME = VALUE` trailing text``; any bullet of Markdown will do, nested ones
included. Everything else is prose, and so is what Markdown shows as code, comment or quotation. A bullet that means
a handle but breaks the notation (no closing backtick, no white space around `=`, characters that do not show) is a
handle line with a flaw: it must be seen, not lost. Every scan is a single pass of anchored, possessive expressions,
so no line can take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from infra.handles.blocks import Place, read_blocks
from infra.text import folded, hidden

BYTE_ORDER_MARK = "\ufeff"

_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[0-9_]*+[A-Z][A-Z0-9_]*+")
_HEAD = re.compile(rf"[ \t]*+({_NAME.pattern})[ \t]*+(?:(=)|$)")
_COLON = re.compile(rf"[ \t]*+({_NAME.pattern})[ \t]*+:=?(?=[ \t]*+(?:[\"\[{{0-9-]|true\b|false\b))")
_BARE = re.compile(rf"({_NAME.pattern})[ \t]*+=")
_CLOSE = re.compile(r"(?<!`)`(?!`)")
_GAP = " \t"

# What some writers put between a bullet and its handle: a task's box, emphasis, a quotation mark.
_DECORATION = re.compile(r"(?:\[[ xX]\][ \t]++)?[*_~\"'(\[]{0,4}+(?=`)")
# A line that a person takes for a bullet with a handle, though Markdown shows it as text.
_LOOKS_LIKE_BULLET = re.compile(
    r"\\?(?:[*+\-\u2010-\u2015\u2022\u2023\u2043\u25a0-\u25ff\u00b7\u2219\u22c5]|[0-9]++[.)])"
)


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


def read_lines(text: str) -> Iterator[tuple[int, str, Line]]:
    """Every line of a registry that carries something: its number, its body, and what it carries."""
    bodies = [line for line, _ in split_lines(text)]
    if not bodies:
        return
    head = 1 if bodies[0].startswith(BYTE_ORDER_MARK) else 0
    blocks = read_blocks([bodies[0][head:], *bodies[1:]])
    for number, (line, (place, start)) in enumerate(zip(bodies, blocks, strict=True), start=1):
        offset = head if number == 1 else 0
        item = _read_place(line, start + offset, place)
        if item is not None:
            yield number, line, item


def is_handle_name(text: str) -> bool:
    """Tell whether a text is a handle's name: capitals, digits and underscores, a capital among them.

    A number in backticks (``* `300` ``) is no name.
    """
    return _NAME.fullmatch(text) is not None


def _read_place(line: str, start: int, place: Place | None) -> Line | None:
    match place:
        case Place.ITEM:
            return _read_item(line, start)
        case Place.NUMBERED:
            item = _read_item(line, start)
            bare = isinstance(item, HandleLine) and item.value is None and not item.flaw
            return OpenListLine(item.name) if isinstance(item, HandleLine) and bare else item
        case Place.HEADING:
            return HeadingLine(line[start:].strip().rstrip("#").rstrip())
        case Place.TEXT:
            return _read_text(line, start)
        case _:
            return None


def _read_text(line: str, start: int) -> HandleLine | None:
    """A line of text that a person takes for a bullet with an assignment: it is seen, and has a flaw."""
    if "`" not in line:
        return None
    match = _LOOKS_LIKE_BULLET.match(line, _shown(line, start))
    if match is None:
        return None
    return _flawed(_read_item(line, _shown(line, match.end())), "is no item of a list as Markdown reads it")


def _read_item(line: str, start: int) -> Line | None:
    """What stands at the head of a list item."""
    flaw = ""
    if line[start : start + 1] != "`":
        start = _shown(line, start)
        match = _DECORATION.match(line, start)
        if match is None:
            return _read_bare(line, start)
        start, flaw = match.end(), "has something before its opening backtick"
    ticks = len(line) - start - len(line[start:].lstrip("`"))
    if ticks > 1:
        flaw = flaw or "stands in more than one pair of backticks"
    start += ticks
    closing = _CLOSE.search(line, start)
    end = closing.start() if closing else len(line)
    if flaw:
        return _flawed(_read_handle(line, start, end, closed=closing is not None), flaw)
    content = line[start:end]
    if closing and content.startswith("/"):
        return PathLine(content)
    if closing and content.startswith("{") and content.endswith("}"):
        return TokenLine(content)
    return _read_handle(line, start, end, closed=closing is not None)


def _shown(line: str, start: int) -> int:
    """Where the first character stands that shows."""
    while start < len(line) and (line[start] == " " or hidden(line[start])):
        start += 1
    return start


def _flawed(item: Line | None, flaw: str) -> HandleLine | None:
    """An assignment that cannot count where it stands, and that only a person can put right; a bare name is prose."""
    if not isinstance(item, HandleLine) or item.value is None:
        return None
    return replace(item, close=None, flaw=flaw)


def _read_handle(line: str, start: int, end: int, *, closed: bool) -> HandleLine | None:
    match = _HEAD.match(line, start, end)
    if match is None:
        return _read_colon(line, start, end) or _read_unclean(line, start, end)
    name, name_end, equals = match[1], match.end(1), match.end()
    close, flaw = (end, "") if closed else (None, "has no closing backtick")
    if match[2] is None:
        return HandleLine(name, name_end, None, close, flaw)
    value = line[equals:end].strip(_GAP)
    if not flaw and (equals == name_end + 1 or (value and line[equals] not in _GAP)):
        flaw = "has no white space around the equals sign"
    return HandleLine(name, name_end, _span(line, equals, end), close, flaw)


def _read_bare(line: str, start: int) -> HandleLine | None:
    """An assignment without backticks; no more than its name can be told for sure."""
    match = _BARE.match(line, start)
    if match is None:
        return None
    return HandleLine(match[1], match.end(1), _span(line, match.end(), len(line)), None, "has no backticks")


def _read_colon(line: str, start: int, end: int) -> HandleLine | None:
    """An assignment by a colon, of what is plainly a value."""
    match = _COLON.match(line, start, end)
    if match is None:
        return None
    flaw = "has a colon where the equals sign should be"
    return HandleLine(match[1], match.end(1), _span(line, match.end(), end), None, flaw)


def _read_unclean(line: str, start: int, end: int) -> HandleLine | None:
    """A handle whose name has marks that do not show, or letters of another script; seen, and not to be changed."""
    equals = line.find("=", start, end)
    head = line[start : end if equals < 0 else equals].strip(_GAP)
    if head.isascii() and head.isprintable():
        return None
    name = folded("".join(mark for mark in head if not hidden(mark))).upper()
    if not is_handle_name(name) or head != head.upper():
        return None
    odd = ", ".join(dict.fromkeys(f"U+{ord(mark):04X}" for mark in head if hidden(mark) or not mark.isascii()))
    value = None if equals < 0 else _span(line, equals + 1, end)
    flaw = f"has {odd} in its name, which does not show or looks like another letter"
    return HandleLine(name, start + len(head), value, None, flaw)


def _span(line: str, start: int, end: int) -> tuple[int, int]:
    """Where a value stands without the white space around it; at its end where there is nothing else."""
    value = line[start:end]
    stop = start + len(value.rstrip(_GAP))
    return stop - len(line[start:stop].lstrip(_GAP)), stop
