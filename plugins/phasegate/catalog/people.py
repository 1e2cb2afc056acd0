"""Names of people, compared as people read them; and words that are no more than a form filled in.

The rule for a name: every character shows; it has a letter; its letters are of one script, and of those that names
are written in. Two names that stand beside each other, author and approver, are of one script together, since letters
of two scripts can look alike. They are the same where nothing but case, accents, spaces, punctuation, and letters
that are easily taken for one another (`l`, `I` and `1`, `O` and `0`, `rn` and `m`, `vv` and `w`) differs.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Printable by Python's rule and yet nothing on the screen: default ignorable letters and marks, the Braille blank.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_EAST_ASIAN: Final = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"}
)
# Latin letters of phonetic alphabets look like the plain ones and stand in no name.
_PHONETIC = re.compile("[\u01c0-\u01c3\u0250-\u02ff\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]")
_ALIKE: Final = str.maketrans({"i": "l", "1": "l", "|": "l", "\u0131": "l", "0": "o"})
_ALIKE_PAIRS: Final = (("rn", "m"), ("vv", "w"))

_LEAST_LETTERS: Final = 10
_LEAST_DIFFERENT: Final = 5


def name_flaw(name: str) -> str:
    """What is wrong with a person's name, as a clause about it; empty where nothing is."""
    if flaw := unshown(name):
        return flaw
    plain = unicodedata.normalize("NFKC", name)
    scripts = _scripts(plain)
    if not scripts:
        return "has no letter, so it names nobody"
    if len(scripts) > 1:
        return f"mixes letters of {' and '.join(sorted(scripts))}, which can look alike"
    if _PHONETIC.search(plain):
        return "has letters of a phonetic alphabet, which look like others"
    return ""


def pair_flaw(author: str, approver: str) -> str:
    """Why two names do not surely mean two people, as a clause about the second; empty where they do."""
    if _folded(author) == _folded(approver):
        return "approves a waiver of their own"
    scripts = _scripts(unicodedata.normalize("NFKC", author + approver))
    if len(scripts) > 1:
        return (
            f"is of another script than the author ({' and '.join(sorted(scripts))}); letters of the two can look alike"
        )
    return ""


def reason_flaw(reason: str) -> str:
    """What is wrong with a reason, as a clause about it; empty where nothing is."""
    if flaw := unshown(reason.replace("\n", " ")):
        return flaw
    letters = [mark for mark in reason.casefold() if mark.isalnum()]
    if len(letters) < _LEAST_LETTERS or len(set(letters)) < _LEAST_DIFFERENT:
        return "does not say why"
    return ""


def unshown(text: str) -> str:
    """Which characters of a text do not show, as a clause about it; empty where all do."""
    hidden = [mark for mark in text if not mark.isprintable() or _UNSEEN.match(mark)]
    if not hidden:
        return ""
    return f"has {', '.join(dict.fromkeys(f'U+{ord(mark):04X}' for mark in hidden))}, which does not show"


def _folded(name: str) -> str:
    """What of a name tells people apart."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    folded = "".join(mark for mark in plain if mark.isalnum() or mark == "|").translate(_ALIKE)
    for pair, single in _ALIKE_PAIRS:
        folded = folded.replace(pair, single)
    return folded


def _scripts(text: str) -> set[str]:
    """The scripts of a text's letters; those that are written together in East Asia are one."""
    names = {unicodedata.name(mark, "an unknown script").split()[0] for mark in text if mark.isalpha()}
    return {"EAST ASIAN" if name in _EAST_ASIAN else name for name in names}
