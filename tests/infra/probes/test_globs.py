"""Patterns are compared exactly: on small alphabets, every answer agrees with trying every text."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.probes.globs import ComplexityError, covers, matches, overlap, parse, uncovered

untimed = settings(deadline=None)

patterns = st.text(alphabet="ab*?", max_size=5)
TEXTS = ["".join(letters) for length in range(6) for letters in product("abz", repeat=length)]


def by_regex(pattern: str, text: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(sign) or re.escape(sign) for sign in pattern), text, re.DOTALL) is not None


@untimed
@given(pattern=patterns, text=st.text(alphabet="abz", max_size=7))
def test_matching_agrees_with_regular_expressions(pattern: str, text: str) -> None:
    assert matches(parse(pattern), text) == by_regex(pattern, text)


@untimed
@given(outers=st.lists(patterns, max_size=3), inner=patterns)
def test_what_is_covered_has_no_counterexample_and_what_is_not_has_one(outers: list[str], inner: str) -> None:
    witness = uncovered([parse(outer) for outer in outers], parse(inner))
    if witness is None:
        for text in TEXTS:
            if by_regex(inner, text):
                assert any(by_regex(outer, text) for outer in outers), text
    else:
        assert by_regex(inner, witness)
        assert not any(by_regex(outer, witness) for outer in outers)


@untimed
@given(left=patterns, right=patterns)
def test_patterns_overlap_where_one_text_fits_both(left: str, right: str) -> None:
    shared = any(by_regex(left, text) and by_regex(right, text) for text in TEXTS)
    assert overlap(parse(left), parse(right)) >= shared
    assert overlap(parse(left), parse(right)) == overlap(parse(right), parse(left))
    if len(left) + len(right) <= 5:  # then a text that both fit, if there is one, is among those tried
        assert overlap(parse(left), parse(right)) == shared


@untimed
@given(pattern=patterns)
def test_every_pattern_covers_and_overlaps_itself_and_a_star_covers_all(pattern: str) -> None:
    glob = parse(pattern)
    assert covers([glob], glob)
    assert covers([parse("*")], glob)
    assert overlap(glob, glob)
    assert not covers([], glob)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("?*", "*?", True),
        ("*", "a?b", True),
        ("a*", "*", False),
        ("ssm:get*", "ssm:getparameter", True),
        ("ssm:getparameter", "ssm:get*", False),
        ("arn:aws:ssm:eu-west-2:1:parameter/fp/*", "arn:aws:ssm:eu-west-2:1:parameter/fp/a/b", True),
        ("arn:aws:ssm:eu-west-2:1:parameter/fp/*", "arn:aws:ssm:*:1:parameter/fp/a", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
    ],
)
def test_policies_patterns_are_compared_as_iam_reads_them(outer: str, inner: str, expected: bool) -> None:
    assert covers([parse(outer)], parse(inner)) is expected


def test_several_patterns_may_cover_together() -> None:
    assert covers([parse("a*"), parse("b*"), parse("?*"), parse("")], parse("*"))
    assert not covers([parse("a*"), parse("")], parse("*"))


def test_patterns_made_to_be_hard_are_not_covered() -> None:
    hard = parse("*a" + "?" * 24)
    inner = parse("*b*a*" + "?" * 20)
    with pytest.raises(ComplexityError):
        uncovered([hard], inner)
    assert not covers([hard], inner)
