"""The names in `-m`, looked at before anything is collected: a gate that nobody knows would select nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from phasegate.catalog.model import Catalogue
from phasegate.catalog.near import near
from phasegate.errors import Problem, SettingsError

_VALUES: Final = re.compile(r"""'[^']*'|"[^"]*"|\w+\s*=\s*\w*""")
"""What stands in the brackets behind a marker's name: `code='M4A-B1'`."""
_NAMES: Final = re.compile(r"[\w:+\-.\[\]\\/]+")
_WORDS: Final = frozenset({"and", "or", "not", "True", "False", "None"})


def refuse_unknown_gates(config: pytest.Config, catalogue: Catalogue) -> None:
    """Makes sure that what looks like a gate in `-m` is a marker that some test may have.

    Raises:
        SettingsError: Some are none; each is named with the one that is meant most likely.
    """
    known = {re.split(r"[:(]", line)[0].strip() for line in config.getini("markers")}
    of_gates = list(dict.fromkeys(marker for gate in catalogue.gates.values() for marker in gate.markers))
    meant = re.compile("|".join(map(_like, catalogue.phases)), re.IGNORECASE)
    problems = [
        Problem(
            f"{name!r} is no gate and no phase of the catalogue",
            f"-m {config.option.markexpr!r}",
            near(name.lower().replace(".", ""), of_gates, f"name one of {', '.join(of_gates[:20])}"),
        )
        for name in dict.fromkeys(_names(config.option.markexpr))
        if meant.fullmatch(name) and name not in known
    ]
    if problems:
        raise SettingsError(problems)


def _like(phase: str) -> str:
    """What somebody writes who means a phase or a gate of its numbering, right or not: `m4z`, `M4.A`, `m4_a`."""
    letters = phase.rstrip("0123456789")
    if letters == phase:
        return rf"{phase}[^a-z\d]?(\d[a-z\d]{{0,3}})?"
    return rf"{letters}\d+[^a-z\d]?([a-z]{{1,2}}\d?)?"


def _names(expression: str) -> Iterator[str]:
    return (name for name in _NAMES.findall(_VALUES.sub("", expression)) if name not in _WORDS)
