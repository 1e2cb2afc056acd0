"""Canonical JSON: the same facts, the same bytes; what JSON cannot carry is named with its place."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import canonical, sha256

SAFE = 2**53 - 1
values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(-1e15, 1e15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def encodable(value) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@given(values.filter(encodable))
def test_parsing_canonical_json_gives_the_value_back(value) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(max_size=5).filter(encodable), st.integers(0, 9), min_size=2), st.randoms())
def test_the_order_of_keys_does_not_matter(mapping, random) -> None:
    shuffled = dict(random.sample(list(mapping.items()), len(mapping)))
    assert canonical(shuffled) == canonical(mapping)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, {"b": object()}]}, r"p\.a\[1\]\.b"),
        ({"a": math.nan}, r"p\.a"),
        ({"a": {"b": math.inf}}, r"p\.a\.b"),
        ({"a": 2**60}, r"p\.a"),
        ({"a": {3: 1}}, r"p\.a\.3"),
        (["\ud800"], r"p\[0\]"),
    ],
)
def test_what_json_cannot_carry_is_named_with_its_place(value, place) -> None:
    with pytest.raises(EvidenceError, match=place):
        canonical(value, name="p")


def test_the_digest_is_lower_case_hex() -> None:
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
