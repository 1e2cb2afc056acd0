"""A registry of the same grammar that another hand wrote: read whole, its open ends told, nothing of it refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from infra.errors import RegistryError
from infra.handles import Registry, load
from infra.handles.lines import is_handle_name

PATH = Path(__file__).with_name("second.registry.md")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(PATH)


def test_every_handle_is_read_with_its_form(registry: Registry) -> None:
    assert {handle.name: handle.form for handle in registry.handles} == {
        "ALERT_CHANNEL": "string",
        "ALERT_EMAIL_ADDRESS": "name only",
        "ALERT_PAGER_ID": "string",
        "ALERT_ERROR_RATE": "decimal",
        "ALERT_WINDOW_S": "integer",
        "BUCKET_EVIDENCE": "string",
        "BUCKET_ARCHIVE": "string",
        "ADMISSION_PROOF_REQUIRED_ARTIFACT": "template",
        "ADMISSION_ROOT_PATTERN": "template",
        "INGRESS_URL": "braces in a concrete handle",
        "WORKSPACE_MODE": "contradiction",
        "ROLE_RUNNER": "string",
        "ROLE_BASE": "string",
        "ROLE_AUDITOR": "open reference",
        "ROLE_WITHOUT_A_SPACE": "malformed",
    }
    assert registry.value("BUCKET_ARCHIVE") == registry.value("BUCKET_EVIDENCE") == "evidence-live"
    assert registry.value("ROLE_RUNNER") == "arn:aws:iam::000000000000:role/base"
    assert dict(registry.tokens).keys() == {"shard_id"}
    assert dict(registry.raw_paths).keys() == {"/other/ig/api_key"}
    assert list(registry.open_list) == ["ALERT_EMAIL_ADDRESS", "WORKSPACE_MODE"]


def test_only_what_needs_an_open_name_is_refused(registry: Registry) -> None:
    assert len(registry.require(["ALERT_WINDOW_S", "ROLE_RUNNER"])) == 2
    with pytest.raises(RegistryError) as caught:
        registry.require(["ALERT_WINDOW_S", "WORKSPACE_MODE", "ROLE_AUDITOR"])
    mode, auditor = caught.value.problems
    assert [word in mode.fact for word in ("serverless", "classic", "shared", "single_user")] == [True] * 4
    assert auditor.fact == "ROLE_AUDITOR refers to ROLE_NOT_MADE_YET, which has no line"


def test_every_list_item_that_a_markdown_parser_shows_with_a_name_in_front_is_a_handle(registry: Registry) -> None:
    shown, quotes, fresh = set(), 0, False
    for token in MarkdownIt("commonmark").parse(PATH.read_text(encoding="utf-8")):
        quotes += token.nesting if token.type.startswith("blockquote") else 0
        if (
            token.type == "inline"
            and fresh
            and not quotes
            and token.children
            and token.children[0].type == "code_inline"
        ):
            name = token.children[0].content.partition(" ")[0]
            shown |= {name} if is_handle_name(name) else set()
        fresh = token.type == "list_item_open" or (fresh and token.type == "paragraph_open")
    assert shown <= set(registry)
    assert set(registry) - shown == {"ROLE_WITHOUT_A_SPACE"}
