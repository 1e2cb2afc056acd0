"""What the notation of a value means, and what keeps a handle open."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from infra.handles import Handle, OpenReason, Unresolved, parse


def read(item: str) -> Handle:
    """The one handle of a registry with one bullet."""
    registry = parse(f"* `{item}`\n", "r.md")
    (handle,) = registry.handles
    return handle


@pytest.mark.parametrize(
    ("written", "value", "kind"),
    [
        ('"eu-west-2"', "eu-west-2", "string"),
        ('""doubled""', '"doubled"', "string"),
        (r'"say \"hi\""', r"say \"hi\"", "string"),
        ('"a=b = c"', "a=b = c", "string"),
        ('"a,b,c"', "a,b,c", "string"),
        ('"A|B"', "A|B", "string"),
        ('"300"', "300", "string"),
        ('"true"', "true", "string"),
        ('"["', "[", "string"),
        ('" padded "', " padded ", "string"),
        (r'"^run_\d{8}T\d{6}Z$"', r"^run_\d{8}T\d{6}Z$", "string"),
        ('"none_of_these"', "none_of_these", "string"),
        ('"nullable/unsettled/todos"', "nullable/unsettled/todos", "string"),
        ("300", 300, "integer"),
        ("-7", -7, "integer"),
        ("5.0", 5.0, "decimal"),
        ("1e3", 1000.0, "decimal"),
        ("true", True, "boolean"),
        ("false", False, "boolean"),
        ('["a","b"]', ["a", "b"], "list"),
        ('["a", 1, [true]]', ["a", 1, [True]], "list"),
        (r'["say \"hi\""]', ['say "hi"'], "list"),
        ('{"b":"1","a":{"c":[]}}', {"b": "1", "a": {"c": []}}, "object"),
    ],
)
def test_a_value_is_read_in_its_type(written: str, value: Any, kind: str) -> None:
    handle = read(f"SOME_NAME = {written}")
    assert handle.resolved
    assert handle.value == value
    assert type(handle.value) is type(value)
    assert handle.form == kind
    assert handle.raw == written


def test_an_object_keeps_the_order_of_its_keys() -> None:
    value = read('SORT = {"z":"1","a":"2","m":"3"}').value
    assert isinstance(value, dict)
    assert list(value) == ["z", "a", "m"]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("NAME", OpenReason.NAME_ONLY),
        ('NAME = "TO_PIN"', OpenReason.TO_PIN),
        ("NAME = TO_PIN", OpenReason.TO_PIN),
        ('NAME = "to_pin: after M8"', OpenReason.TO_PIN),
        ('NAME = ["a","TO_PIN"]', OpenReason.TO_PIN),
        ("NAME = ", OpenReason.BLANK),
        ("NAME =", OpenReason.BLANK),
        ('NAME = ""', OpenReason.BLANK),
        ('NAME = " \t "', OpenReason.BLANK),
        ("NAME = []", OpenReason.BLANK),
        ("NAME = {}", OpenReason.BLANK),
        ('NAME = ["a",""]', OpenReason.BLANK),
        ('NAME = "TBD"', OpenReason.PLACEHOLDER),
        ('NAME = "arn of the role, tbd"', OpenReason.PLACEHOLDER),
        ('NAME = "Todo"', OpenReason.PLACEHOLDER),
        ('NAME = "none"', OpenReason.PLACEHOLDER),
        ("NAME = null", OpenReason.PLACEHOLDER),
        ('NAME = "Unset"', OpenReason.PLACEHOLDER),
        ('NAME = "a Placeholder here"', OpenReason.PLACEHOLDER),
        ('NAME = "arn:aws:iam::<account>:role/x"', OpenReason.PLACEHOLDER),
        ('NAME = {"k":[null]}', OpenReason.PLACEHOLDER),
        ('IG_BASE_URL = "https://{api_id}.execute-api.eu-west-2.amazonaws.com/v1"', OpenReason.BRACES),
        ('NAME = ["ok","{platform_run_id}"]', OpenReason.BRACES),
        ('NAME = {"{platform_run_id}":1}', OpenReason.BRACES),
        ('RUN_PATTERN = "evidence/{platfrom_run_id}/"', OpenReason.UNKNOWN_TOKEN),
        ('RUN_PATTERN = "evidence/{ platform_run_id }/"', OpenReason.UNKNOWN_TOKEN),
        ('NAME = "unterminated', OpenReason.MALFORMED),
        ('NAME = "', OpenReason.MALFORMED),
        ('NAME = unopened"', OpenReason.MALFORMED),
        ("NAME = bare", OpenReason.MALFORMED),
        ("NAME = 'single'", OpenReason.MALFORMED),
        ("NAME = True", OpenReason.MALFORMED),
        ("NAME = 000000000000", OpenReason.MALFORMED),
        ("NAME = 1_000", OpenReason.MALFORMED),
        ("NAME = 1e999", OpenReason.MALFORMED),
        ("NAME = NaN", OpenReason.MALFORMED),
        ("NAME = [Infinity]", OpenReason.MALFORMED),
        ("NAME = [1e999]", OpenReason.MALFORMED),
        ('NAME = ["a",]', OpenReason.MALFORMED),
        ('NAME = ["a"] and more', OpenReason.MALFORMED),
        ('NAME = {"a":1,"b":2,"a":3}', OpenReason.MALFORMED),
        (r'NAME = ["\ud800"]', OpenReason.MALFORMED),
        ('NAME="x"', OpenReason.MALFORMED),
        ('NAME ="x"', OpenReason.MALFORMED),
        ('NAME= "x"', OpenReason.MALFORMED),
    ],
)
def test_a_value_that_cannot_be_used_is_open_with_its_reason(item: str, reason: OpenReason) -> None:
    handle = read(item)
    assert not handle.resolved
    assert handle.value is None
    assert isinstance(handle.resolution, Unresolved)
    assert handle.resolution.reason is reason
    assert handle.form == str(reason)


def test_what_is_malformed_is_said_with_the_reason() -> None:
    assert "closing quote" in detail('NAME = "unterminated')
    assert "the key a stands twice" in detail('NAME = {"a":1,"a":2}')
    assert "{api_id}" in detail('NAME = "https://{api_id}/v1"')
    assert "white space around" in detail('NAME="x"')


@pytest.mark.parametrize("name", ["RUN_PATTERN", "EVIDENCE_RUN_JSON_KEY", "READY_MESSAGE_FILTER"])
def test_tokens_are_legal_in_templates_alone(name: str) -> None:
    handle = read(f'{name} = "evidence/runs/{{platform_run_id}}/run.json"')
    assert handle.form == "template"
    assert handle.value == "evidence/runs/{platform_run_id}/run.json"


def test_a_token_that_the_document_lists_is_legal_wherever_it_is_listed() -> None:
    text = '* `RUN_PATTERN = "x/{shard_id}"`\n* `{shard_id}`\n'
    assert parse(text, "r.md")["RUN_PATTERN"].resolved
    assert not parse(text.splitlines()[0], "r.md")["RUN_PATTERN"].resolved


@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "[" * 200 + "1" + "]" * 200,
        "9" * (sys.get_int_max_str_digits() + 1),
        f"[{'9' * (sys.get_int_max_str_digits() + 1)}]",
        '{"a":' * 50_000,
    ],
    ids=["unclosed", "deep", "deeper than any reader wants", "long number", "long number in a list", "deep objects"],
)
def test_a_value_that_would_overrun_its_reader_is_malformed(value: str) -> None:
    assert read(f"NAME = {value}").form == "malformed"


def detail(item: str) -> str:
    resolution = read(item).resolution
    assert isinstance(resolution, Unresolved)
    return resolution.detail
