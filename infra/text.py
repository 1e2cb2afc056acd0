"""Text as people see it: characters that do not show, and letters that look like others."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Printable by Python's rule and yet nothing on the screen: Unicode's default ignorable letters and marks, and
# the blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# Letters and dashes that nobody tells from the plain ones that they stand under here, all lower case.
_DOUBLES: Final = {
    "-": "\u2013\u2014\u2010\u2011\u2212",
    "5": "\u01bd",
    "_": "\u02cd",
    "a": "\u0430\u0251\u03b1",
    "b": "\u0431",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u03b5",
    "g": "\u0261",
    "h": "\u04bb\u043d",
    "i": "\u0456\u0457\u03b9\u0131",
    "j": "\u0458",
    "k": "\u043a\u03ba",
    "l": "\u04cf",
    "m": "\u043c",
    "o": "\u043e\u03bf\u1d0f",
    "p": "\u0440\u03c1\u1d18",
    "q": "\u051b",
    "s": "\u0455",
    "t": "\u0442\u03c4\u1d1b",
    "u": "\u03c5",
    "v": "\u03bd",
    "w": "\u051d",
    "x": "\u0445\u03c7",
    "y": "\u0443",
}
_LOOK_ALIKES: Final = str.maketrans({double: plain for plain, doubles in _DOUBLES.items() for double in doubles})


def hidden(mark: str) -> bool:
    """Tell whether a character does not show: a control, a format mark, a space other than the plain one."""
    return not mark.isprintable() or _UNSEEN.match(mark) is not None


def is_plain(text: str) -> bool:
    """Tell whether every character of a text shows."""
    return text.isprintable() and (text.isascii() or _UNSEEN.search(text) is None)


def hidden_marks(text: str) -> str:
    """The characters of a text that do not show, as `U+200B, U+00A0`."""
    return ", ".join(dict.fromkeys(f"U+{ord(mark):04X}" for mark in text if hidden(mark)))


def folded(text: str) -> str:
    """A text as people read it, lower case: one form for each character, and Latin letters for their doubles."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold().translate(_LOOK_ALIKES)
