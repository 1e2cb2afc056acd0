"""Whatever a catalogue's texts are, parsing ends with problems that have places, and never with an exception."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.catalog.load import parse

TEXT = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")
LINES = TEXT.splitlines(keepends=True)
DATA = yaml.safe_load(TEXT)
_PLACE = re.compile(r"(x\.yaml(:\d+:\d+)?|catalogue)")

# A loaded machine is no mistake of the parser's.
untimed = settings(deadline=None)
many = settings(deadline=None, max_examples=300)

yaml_like = st.text(
    alphabet=st.sampled_from(list("abM9.-B1:,[]{}#&*!|>'\"%@`? \t\n\r\\~<=_\u2028\x85\ufeff\x07é\U0001d54f"))
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["M9.A", "M9A-B1"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def check(text: str) -> None:
    catalogue, problems = parse([("x.yaml", text)])
    assert (catalogue is None) == bool(problems)
    for problem in problems:
        assert _PLACE.fullmatch(problem.place), problem
        assert problem.fact
        assert problem.remedy
        if ":" in problem.place:
            _, line, _column = problem.place.split(":")
            assert 1 <= int(line) <= len(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)) + 1


@untimed
@given(st.text() | yaml_like | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_text(text: str) -> None:
    check(text)


@untimed
@given(st.data())
def test_the_good_catalogue_with_lines_lost_doubled_or_moved(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["lose", "double", "swap", "cut", "insert"])):
            case "lose":
                del lines[at]
            case "double":
                lines.insert(other, lines[at])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
            case _:
                lines.insert(at, data.draw(yaml_like))
    check("".join(lines))


@many
@given(st.data())
def test_the_good_catalogue_with_parts_replaced_by_anything(data: st.DataObject) -> None:
    document = copy.deepcopy(DATA)
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(list(_parts(document))))
        if data.draw(st.booleans()):
            holder[key] = data.draw(values)
        elif isinstance(holder, dict):
            holder[data.draw(st.text(max_size=8))] = holder.pop(key)
        else:
            del holder[key]
    check(json.dumps(document))


def _parts(value: Any) -> Any:
    """Every place of a document: the container and the key or position in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _parts(inner)


@untimed
@given(st.permutations(LINES))
def test_the_good_catalogue_in_any_order_of_lines(lines: list[str]) -> None:
    check("".join(lines))
