"""The block scanner finds the list items and headings that a full Markdown parser shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from infra.handles.blocks import MAX_NESTING, Place, read_blocks
from infra.handles.lines import split_lines
from tests.infra.handles.documents import UNHURRIED

MARKDOWN = MarkdownIt("commonmark").disable("reference")

HEADS = ("", "", "", " ", "  ", "   ", "    ", "      ", "\t", " \t", "> ", ">", ">\t", "  > ")
MARKS = (
    "", "", "* ", "- ", "+ ", "*", "-", "1. ", "1) ", "2. ", "10. ", "1234567890. ", "*\t", "*  ", "*     ", "* * ",
    "1.\t", "* > ", "> * ", "*\u00a0", "- [ ] ",
)  # fmt: skip
BODIES = (
    "`A = 1`", "`A = 1`", "`A = 1` note", "text", "", " ", "# heading", "#no heading", "####### seven", "#", "## ",
    "```", "```` ", "~~~", "``` python", "``` a`b", "`````", "<!-- comment -->", "<!--", "-->", "<div>", "</div>",
    "<div", "<span>", "<span> text", "<a href='x' b=c>", "<script>", "</script>", "<?php", "?>", "<!DOCTYPE x", ">",
    "<![CDATA[", "]]>", "---", "***", "* * *", "- - -", "___", "===", "=", "--", "-", "text <!-- within", "\\* `A = 1`",
    "``A = 1``", "```A = 1```",
)  # fmt: skip
DEEP = re.compile(r"(?: {4}|\t)\s*(?:[*+-]|[0-9]+[.)])(?:\s|$)")
MIDWAY = re.compile(r"\s*(?!1[.)])[0-9]+[.)]")
documents = st.lists(
    st.builds("{}{}{}".format, st.sampled_from(HEADS), st.sampled_from(MARKS), st.sampled_from(BODIES))
    | st.text(" \t*->+#`~<1.)=a", max_size=8),
    max_size=12,
).map("\n".join)


def told(text: str) -> dict[int, Place]:
    """The items, headings and fenced lines that the scanner finds, by line."""
    lines = [line for line, _ in split_lines(text)]
    wanted = (Place.ITEM, Place.NUMBERED, Place.HEADING)
    found = enumerate(place for place, _ in read_blocks(lines))
    return {number: place for number, place in found if place in wanted}


def shown(text: str) -> dict[int, Place]:
    """The same as the full parser has them."""
    found: dict[int, Place] = {}
    quotes, numbered, fresh = 0, [], False
    for token in MARKDOWN.parse(text):
        if token.type in {"blockquote_open", "blockquote_close"}:
            quotes += token.nesting
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            numbered.append(token.type == "ordered_list_open")
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            numbered.pop()
        underlined = token.type == "heading_open" and token.markup in {"=", "-"}
        if token.type == "heading_open" and not underlined and not quotes:
            found[token.map[0]] = Place.HEADING
        elif (token.type == "paragraph_open" or underlined) and fresh and not quotes:
            found[token.map[0]] = Place.NUMBERED if numbered[-1] else Place.ITEM
        fresh = token.type == "list_item_open"
    return found


@given(documents)
@settings(UNHURRIED, max_examples=400)
@example("* a\n\n      * `A = 1`\n")
@example("1. a\n   2. b\n")
@example("*\n  `A = 1`\n*\n\n  `A = 1`\n")
def test_items_and_headings_are_those_that_a_markdown_parser_shows(text: str) -> None:
    lines = [line for line, _ in split_lines(text)]
    # Behind a marker that goes on with a paragraph, indented too far for an item, the other parser loses the item
    # that CommonMark has.
    lazy = (
        place is Place.TEXT and DEEP.match(line) for line, (place, _) in zip(lines, read_blocks(lines), strict=True)
    )
    assume(not any(lazy))
    # A quotation goes on lazily: whether a number other than 1 ends it, readers of CommonMark do not agree upon.
    assume(">" not in text or not any(MIDWAY.match(line) for line in lines))
    try:
        wanted = shown(text)
    except IndexError:  # the other parser's own fault, at the end of a quotation with HTML in it
        reject()
    assert told(text) == wanted


@pytest.mark.parametrize("mark", ["* ", "> ", "1. ", "> * "])
def test_nesting_without_end_takes_no_more_than_its_lines(mark: str) -> None:
    places = [place for place, _ in read_blocks([mark * 5_000 + "`A = 1`", *[" " * 50] * 100, "* `B = 1`"])]
    assert places[-1] is Place.ITEM
    assert [place for place, _ in read_blocks(["* " * (MAX_NESTING - 1) + "`A = 1`"])] == [Place.ITEM]
