"""What comes from outside reaches no terminal as a command, and no encoding ends in a traceback."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.errors import Problem
from phasegate.printable import in_one_line, printable, say, say_json, shown_streams

ESCAPES = "\x1b[2J\x1b[H\x1b]0;title\x07\x9b31m\x1b[8m\r\x08\x7f\u202e\u200b\u2028\x85\ud800"


@given(st.text(st.characters()))
def test_a_printable_text_holds_nothing_that_a_terminal_obeys_and_a_line_is_one_line(text) -> None:
    assert all(mark.isprintable() or mark in "\n\t" for mark in printable(text))
    assert len(in_one_line(text).splitlines()) <= 1
    assert printable(printable(text)) == printable(text)


def test_what_is_printable_stays_and_what_is_not_can_be_read_as_an_escape() -> None:
    assert printable("ADVANCE — gröne Wiese 🙂\n\tdetail") == "ADVANCE — gröne Wiese 🙂\n\tdetail"
    assert printable("\x1b[2J9 of 9 gates advance") == r"\x1b[2J9 of 9 gates advance"
    assert in_one_line("a\r\nb\n\n\u2028c") == "a b c"
    assert str(Problem("a\nb\x1b[H", "p\nq", "r\x07")) == "p q: a\n    b\\x1b[H\n    remedy: r\\x07"


def test_only_colours_that_hide_nothing_stay_where_colours_may() -> None:
    coloured = "\x1b[32mgreen\x1b[0m \x1b[1;31mred\x1b[39m\x1b[m"
    assert printable(coloured, colours=True) == coloured
    for hiding in (
        "\x1b[8m",
        "\x1b[1;8m",
        "\x1b[30m",
        "\x1b[40m",
        "\x1b[38;5;0m",
        "\x1b[2J",
        "\x1b[31",
        "\x1b]8;;x\x07",
    ):
        assert "\x1b" not in printable(f"{hiding}x", colours=True)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_whatever_is_printed_fits_the_encoding_of_the_stream_and_commands_no_terminal(monkeypatch, encoding) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    with shown_streams():
        say(f"{ESCAPES} größer → 🙂")
        print(f"{ESCAPES} past the door → 🙂")
        say_json({"é": ESCAPES})
    said = raw.getvalue().decode(encoding)
    assert said.replace("\n", "").isprintable()
    assert said.count("\n") == 5
