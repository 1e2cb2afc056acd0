"""Every figure of the reference priors stands in the packs, under the words that it belongs to."""

import json
from pathlib import Path

import pytest
import yaml

from engine.config import PACKS

FIGURES = json.loads((Path(__file__).parent / "figures.json").read_text())


def leaves(node, words=frozenset()):
    """(words on the way, number) of every number in a pack."""
    if isinstance(node, dict):
        beside = {value for value in node.values() if isinstance(value, str)}
        for key, value in node.items():
            yield from leaves(value, words | beside | {str(key)})
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, words)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield words, float(node)


@pytest.fixture(scope="module")
def found():
    by_number = {}
    for path in sorted(PACKS.rglob("*.yaml")):
        for words, number in leaves(yaml.safe_load(path.read_text())):
            by_number.setdefault(number, []).append(words)
    return by_number


def missing(figures, found):
    return [
        (words, number)
        for words, numbers in figures.items()
        for number in numbers
        if not any(set(words.split()) <= where for where in found.get(float(number), ()))
    ]


def test_every_reference_figure_stands_in_a_pack(found):
    assert sum(map(len, FIGURES.values())) > 1800
    assert missing(FIGURES, found) == []


def test_a_figure_that_changed_is_noticed(found):
    assert missing({"RETAIL_CURRENT_BASIC K_max": [7]}, found) == [("RETAIL_CURRENT_BASIC K_max", 7)]
