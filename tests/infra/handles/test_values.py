"""What the notation of a value means, and what keeps a handle open."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import RegistryError
from infra.handles import Handle, OpenReason, Unresolved, parse
from infra.handles.values import write_value
from infra.placeholders import load_list
from infra.probes.forms import secret_flaw, text_flaw
from tests.infra.handles.documents import UNHURRIED


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
        ('NAME = " padded"', OpenReason.MALFORMED),
        ('NAME = "padded "', OpenReason.MALFORMED),
        ('NAME = "\uff34\uff2f_\uff30\uff29\uff2e"', OpenReason.TO_PIN),
        ('NAME = "\u0422\u041e_PIN"', OpenReason.TO_PIN),
        ('NAME = "to-pin"', OpenReason.TO_PIN),
        ('NAME = "\u0440laceholder"', OpenReason.PLACEHOLDER),
        ("NAME = ANOTHER_NAME", OpenReason.REFERENCE),
        ("NAME = NAME", OpenReason.REFERENCE),
        ('RUN_ROOT = "s3://bucket/{platform_run_id}/"', OpenReason.BRACES),
        ('RUN_ROOT = "bucket-{platform_run_id}"', OpenReason.BRACES),
        ('RUN_ROOT = "/absolute/{platform_run_id}"', OpenReason.BRACES),
        ('RUN_ROOT = "evidence/{platfrom_run_id}/run.json"', OpenReason.BRACES),
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


@pytest.mark.parametrize(
    "item",
    [
        'P6_ADMISSION_PROOF_REQUIRED_ARTIFACT = "evidence/dev_full/run_control/{phase_execution_id}/proof.json"',
        'ADMISSION_ROOT = "evidence/{m9_execution_id}/"',
        'ADMISSION_PATTERN = "{m9_execution_id}/{m10c_execution_id}"',
    ],
)
def test_a_path_of_listed_tokens_is_a_template_whatever_its_name(item: str) -> None:
    assert read(item).form == "template"


HIDDEN = "\u200b\ufeff\u00a0\u202e\0\t\u00ad\u2028\u034f\u3164\u2800\ufe0f"


@given(st.sampled_from(HIDDEN), st.sampled_from(["{}TO_PIN", "TO{}_PIN", "TO_PIN{}"]), st.booleans())
@UNHURRIED
def test_what_does_not_show_is_never_read(mark: str, text: str, in_a_list: bool) -> None:
    hidden = text.format(mark)
    item = f'NAME = ["{hidden}"]' if in_a_list else f'NAME = "{hidden}"'
    assert read(item).form == "malformed"
    escaped = json.dumps([hidden])  # in JSON a character can hide behind its escape
    assert not read(f"NAME = {escaped}").resolved


json_values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(json_values)
@UNHURRIED
def test_what_cannot_be_written_cannot_be_read(value: Any) -> None:
    raw = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else f'"{value}"'
    if "`" in raw or any(mark in raw for mark in "\r\n"):
        return  # such a value would end the item, or the line
    registry = parse(f"* `NAME = {raw}`\n", "r.md")
    if not registry["NAME"].resolved:
        return
    assert parse(f"* `NAME = {write_value(registry.value('NAME'))}`\n", "r.md").value("NAME") == value


def test_every_word_of_the_list_is_a_placeholder_for_registries_and_parameters_alike() -> None:
    listed = load_list()
    assert {"to_pin", "placeholder", "tbd"} <= listed.whole
    for word in listed.whole:
        for spelt in (word, word.upper(), f" {word.title()} "):
            assert read(f'NAME = "{spelt.strip()}"').form in {"TO_PIN", "placeholder"}
            assert secret_flaw(spelt) == "is a placeholder"
            assert text_flaw(spelt) == "is a placeholder"


def test_the_list_of_placeholders_is_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('anywhere = ["fillme"]\nwords = []\nwhole = []\n')
    assert load_list(own).whole == {"fillme"}
    assert load_list(own).words.search("any text") is None


def test_a_reference_stands_for_the_value_of_the_handle_that_it_names() -> None:
    text = (
        '* `ROLE_IG = ROLE_LAMBDA`\n* `ROLE_LAMBDA = ROLE_BASE`\n* `ROLE_BASE = "arn:x"`\n* `RATE = LIMIT`\n'
        "* `LIMIT = 5`\n* `OPEN = LATER`\n* `LATER`\n* `LOST = NOWHERE`\n* `ROUND = ABOUT`\n* `ABOUT = ROUND`\n"
    )
    registry = parse(text, "r.md")
    assert (registry.value("ROLE_IG"), registry.value("ROLE_LAMBDA"), registry.value("RATE")) == ("arn:x", "arn:x", 5)
    assert [handle.name for handle in registry.unresolved()] == ["OPEN", "LATER", "LOST", "ROUND", "ABOUT"]
    assert {registry[name].form for name in ("OPEN", "LOST", "ROUND", "ABOUT")} == {"open reference"}
    with pytest.raises(RegistryError, match="LOST refers to NOWHERE, which has no line"):
        registry.require(["LOST"])


def test_a_chain_of_references_may_be_as_long_as_the_document() -> None:
    count = 20_000
    lines = [f"* `N_{index} = N_{index + 1}`" for index in range(count)]
    assert parse("\n".join([*lines, f"* `N_{count} = 1`"]), "r.md").value("N_0") == 1
    assert len(parse("\n".join([*lines, f"* `N_{count} = N_0`"]), "r.md").unresolved()) == count + 1


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
