"""What can be asked of a registry, and how it refuses to contradict itself."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError

import pytest

from infra.errors import RegistryError
from infra.handles import Absent, Handle, parse, repin

TEXT = """# A registry

Prose with `NAME_IN_PROSE = 1`.

## 7.4 Ingress edge

* `IG_EDGE_MODE = "apigw_lambda_ddb"` (materialized in M2.E)
* `IG_RATE_LIMIT_RPS = 200`
* `IG_OPEN`
| `TABLE_NAME = 1` | cell |
* `TAG_PROJECT_KEY = "project"` -> `fraud-platform`

### Secret paths ###

* `/fraud-platform/dev_full/ig/api_key` (SecureString)
* `{own_token}`
* `RUN_ROOT_PATTERN = "runs/{platform_run_id}/{phase_id}/"`

1. `IG_EDGE_MODE`
2. `NEVER_DECLARED`
"""


def test_a_handle_knows_its_line_section_note_and_notation() -> None:
    handle = parse(TEXT, "r.md")["IG_EDGE_MODE"]
    assert isinstance(handle, Handle)
    assert (handle.line, handle.section) == (7, "7.4 Ingress edge")
    assert handle.note == "(materialized in M2.E)"
    assert handle.raw == '"apigw_lambda_ddb"'


def test_the_item_behind_an_arrow_is_not_the_value() -> None:
    handle = parse(TEXT, "r.md")["TAG_PROJECT_KEY"]
    assert handle.value == "project"
    assert isinstance(handle, Handle)
    assert handle.note == "-> `fraud-platform`"


def test_looking_up_a_name_without_a_line_says_absent() -> None:
    registry = parse(TEXT, "r.md")
    absent = registry["NEVER_DECLARED"]
    assert absent == Absent("NEVER_DECLARED")
    assert (absent.resolved, absent.value, absent.form) == (False, None, "absent")
    assert registry.get("NEVER_DECLARED") is None
    assert registry.value("NEVER_DECLARED") is None
    assert "NEVER_DECLARED" not in registry


def test_a_registry_is_walked_by_name_in_the_order_of_the_document() -> None:
    registry = parse(TEXT, "r.md")
    assert list(registry) == ["IG_EDGE_MODE", "IG_RATE_LIMIT_RPS", "IG_OPEN", "TAG_PROJECT_KEY", "RUN_ROOT_PATTERN"]
    assert len(registry) == 5
    assert [handle.name for handle in registry.unresolved()] == ["IG_OPEN"]


def test_lists_that_are_no_handles_are_kept_apart() -> None:
    registry = parse(TEXT, "r.md")
    assert dict(registry.raw_paths) == {"/fraud-platform/dev_full/ig/api_key": 15}
    assert dict(registry.tokens) == {"own_token": 16}
    assert dict(registry.open_list) == {"IG_EDGE_MODE": 19, "NEVER_DECLARED": 20}


def test_the_numbered_open_list_does_not_open_an_assigned_handle() -> None:
    assert parse(TEXT, "r.md")["IG_EDGE_MODE"].resolved


def test_the_digest_is_that_of_the_bytes() -> None:
    text = "\ufeff* `A_B = 1`\r\n"
    assert parse(text, "r.md").sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_required_handles_come_back_by_name() -> None:
    found = parse(TEXT, "r.md").require(["IG_RATE_LIMIT_RPS", "IG_EDGE_MODE", "IG_EDGE_MODE"])
    assert {name: handle.value for name, handle in found.items()} == {
        "IG_RATE_LIMIT_RPS": 200,
        "IG_EDGE_MODE": "apigw_lambda_ddb",
    }


def test_every_required_handle_that_is_absent_or_open_is_listed_with_its_place() -> None:
    with pytest.raises(RegistryError) as caught:
        parse(TEXT, "r.md").require(["IG_EDGE_MODES", "IG_OPEN", "IG_EDGE_MODE"])
    absent, unresolved = caught.value.problems
    assert absent.fact == "IG_EDGE_MODES has no line in the registry (it has IG_EDGE_MODE)"
    assert (unresolved.fact, unresolved.place) == ("IG_OPEN is declared without a value", "r.md:9")
    assert caught.value.exit_code == 8


def test_a_template_is_filled_in_whole() -> None:
    registry = parse(TEXT, "r.md")
    tokens = {"platform_run_id": "platform_1", "phase_id": "P2", "unused": "x"}
    assert registry.expand("RUN_ROOT_PATTERN", tokens) == "runs/platform_1/P2/"
    assert registry.expand("IG_EDGE_MODE", {}) == "apigw_lambda_ddb"


def test_a_template_is_never_filled_in_by_half() -> None:
    with pytest.raises(RegistryError) as caught:
        parse(TEXT, "r.md").expand("RUN_ROOT_PATTERN", {"platform_run_id": "{phase_id}", "phase": "P2"})
    facts = [problem.fact for problem in caught.value.problems]
    assert facts == [
        "'{phase_id}' cannot stand for {platform_run_id}",
        "no value is given for {phase_id} (given is 'phase')",
    ]
    assert all(problem.place == "r.md:17 (RUN_ROOT_PATTERN)" for problem in caught.value.problems)


def test_only_a_text_can_be_expanded() -> None:
    with pytest.raises(RegistryError, match="is no text"):
        parse(TEXT, "r.md").expand("IG_RATE_LIMIT_RPS", {})
    with pytest.raises(RegistryError, match="has no line"):
        parse(TEXT, "r.md").expand("NEVER_DECLARED", {})


def test_assigning_a_name_twice_with_one_value_is_reported_not_refused() -> None:
    registry = parse('* `A_B = ["x", 1]`\n\n* `A_B = ["x",1]` (again)\n* `A_B`\n', "r.md")
    assert dict(registry.duplicates) == {"A_B": (1, 3)}
    assert registry.handles[0].line == 1
    assert registry["A_B"].value == ["x", 1]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_bare_declaration_never_overrides_an_assignment(order: tuple[int, int]) -> None:
    lines = ("* `A_B`\n", "* `A_B = 1`\n")
    assert parse("".join(lines[index] for index in order), "r.md")["A_B"].value == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('"a"', '"b"'),
        ("1", "1.0"),
        ("1", "true"),
        ('"1"', "1"),
        ('{"a":1,"b":2}', '{"b":2,"a":1}'),
        ('"a"', '"TO_PIN"'),
    ],
)
def test_differing_values_of_one_name_open_it_and_no_other_handle(first: str, second: str) -> None:
    registry = parse(f"* `A_B = {first}`\n\n* `A_B = {second}`\n* `C_D = 1`\n", "r.md")
    assert (registry["A_B"].value, registry["A_B"].form, registry.value("C_D")) == (None, "contradiction", 1)
    (problem,) = registry.contradictions()
    assert problem.fact == f"A_B is assigned differing values: {first} (line 1) and {second} (line 3)"
    assert problem.place == "r.md:1"
    assert problem.remedy
    assert "A_B" not in registry.duplicates
    with pytest.raises(RegistryError, match="differing values"):
        registry.require(["C_D", "A_B"])


def test_honest_alternatives_are_told_all_of_them() -> None:
    text = "Pick one when the mode is decided:\n\n" + "".join(f'* `DBX_MODE = "{mode}"`\n' for mode in "abcd")
    (problem,) = parse(text, "r.md").contradictions()
    assert problem.fact == (
        'DBX_MODE is assigned differing values: "a" (line 3) and "b" (line 4) and "c" (line 5) and "d" (line 6)'
    )


@pytest.mark.parametrize(
    "line",
    [
        '* `A_B = "x"`', '- `A_B = "x"`', '+ `A_B = "x"`', '1. `A_B = "x"`', '12) `A_B = "x"`', '   * `A_B = "x"`',
        '* outer\n  * `A_B = "x"`', '* outer\n\n    - `A_B = "x"`', '1. outer\n   * `A_B = "x"`', '*\n  `A_B = "x"`',
        '* * `A_B = "x"`', '* outer\n\t* `A_B = "x"`', 'text\n* `A_B = "x"`', '<!-- note -->\n* `A_B = "x"`',
        '```\n```\n* `A_B = "x"`', 'text <!-- not closed\n* `A_B = "x"`', '* ` A_B = "x" `', '* `A_B = "x"`` y`',
    ],
)  # fmt: skip
def test_every_bullet_is_a_bullet(line: str) -> None:
    registry = parse(line, "r.md")
    assert registry["A_B"].resolved is not line.endswith("y`")  # there the item ends at its last backtick
    assert list(registry) == ["A_B"]


@pytest.mark.parametrize(
    "line",
    [
        '*`A_B = "x"`', '\u2022 `A_B = "x"`', '\u2013 `A_B = "x"`', '*\u00a0`A_B = "x"`', 'text\n2. `A_B = "x"`',
        '\\* `A_B = "x"`', '* \u200b`A_B = "x"`', '\u200b* `A_B = "x"`', '\u00a0* `A_B = "x"`', '* `\u0410_B = "x"`',
        '* `A\uff3fB = "x"`', '* `A_B\u200b = "x"`', '* `A_B\u00a0= "x"`',
        '* A_B = "x"', '* A_B = 5', '* `A_B: "x"`', '* `A_B := 5`', '* `A_B : ["x"]`',
        '* **`A_B = "x"`**', '* [ ] `A_B = "x"`', '* ``A_B = "x"``', '*\u200b `A_B = "x"`',
    ],
)  # fmt: skip
def test_a_line_that_means_a_handle_and_is_no_bullet_of_one_is_seen_and_cannot_be_used(line: str) -> None:
    registry = parse(f'{line}\n\n* `C_D = "x"`\n', "r.md")
    assert registry["A_B"].form == "malformed"
    assert registry["C_D"].resolved
    with pytest.raises(RegistryError, match="A_B"):
        repin(f"{line}\n", {"A_B": "y"}, "by hand")


@pytest.mark.parametrize(
    "line", ["* NOTE: a word", "* `NOTE: a word`", "* `GET /v1`", "* A == B is said of x", "* A`B = 1`"]
)
def test_what_only_looks_like_a_handle_is_prose(line: str) -> None:
    assert "NOTE" not in parse(line, "r.md")
    assert not any(handle.resolved for handle in parse(line, "r.md").handles)


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("<!--", "-->"), ("```", "```"), ("~~~", "~~~"), (" ````", "   ````"), ("```", ""), ("<!-- open", ""),
        ("<!--\n\ntext", "\n-->"), ("<pre>", "</pre>"), ("<div>", "</div>\n"), ("``` markdown", "```"),
        ("* item\n\n  ```", "  ```"), ("text\n\n", ""), ("> quoted", ""),
    ],
)  # fmt: skip
def test_what_markdown_shows_as_code_comment_or_quotation_is_prose(head: str, foot: str) -> None:
    indent = {"t": "    ", ">": "> ", "*": "  "}.get(head[0], "")
    example = f'{head}\n{indent}* `A_B = "an example"`\n{foot}'
    assert list(parse(f'* `C_D = "x"`\n\n{example}', "r.md")) == ["C_D"]
    assert "A_B" not in parse(example, "r.md")
    live = parse(f'* `A_B = "live"`\n\n{example}', "r.md")
    assert live.value("A_B") == "live"
    assert not live.contradictions()


def test_a_handle_is_frozen() -> None:
    handle = parse(TEXT, "r.md").handles[0]
    with pytest.raises(FrozenInstanceError):
        handle.value = "other"  # type: ignore[misc]
