"""Which lines of a Markdown document are items of a list, headings, text, quoted or verbatim.

The containers and blocks of CommonMark, line by line, as far as a reader of lists needs them: list items however
they are marked and nested, block quotes, fenced and indented code, HTML blocks and comments, headings, paragraphs
with their lazy continuation. Inline text is left alone. A full parser tells the same and takes three times as long
as the whole registry may; the tests hold the two against each other.

Every line is looked at once for each container that is open, and containers nest at most `MAX_NESTING` deep, so no
document takes more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_NESTING: Final = 20
"""How deep lists and quotes may nest; what is deeper is text."""

_TAB: Final = 4
_CODE_INDENT: Final = 4

_SPACES = re.compile(r" *+")
_MARKER = re.compile(r"(?:[*+-]|(?P<number>[0-9]{1,9})[.)])(?= |$)")
_HEADING = re.compile(r"#{1,6}(?= |$)")
_UNDERLINE = re.compile(r"(?:=+|-+) *+$")
_BREAK = re.compile(r"(?:(?:\* *+){3,}|(?:- *+){3,}|(?:_ *+){3,})$")
_FENCE = re.compile(r"`{3,}+(?=[^`]*+$)|~{3,}+")

# The seven kinds of HTML block: how each begins, and the text that ends it (a blank line where there is none).
_HTML_NAMES: Final = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|"
    "menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|"
    "track|ul"
)
_VALUE: Final = r"""(?:[^ "'=<>`]++|'[^']*+'|"[^"]*+")"""
_ATTRIBUTE: Final = rf"(?:[ ]++[A-Za-z_:][A-Za-z0-9:._-]*+(?:[ ]*+=[ ]*+{_VALUE})?)"
_HTML: Final = (
    (
        re.compile(r"<(?:script|pre|style|textarea)(?=[ >]|$)", re.IGNORECASE),
        re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    ),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{_HTML_NAMES})(?=[ ]|/?>|$)", re.IGNORECASE), None),
)
_HTML_TAG: Final = re.compile(
    rf"(?:<[A-Za-z][A-Za-z0-9-]*+{_ATTRIBUTE}*+[ ]*+/?>|</[A-Za-z][A-Za-z0-9-]*+[ ]*+>)[ ]*+$"
)


class Place(Enum):
    """What a line is in the document as it is shown."""

    ITEM = "the text of a list item"
    """The first line of what a bullet marks."""
    NUMBERED = "the text of a numbered list item"
    HEADING = "a heading"
    TEXT = "text"
    """Any other line of a paragraph."""
    QUOTED = "quoted"
    """Text within a block quote, list items included."""
    VERBATIM = "verbatim"
    """Code, a comment, or other HTML."""


@dataclass(slots=True)
class _Container:
    """A list item or a block quote that is open.

    Attributes:
        width: Columns that a line of the item is indented by; 0 for a quote.
        numbered: Whether a number marks the item.
        empty: Whether nothing stands in it yet.
    """

    width: int
    numbered: bool = False
    empty: bool = True


class _Leaf(Enum):
    """The block that the next line may go on with."""

    NONE = 0
    PARAGRAPH = 1
    FENCE = 2
    HTML = 3
    CODE = 4


def read_blocks(lines: Iterable[str]) -> Iterator[tuple[Place | None, int]]:
    """What each line is, and where its text begins.

    Args:
        lines: The lines without their endings and without a byte order mark.

    Yields:
        The place, None for a blank line and for one that only marks structure; and the offset behind all markers.
    """
    reader = _Reader()
    for line in lines:
        yield reader.read(line)


class _Reader:
    """What is open behind the lines that were read."""

    def __init__(self) -> None:
        self._open: list[_Container] = []
        self._quotes = 0
        self._leaf = _Leaf.NONE
        self._end: re.Pattern[str] | None = None  # what closes the HTML block
        self._fence = ""  # the marks that opened the code

    def read(self, line: str) -> tuple[Place | None, int]:
        if line.startswith("* `") and line[3:4] != "`" and (self._open or self._leaf.value < _Leaf.FENCE.value):
            # A plain bullet, the line that registries are made of: it ends whatever was open.
            self._close(0)
            self._open.append(_Container(2, empty=False))
            self._leaf = _Leaf.PARAGRAPH
            return Place.ITEM, 2
        if "\t" not in line:
            return self._read(line)
        # Tabs stand for spaces up to the next column of four; a tab within the text moves nothing before it.
        place, column = self._read(line.expandtabs(_TAB))
        return place, _offset(line, column)

    def _read(self, line: str) -> tuple[Place | None, int]:
        depth, start = self._match(line)
        inside = depth == len(self._open)
        if inside and self._leaf.value >= _Leaf.FENCE.value:
            verbatim = self._continue(line, start)
            if verbatim:
                return Place.VERBATIM, start
        if self._leaf is not _Leaf.PARAGRAPH:
            self._close(depth)
            inside = True
        return self._begin(line, start, depth, inside=inside)

    def _match(self, line: str) -> tuple[int, int]:
        """How many of the open containers the line goes on with, and where it stands behind them."""
        start = 0
        for depth, container in enumerate(self._open):
            text = _skip(line, start)
            if not container.width:
                if text >= len(line) or line[text] != ">" or text - start >= _CODE_INDENT:
                    return depth, start
                start = text + 1 + (line[text + 1 : text + 2] == " ")
            elif text == len(line):
                if container.empty:  # a marker with nothing behind it takes no blank line
                    return depth, start
                start = text
            elif text - start >= container.width:
                start += container.width
            else:
                return depth, start
        return len(self._open), start

    def _continue(self, line: str, start: int) -> bool:
        """Tell whether the line belongs to the code or HTML that is open."""
        text = _skip(line, start)
        if self._leaf is _Leaf.FENCE:
            close = line[text:].rstrip(" ")
            if text - start < _CODE_INDENT and close.startswith(self._fence) and not close.strip(self._fence[0]):
                self._leaf = _Leaf.NONE
            return True
        if self._leaf is _Leaf.HTML:
            if self._end is not None:
                if self._end.search(line, start):
                    self._leaf = _Leaf.NONE
                return True
            if text < len(line):
                return True
        elif text == len(line) or text - start >= _CODE_INDENT:
            return True
        self._leaf = _Leaf.NONE
        return False

    def _begin(self, line: str, start: int, depth: int, *, inside: bool) -> tuple[Place | None, int]:
        """The blocks that begin in the line behind the containers that it goes on with.

        While `inside` is false, deeper containers with a paragraph wait to see whether the line is its lazy
        continuation.
        """
        while True:
            text = _skip(line, start)
            if text == len(line):
                self._close(depth if not inside else len(self._open))
                self._leaf = _Leaf.NONE
                return None, text
            if text - start >= _CODE_INDENT:
                if self._leaf is _Leaf.PARAGRAPH:
                    return self._text(text)
                return self._add(_Leaf.CODE, Place.VERBATIM, text)
            here = inside and self._leaf is _Leaf.PARAGRAPH
            found = self._block(line, text, depth if not inside else len(self._open), here=here)
            if found is not None:
                return found
            marker = self._container(line, start, text, depth if not inside else len(self._open), here=here)
            if marker is None:
                return self._text(text)
            start, inside = marker, True

    def _block(self, line: str, text: int, depth: int, *, here: bool) -> tuple[Place | None, int] | None:
        """The block without children that begins here, or None."""
        mark = line[text]
        if mark == "#" and (match := _HEADING.match(line, text)):
            self._close(depth)
            return self._add(_Leaf.NONE, Place.QUOTED if self._quotes else Place.HEADING, match.end())
        if mark in "`~" and (match := _FENCE.match(line, text)):
            self._close(depth)
            self._fence = match[0]
            return self._add(_Leaf.FENCE, Place.VERBATIM, text)
        if mark == "<" and (end := self._html(line, text)) is not None:
            self._close(depth)
            return self._add(_Leaf.HTML if end else _Leaf.NONE, Place.VERBATIM, text)
        if here and mark in "=-" and _UNDERLINE.match(line, text):
            self._leaf = _Leaf.NONE
            return None, text
        if mark in "*-_" and _BREAK.match(line, text):
            self._close(depth)
            self._add(_Leaf.NONE, Place.TEXT, text)
            return None, text
        return None

    def _html(self, line: str, text: int) -> bool | None:
        """Whether the HTML block that begins here goes on behind the line; None where none begins."""
        for begin, end in _HTML:
            if begin.match(line, text):
                self._end = end
                return end is None or end.search(line, text) is None
        if self._leaf is not _Leaf.PARAGRAPH and _HTML_TAG.match(line, text):
            self._end = None
            return True
        return None

    def _container(self, line: str, start: int, text: int, depth: int, *, here: bool) -> int | None:
        """Open the quote or list item that begins here; where the text behind its marker begins, or None."""
        if depth >= MAX_NESTING:
            return None
        if line[text] == ">":
            self._push(_Container(0), depth)
            self._quotes += 1
            return text + 1 + (line[text + 1 : text + 2] == " ")
        match = _MARKER.match(line, text)
        if match is None:
            return None
        after = _skip(line, match.end())
        blank = after == len(line)
        if here and (blank or int(match["number"] or 1) != 1):
            return None  # neither an empty item nor a number in mid-list breaks into a paragraph
        gap = after - match.end()
        padding = gap if not blank and gap <= _CODE_INDENT else 1
        self._push(_Container(match.end() - start + padding, numbered=match["number"] is not None), depth)
        return min(match.end() + padding, len(line))

    def _text(self, text: int) -> tuple[Place, int]:
        """A line of a paragraph: the one that is open goes on, or one begins."""
        if self._leaf is _Leaf.PARAGRAPH:
            return Place.QUOTED if self._quotes else Place.TEXT, text
        item = self._open[-1] if self._open else None
        place = Place.TEXT
        if item is not None and item.width and item.empty:
            place = Place.NUMBERED if item.numbered else Place.ITEM
        return self._add(_Leaf.PARAGRAPH, Place.QUOTED if self._quotes else place, text)

    def _add(self, leaf: _Leaf, place: Place, text: int) -> tuple[Place, int]:
        self._leaf = leaf
        if self._open:
            self._open[-1].empty = False
        return place, text

    def _push(self, container: _Container, depth: int) -> None:
        self._close(depth)
        if self._open:
            self._open[-1].empty = False
        self._open.append(container)
        self._leaf = _Leaf.NONE

    def _close(self, depth: int) -> None:
        """Close all containers but the outermost `depth`, with what is in them."""
        if depth < len(self._open):
            self._quotes -= sum(not container.width for container in self._open[depth:])
            del self._open[depth:]
            self._leaf = _Leaf.NONE


def _skip(line: str, start: int) -> int:
    """Where the spaces that begin at `start` end."""
    match = _SPACES.match(line, start)
    return start if match is None else match.end()


def _offset(line: str, column: int) -> int:
    """The offset of a column in a line with tabs; of the tab itself where the column lies within one."""
    at = 0
    for offset, mark in enumerate(line):
        if at >= column:
            return offset
        at += _TAB - at % _TAB if mark == "\t" else 1
        if at > column:
            return offset
    return len(line)
