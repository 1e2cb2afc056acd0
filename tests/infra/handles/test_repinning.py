"""A repin changes the value and the annotation of the named lines, and not one byte else."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import RegistryError
from infra.handles import load, parse, repin, repin_file
from infra.handles.lines import HandleLine, read_lines, split_lines
from tests.infra.handles.documents import UNHURRIED, Document, generate, make_value

KINDS = ("string", "integer", "decimal", "boolean", "list", "object")

texts = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1)
items = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(texts, inner, min_size=1),
    max_leaves=6,
)


@st.composite
def repins(draw: st.DrawFn) -> tuple[Document, dict[str, Any]]:
    """A document and new values for some of its handles."""
    source = draw(st.randoms(use_true_random=False))
    document = generate(source)
    values = {
        name: make_value(source, source.choice(KINDS))[0] for name in document.handles if draw(st.integers(0, 2)) == 0
    }
    return document, values


def changeable(document: Document, values: dict[str, Any]) -> dict[str, Any]:
    """The values whose lines are not too broken to change."""
    broken = {
        item.name for _, _, item in read_lines(document.text) if isinstance(item, HandleLine) and item.close is None
    }
    return {name: value for name, value in values.items() if name not in broken}


@given(repins())
@UNHURRIED
def test_only_the_lines_of_the_named_handles_change(case: tuple[Document, dict[str, Any]]) -> None:
    document, values = case
    values = changeable(document, values)
    after = repin(document.text, values, "in M4.D remediation")

    lines_of_named = {line for name in values for line in document.duplicates.get(name, (document.handles[name].line,))}
    before_lines, after_lines = list(split_lines(document.text)), list(split_lines(after))
    assert len(before_lines) == len(after_lines)
    for number, (old, new) in enumerate(zip(before_lines, after_lines, strict=True), start=1):
        assert old[1] == new[1]
        if number not in lines_of_named:
            assert old == new
        elif old != new:
            assert new[0].count("(repinned in M4.D remediation)") == 1

    old, new = parse(document.text, "r.md"), parse(after, "r.md")
    assert list(new) == list(old)
    for name in old:
        wanted = values[name] if name in values else old[name].value
        assert json.dumps(new[name].value) == json.dumps(wanted)


@given(repins())
@UNHURRIED
def test_repinning_again_changes_nothing_more(case: tuple[Document, dict[str, Any]]) -> None:
    document, values = case
    values = changeable(document, values)
    once = repin(document.text, values, "in M4.D remediation")
    assert repin(once, values, "another time") == once


@given(items | st.recursive(st.text(min_size=1), lambda inner: st.lists(inner, min_size=1), max_leaves=4))
@UNHURRIED
def test_a_value_comes_back_as_it_was_given_or_is_refused(value: Any) -> None:
    try:
        after = repin("* `NAME`\n", {"NAME": value}, "by hand")
    except RegistryError as error:
        assert error.problems[0].fact.startswith("the new value of NAME ")  # noqa: PT017
        return
    assert json.dumps(parse(after, "r.md")["NAME"].value) == json.dumps(value)
    assert len(after.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        ('* `A_B = "old"`', "new", '* `A_B = "new"` (repinned in M4.D)'),
        ('*   `A_B  =  "old" `  note  ', "new", '*   `A_B  =  "new" `  note (repinned in M4.D)  '),
        ('* `A_B = "old"` (materialized in M2.E)', "new", '* `A_B = "new"` (materialized in M2.E) (repinned in M4.D)'),
        ('* `A_B = "old"` (repinned in M4.C) -> `x`', "new", '* `A_B = "new"` (repinned in M4.D) -> `x`'),
        ('* `A_B = "old"` (repinned (twice) in M4.C)', "new", '* `A_B = "new"` (repinned in M4.D)'),
        ('* `A_B = "old"` (repinned in M4.C', "new", '* `A_B = "new"` (repinned in M4.C (repinned in M4.D)'),
        ('* `A_B = "old"` -> `tag`', "new", '* `A_B = "new"` -> `tag` (repinned in M4.D)'),
        ("* `A_B`", "new", '* `A_B = "new"` (repinned in M4.D)'),
        ("* `A_B` (opens later)", "new", '* `A_B = "new"` (opens later) (repinned in M4.D)'),
        ("* `A_B = `", 5, "* `A_B = 5` (repinned in M4.D)"),
        ("* `A_B =`", 5, "* `A_B = 5` (repinned in M4.D)"),
        ('* `A_B="old"`', "new", '* `A_B = "new"` (repinned in M4.D)'),
        ('* `A_B = "unterminated`', "new", '* `A_B = "new"` (repinned in M4.D)'),
        ("* `A_B = 1`", True, "* `A_B = true` (repinned in M4.D)"),
        ("* `A_B = 1`", 1.0, "* `A_B = 1.0` (repinned in M4.D)"),
        ('* `A_B = ["x"]`', ["y", "é`"], '* `A_B = ["y","é\\u0060"]` (repinned in M4.D)'),
        ('* `A_B = {"x":1}`', {"z": 1, "a": "b"}, '* `A_B = {"z":1,"a":"b"}` (repinned in M4.D)'),
        ('* `A_B = "same"` note', "same", '* `A_B = "same"` note'),
        ('\ufeff* `A_B = "old"`', "new", '\ufeff* `A_B = "new"` (repinned in M4.D)'),
    ],
)
def test_a_repinned_line_keeps_everything_but_its_value(line: str, value: Any, expected: str) -> None:
    assert repin(f"{line}\r\nafter\n", {"A_B": value}, "in M4.D") == f"{expected}\r\nafter\n"


@pytest.mark.parametrize("annotation", ["in M4.D", "repinned in M4.D", "(repinned in M4.D)", "  (in M4.D) "])
def test_an_annotation_may_be_given_with_or_without_its_head(annotation: str) -> None:
    assert repin("* `A_B = 1`", {"A_B": 2}, annotation) == "* `A_B = 2` (repinned in M4.D)"


@pytest.mark.parametrize("annotation", ["", " ", "()", "repinned", "two\nlines", "a `tick`", "half ( open", "\x1b[31m"])
def test_an_annotation_that_would_break_its_line_is_refused(annotation: str) -> None:
    with pytest.raises(RegistryError, match="cannot stand behind a value"):
        repin("* `A_B = 1`", {"A_B": 2}, annotation)


def test_all_assignments_of_a_name_change_together() -> None:
    text = "* `A_B = 1`\n* `A_B`\n* `A_B = 1`\n"
    assert repin(text, {"A_B": 2}, "x") == "* `A_B = 2` (repinned x)\n* `A_B`\n* `A_B = 2` (repinned x)\n"


def test_a_name_that_is_only_declared_is_assigned_at_its_first_line() -> None:
    assert repin("* `A_B`\n* `A_B`\n", {"A_B": 2}, "x") == "* `A_B = 2` (repinned x)\n* `A_B`\n"


def test_no_name_is_ever_added_and_every_problem_is_listed() -> None:
    values: dict[str, Any] = {
        "IG_BASE_URLS": "https://x",
        "IG_BASE_URL": "https://{api_id}/v1",
        "A_B": "TO_PIN",
        "C_D": "two\nlines",
        "E_F": None,
        "G_H": float("nan"),
        "I_J": "back`tick",
        "K_L": [],
        "M_N": 1,
    }
    text = "".join(f'* `{name} = "old"`\n' for name in list(values)[1:-1]) + "* `M_N = 5\n"
    with pytest.raises(RegistryError) as caught:
        repin(text, values, "x", source="r.md")
    problems = {problem.place: problem.fact for problem in caught.value.problems}
    assert problems["r.md"] == "IG_BASE_URLS has no line in the registry (it has IG_BASE_URL)"
    assert "still has {api_id}" in problems["r.md:1"]
    assert "TO_PIN" in problems["r.md:2"]
    assert "line break" in problems["r.md:3"]
    assert "is null" in problems["r.md:4"]
    assert "JSON" in problems["r.md:5"]
    assert "backtick" in problems["r.md:6"]
    assert "has no item" in problems["r.md:7"]
    assert problems["r.md:8"] == "the line of M_N has no closing backtick"


def test_a_registry_that_contradicts_itself_is_not_repinned() -> None:
    with pytest.raises(RegistryError, match="differing values"):
        repin("* `A_B = 1`\n* `A_B = 2`\n", {"A_B": 2}, "x")


def test_a_repinned_file_is_a_copy_and_the_original_stays(tmp_path: Path) -> None:
    path, out = tmp_path / "r.md", tmp_path / "copy.md"
    data = "\ufeff# Café\r\n* `A_B = 1`\r\n\n* `C_D = 2`".encode()
    path.write_bytes(data)
    copy = repin_file(path, out, {"A_B": 3}, "by hand")
    assert path.read_bytes() == data
    assert out.read_bytes() == data.replace(b"`A_B = 1`", b"`A_B = 3` (repinned by hand)")
    assert (copy.source, copy.sha256) == ("copy.md", load(out).sha256)
    assert copy["A_B"].value == 3


def test_a_refused_repin_writes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "r.md"
    path.write_text("* `A_B = 1`\n")
    with pytest.raises(RegistryError):
        repin_file(path, tmp_path / "copy.md", {"NO_SUCH": 1}, "by hand")
    assert [file.name for file in tmp_path.iterdir()] == ["r.md"]


@given(st.randoms(use_true_random=False))
@UNHURRIED
def test_repinning_nothing_gives_the_same_text(source: random.Random) -> None:
    text = generate(source).text
    assert repin(text, {}, "for nothing") == text
