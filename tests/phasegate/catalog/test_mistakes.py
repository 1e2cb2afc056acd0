"""Every file in `bad/` has the mistakes that its `#!` comments name, in the lines where they stand, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from phasegate.catalog.load import parse

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
_PLACE = re.compile(r"(?P<name>.+\.yaml):(?P<line>\d+):(?P<column>\d+)")


def expected_findings(text: str) -> list[tuple[int, str]]:
    """Line and fact of each mistake that the `#!` comments announce."""
    return [
        (number, fact.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        for fact in line.split("#!")[1:]
    ]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_bad_catalogue_has_exactly_its_mistakes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = expected_findings(text)
    catalogue, problems = parse([(path.name, text)])
    assert catalogue is None
    found = []
    for problem in problems:
        place = _PLACE.fullmatch(problem.place)
        assert place is not None, problem
        assert problem.remedy
        found.append((int(place["line"]), problem.fact))
    left = list(found)
    for line, fact in expected:
        match = next((entry for entry in left if entry[0] == line and fact in entry[1]), None)
        assert match is not None, f"line {line}: {fact}\nfound: {found}"
        left.remove(match)
    assert not left


def test_ten_mistakes_at_once_are_ten_problems() -> None:
    text = (Path(__file__).parent / "bad" / "ten_mistakes.yaml").read_text(encoding="utf-8")
    _, problems = parse([("ten_mistakes.yaml", text)])
    assert len(problems) == len(expected_findings(text)) == 10


def test_mistakes_of_all_documents_are_listed_in_reading_order() -> None:
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in BAD]
    _, problems = parse(texts)
    places = [_PLACE.fullmatch(problem.place) for problem in problems]
    order = [path.name for path in BAD]
    keys = [(order.index(place["name"]), int(place["line"]), int(place["column"])) for place in places if place]
    assert len(keys) == len(problems)
    assert keys == sorted(keys)
    assert {key[0] for key in keys} == set(range(len(BAD)))
