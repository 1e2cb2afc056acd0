"""Keeps what a service says on one short line, without anything that must stay secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LIMIT: Final = 300
"""How many characters a detail may have."""

MARKUP: Final = "(a page of markup)"
HIDDEN: Final = "(hidden)"

_MARKUP_START: Final = re.compile(r"<\s*(!doctype|html|head|body|\?xml)", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(
    r"((?:Credential|Signature|SignedHeaders|X-Amz-[A-Za-z-]+|Authorization|AWSAccessKeyId|Token)\s*[=:]\s*['\"]?)[^\s,&'\"]+",
    re.IGNORECASE,
)


def one_line(text: str, secrets: Iterable[tuple[str, str]] = ()) -> str:
    """A text on one line, shortened, without credentials, without given secrets, without pages of markup.

    Args:
        text: Any text, such as an error message of a service.
        secrets: Pairs of name and value; a value is replaced by its name.
    """
    markup = _MARKUP_START.search(text)
    if markup is not None:
        text = f"{text[: markup.start()]}{MARKUP}"
    pairs = sorted(secrets, key=lambda pair: len(pair[1]), reverse=True)
    text = " ".join(_CREDENTIALS.sub(rf"\1{HIDDEN}", _without(text, pairs)).split())
    text = _without(text, pairs)  # joining lines may have put one together
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 1]}…"


def _without(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The text without given values, the longest first, so that one within another leaves nothing of it behind."""
    for name, value in pairs:
        if value:
            text = text.replace(value, f"({name})")
    return text
