"""Placeholders: texts that stand where a value is still to come; the list of them is `placeholders.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from infra.text import folded

LIST: Final = Path(__file__).with_name("placeholders.toml")

_ANGLES = re.compile(r"<[^<>]*+>")
_TO_PIN: Final = frozenset({"to_pin", "to-pin", "to pin"})


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The words of the list, as patterns over lower-case text.

    Attributes:
        parts: Finds a word that makes a text a placeholder wherever it stands.
        words: Finds one that does so where it is a word of its own.
        whole: The texts that are placeholders as a whole; those of the other two as well.
    """

    parts: re.Pattern[str]
    words: re.Pattern[str]
    whole: frozenset[str]


def stand_in(text: str) -> str | None:
    """What makes a text a placeholder: the listed word, `to_pin` however it is spelt, or a mark such as `<arn>`."""
    listed = load_list()
    lowered = folded(text).strip()
    found = lowered if lowered in listed.whole else None
    match = listed.parts.search(lowered) or listed.words.search(lowered)
    if found is None and match is not None:
        found = match[0]
    if found is None and "<" in text:
        mark = _ANGLES.search(text)
        return mark[0] if mark is not None else None
    return "to_pin" if found in _TO_PIN else found


def is_stand_in(text: str) -> bool:
    """Tell whether a text as a whole is a placeholder; a secret may have any of the words within it."""
    bare = folded(text).strip()
    return bare in load_list().whole or (bare.startswith("<") and bare.endswith(">"))


@cache
def load_list(path: Path = LIST) -> Placeholders:
    """The list of a file; read once."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    parts, words, whole = (frozenset(map(folded, table[key])) for key in ("anywhere", "words", "whole"))
    return Placeholders(
        parts=re.compile(_either(parts)),
        words=re.compile(rf"(?<![a-z0-9])(?:{_either(words)})(?![a-z0-9])"),
        whole=parts | words | whole,
    )


def _either(words: frozenset[str]) -> str:
    return "|".join(map(re.escape, sorted(words))) or "(?!)"  # no words: nothing matches
