"""What can be asked of a registry, and how it refuses to contradict itself."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError

import pytest

from infra.errors import RegistryError
from infra.handles import Absent, Handle, parse

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
def test_differing_values_of_one_name_are_an_error(first: str, second: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse(f"* `A_B = {first}`\n\n* `A_B = {second}`\n", "r.md")
    (problem,) = caught.value.problems
    assert problem.fact == f"A_B is assigned differing values: {first} (line 1) and {second} (line 3)"
    assert problem.place == "r.md:3"
    assert problem.remedy


def test_all_conflicts_are_listed_at_once() -> None:
    lines = [f"* `NAME_{index} = {value}`" for index in range(10) for value in (1, 2)]
    with pytest.raises(RegistryError) as caught:
        parse("\n".join(lines), "r.md")
    assert [problem.place for problem in caught.value.problems] == [f"r.md:{line}" for line in range(2, 21, 2)]


def test_a_handle_is_frozen() -> None:
    handle = parse(TEXT, "r.md").handles[0]
    with pytest.raises(FrozenInstanceError):
        handle.value = "other"  # type: ignore[misc]
