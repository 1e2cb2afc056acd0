from __future__ import annotations

import pytest

from phasegate.catalog.source import read


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("2026-02-24", "2026-02-24"),
        ("12:30:00", "12:30:00"),
        ("042", 42),
        ("-1", -1),
        ("1_000", "1_000"),
        (".5e1", 5.0),
        ("1e999", "1e999"),
        (".nan", ".nan"),
        ("'true'", "true"),
        ('"1"', "1"),
        ("9" * 400, "9" * 400),
    ],
)
def test_scalars_mean_what_they_mean_in_yaml_1_2(scalar: str, value: object) -> None:
    source, problems = read("x.yaml", f"key: {scalar}\n")
    assert source is not None
    assert source.data == {"key": value}
    assert type(source.data["key"]) is type(value)
    assert problems == []


def test_a_part_knows_its_line_and_column_and_says_its_path_by_names() -> None:
    text = "gates:\n  - id: M9.A\n    verifiers:\n      - {id: M9A-V1, raises: [M9A-B1,\n          M9A-B2]}\n"
    source, _ = read("x.yaml", text)
    assert source is not None
    path = ("gates", 0, "verifiers", 0, "raises", 1)
    assert source.place(path) == "x.yaml:5:11"
    assert source.key_path(path) == "gates[M9.A].verifiers[M9A-V1].raises[1]"
    assert source.place(("gates", 0, "owner")) == "x.yaml:2:5"
    assert source.place(("gates", 7)) == "x.yaml:1:1"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\ufffe"])
def test_what_cannot_stand_in_yaml_is_named_with_its_place(character: str) -> None:
    source, problems = read("x.yaml", f"a: 1\nbc: x{character}\n")
    assert source is None
    assert [problem.place for problem in problems] == ["x.yaml:2:6"]
    assert f"U+{ord(character):04X}" in problems[0].fact


def test_a_byte_order_mark_is_no_mistake() -> None:
    source, problems = read("x.yaml", "\ufeffa: 1\n")
    assert source is not None
    assert source.data == {"a": 1}
    assert problems == []


@pytest.mark.parametrize("text", ["[" * 300_000, "- " * 300_000, "{a: " * 300_000, "? " * 300_000])
def test_nesting_of_any_depth_is_refused_and_harms_nobody(text: str) -> None:
    source, problems = read("x.yaml", f"a:\n  {text}\n")
    assert source is None
    assert "nests deeper than 64 levels" in problems[-1].fact


def test_aliases_of_aliases_stay_as_small_as_they_look() -> None:
    levels = ["a0: &a0 [lol, lol]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    source, problems = read("x.yaml", "\n".join(levels))
    assert source is not None
    assert len(problems) == 290
    assert {problem.fact for problem in problems} >= {"the alias *a0 stands here"}


def test_what_is_refused_inside_a_part_that_is_thrown_away_marks_nothing_else_as_broken() -> None:
    source, problems = read("x.yaml", "a: &x 1\nb: {c: 2}\nb: {c: *x}\n? [*x]\n: *x\n")
    assert source is not None
    assert source.data == {"a": 1, "b": {"c": 2}}
    assert source.broken == frozenset()
    assert len(problems) == 5
