"""Any registry of the grammar is read whole; any other text does no harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import RegistryError
from infra.handles import Registry, parse
from infra.handles.blocks import Place, read_blocks
from infra.handles.lines import split_lines
from tests.infra.handles.documents import UNHURRIED, Document, check, from_seed, generate

# The pattern that the grammar is documented with.
DOCUMENTED = re.compile(
    r"^\*[ \t]+`(?P<name>[A-Z][A-Z0-9_]*)(?:[ \t]+=[ \t]+(?P<value>[^`]*))?`(?P<note>(?!`).*)$", re.DOTALL
)

documents = st.randoms(use_true_random=False).map(generate)
near_misses = st.lists(
    st.sampled_from(
        [
            "* ",
            "*",
            "* `",
            "`",
            "NAME",
            "OTHER_1",
            " = ",
            "=",
            '"',
            "text",
            "TO_PIN",
            "{",
            "}",
            "{a}",
            "[",
            "]",
            "5",
            ",",
        ]
    )
    | st.sampled_from(["#", "1. ", "/x", "\\", "<", ">", "\r\n"])
    | st.sampled_from("\n \r \t\x0b\x1c\x85\u2028\u00a0\ufeff"),
    max_size=60,
).map("".join)


@given(documents)
@UNHURRIED
def test_every_handle_of_a_generated_registry_is_found_with_its_value_line_and_section(document: Document) -> None:
    check(document)


@pytest.mark.parametrize("first_seed", [0, 100])
def test_seeded_documents_are_read_as_they_were_meant(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 100):
        check(from_seed(seed))


def test_a_seed_gives_the_same_document_always() -> None:
    assert from_seed(7).text == from_seed(7).text


@given(st.text() | near_misses)
@settings(UNHURRIED, max_examples=300)
def test_any_text_gives_a_registry(text: str) -> None:
    registry = parse(text, "any.md")
    assert all(handle.resolved or handle.value is None for handle in registry.handles)


@given(near_misses)
@settings(UNHURRIED, max_examples=300)
def test_no_handle_that_the_documented_pattern_sees_is_lost(text: str) -> None:
    lines = [line for line, _ in split_lines(text)]
    registry = parse(text, "any.md")
    for line, (place, _) in zip(lines, read_blocks(lines), strict=True):
        match = DOCUMENTED.match(line)
        if match is None or place in {Place.VERBATIM, Place.QUOTED, None}:
            continue
        handle = registry.get(match["name"])
        assert handle is not None
        assert handle.raw is not None or match["value"] is None
        if match["value"] is not None and handle.name not in registry.duplicates and handle.form != "contradiction":
            assert handle.raw == match["value"].strip(" \t")


@given(st.binary(max_size=200) | documents.map(lambda document: document.text.encode()))
@UNHURRIED
def test_any_bytes_on_disk_give_a_registry_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    from infra.handles import load  # noqa: PLC0415 - beside its one use

    path = Path(tmp_path_factory.getbasetemp()) / "any.md"
    path.write_bytes(data)
    try:
        assert isinstance(load(path), Registry)
    except RegistryError as error:
        assert error.problems  # noqa: PT017
