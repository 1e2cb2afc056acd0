"""Canonical JSON: the same facts, the same bytes; what JSON cannot carry is named with its place."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import canonical, encodable, parsed, sha256
from phasegate.evidence.content import is_intact, sealed

SAFE = 2**53 - 1
values = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(-1e15, 1e15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def encodable_value(value) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@given(values.filter(encodable_value))
def test_parsing_canonical_json_gives_the_value_back(value) -> None:
    assert parsed(canonical(value)) == json.loads(canonical(value)) == value


@given(values.filter(encodable_value) | st.floats(allow_nan=False, allow_infinity=False))
def test_what_was_parsed_gives_the_same_bytes_again(value) -> None:
    assert canonical(parsed(canonical(value))) == canonical(value)


@given(
    values.filter(encodable_value)
    | st.dictionaries(st.text('ab~\\"\x7f\x00/', max_size=3), values.filter(encodable_value))
)
def test_the_bytes_are_those_of_the_reference(value) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [{1: "a"}, {None: 1}, {True: 1}, [{"a": {2.0: 1}}], {1: 1, "1": 2}, [SAFE + 1], float("nan")]
)
def test_what_python_writes_and_json_does_not_have_is_refused(value) -> None:
    with pytest.raises(EvidenceError):
        canonical(value)


@pytest.mark.parametrize("text", [b"9007199254740993", b"-12345678901234567890123", b"1" * 5_000, b"1e999", b"NaN"])
def test_numbers_that_no_double_is_do_not_come_back_as_they_were(text) -> None:
    try:
        again = canonical(parsed(text))
    except EvidenceError:
        return
    assert again != text


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_value_error(text) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of its kinds
        parsed(text)


@given(st.dictionaries(st.text(max_size=5).filter(encodable_value), st.integers(0, 9), min_size=2), st.randoms())
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


def test_what_holds_itself_or_is_nested_without_end_is_refused_in_words() -> None:
    circle: list[object] = []
    circle.append(circle)
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    for value in (circle, deep):
        with pytest.raises(EvidenceError, match="nested too deeply, or holds itself"):
            canonical(value)


@pytest.mark.parametrize("levels", [100, 400, 600, 900, 5_000])
def test_what_json_cannot_carry_is_refused_at_any_depth(levels) -> None:
    deep: object = "\ud800"
    for level in range(levels):
        deep = [deep] if level % 2 else {"a": deep}
    with pytest.raises(EvidenceError, match="is not JSON"):
        canonical(deep)


def test_the_place_is_found_beside_what_holds_itself() -> None:
    circle: dict[str, object] = {}
    circle |= {"b": circle, "a": math.nan}
    with pytest.raises(EvidenceError, match=r"p\.a"):
        canonical(circle, name="p")


@given(st.text(), st.integers(0xD800, 0xDFFF))
def test_any_text_can_be_made_encodable_and_stays_as_it_is_where_it_was(text, half) -> None:
    assert canonical(encodable(text + chr(half)))
    if encodable_already(text):
        assert encodable(text) == text


def encodable_already(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


documents = st.dictionaries(st.text(max_size=4).filter(encodable_already), values.filter(encodable_value), max_size=4)


@given(documents)
def test_a_sealed_document_is_canonical_and_intact(document) -> None:
    data = sealed({**document, "zzz": 0}, name="document")
    parsed = json.loads(data)
    assert canonical(parsed) == data
    assert is_intact(parsed, data)
    assert parsed.pop("content") == {"sha256": sha256(canonical(parsed))}


@given(documents, documents)
def test_an_edit_that_keeps_the_digest_is_found(document, edit) -> None:
    parsed = json.loads(sealed({**document, "zzz": 0}, name="document"))
    edited = {**parsed, **edit, "content": parsed["content"]}
    data = canonical(edited)
    assert is_intact(edited, data) == (edited == parsed and data == canonical(parsed))


@pytest.mark.parametrize("content", [None, "x", {}, {"sha256": None}, {"sha256": ""}, {"sha256": "0" * 64}, [1]])
def test_a_content_field_of_another_form_is_not_intact(content) -> None:
    document = {"a": 1, "content": content, "z": 1}
    assert not is_intact(document, canonical(document))
