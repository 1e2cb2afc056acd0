"""Text as a terminal may show it: what would command the terminal, hide, or not be encoded, is written as an escape.

Files, names, reasons and details come from outside. Raw on a terminal, an escape sequence in one of them could move
the cursor, clear the screen, or paint a verdict that nobody gave.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO, cast

_COLOUR = re.compile(r"(\x1b\[(?:(?:0|1|2|3|4|22|23|24|39|3[1-7]|9[1-7])(?:;(?=\d)|(?=m)))*m)")
"""Sequences that colour or weigh text, and cannot hide it: what pytest and rich write."""


def printable(text: str, *, colours: bool = False) -> str:
    """A text of one or more lines that no terminal obeys: what is not printable is written as an escape.

    Args:
        text: Any text; line ends and tabs stay.
        colours: Whether sequences that only colour stay as well.
    """
    if text.isprintable():
        return text
    if colours:
        return "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(text))
    return "".join(mark if mark.isprintable() or mark in "\n\t" else ascii(mark)[1:-1] for mark in text)


def in_one_line(text: str) -> str:
    """A text on one line, for names and reasons: a line of its own could pass for one of ours."""
    return printable(" ".join(part for part in re.split(r"[\r\n\v\f\x85\u2028\u2029]+", text) if part))


def text_of(error: BaseException | str) -> str:
    """What an error says; an exception whose text cannot be made is no reason to lose it."""
    try:
        return "" + str(error)  # a plain text, whatever kind of text its author's __str__ makes
    except KeyboardInterrupt:
        raise
    except BaseException as failure:  # noqa: BLE001 - nor does it matter what __str__ raises
        return f"{type(error).__name__}, whose text raises {type(failure).__name__}"


def say(text: str = "", *, err: bool = False) -> None:
    """Prints a text to the standard output, or the standard error, as a terminal may show it."""
    print(printable(text), file=sys.stderr if err else sys.stdout)


def say_json(data: object) -> None:
    """Prints JSON for machines; it is printable and nothing but ASCII, with every other character escaped."""
    print(json.dumps(data, indent=2).replace("\x7f", "\\u007f"))  # noqa: T201 - what was asked for


@contextmanager
def shown_streams() -> Iterator[None]:
    """Lets nothing reach the standard streams that a terminal would obey, or that they cannot encode.

    What is printed past `say`, by a command of the project say, is covered too; colours stay.
    """
    before = sys.stdout, sys.stderr
    with ExitStack() as stack:
        # A stream that the caller closed is None: what goes there, nobody wants.
        streams = (stream or stack.enter_context(Path(os.devnull).open("w", encoding="utf-8")) for stream in before)
        sys.stdout, sys.stderr = (cast("TextIO", _Shown(stream)) for stream in streams)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


class _Shown:
    """A text stream that escapes what its terminal would obey or cannot show."""

    errors = "backslashreplace"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding or "utf-8"
        self._colours = stream.isatty() or "FORCE_COLOR" in os.environ

    def write(self, text: str) -> int:
        shown = printable(text, colours=self._colours)
        self._stream.write(shown.encode(self.encoding, self.errors).decode(self.encoding))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()
