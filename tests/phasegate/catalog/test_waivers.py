"""Who may approve a waiver, for what reason, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue
from phasegate.catalog.people import name_flaw, pair_flaw, reason_flaw
from phasegate.catalog.waivers import parse_waivers

GOOD = (
    Path(__file__)
    .with_name("good.yaml")
    .read_text(encoding="utf-8")
    .replace("raises: [M9A-B1]", "raises: [M9A-B1, M9A-B3]")
    .replace(
        "    artifacts: [m9a",
        "      - {code: M9A-B3, meaning: no, remedy: do, severity: S2, rolls_up_to: M9-B1}\n    artifacts: [m9a",
    )
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNSEEN = "\u200b\u200d\ufeff\u00a0\u202e\u00ad\u034f\u3164\u2800\ufe0f\t\0"


def catalogue(text: str = GOOD) -> Catalogue:
    found, problems = parse([("good.yaml", text)])
    assert found is not None, problems
    return found


def facts(found: Catalogue, **changes: str) -> list[str]:
    fields = {
        "blocker": "M9A-B3",
        "reason": "the vendor fixes it on Monday",
        "author": "alice",
        "approver": "the owner",
        "expires_at_utc": "2026-03-31T00:00:00Z",
    } | changes
    lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in fields.items())
    _, problems = parse_waivers([("w.yaml", f"format: phasegate-waivers/1\nwaivers:\n  -\n{lines}")], found, NOW)
    return [problem.fact for problem in problems]


def test_a_waiver_that_somebody_else_approved_for_a_reason_and_a_while_is_taken() -> None:
    assert facts(catalogue()) == []
    assert facts(catalogue(), author="Zo\u00eb M\u00fcller", approver="Bj\u00f8rn \u0141uczak") == []
    assert facts(catalogue(), author="\u0418\u0432\u0430\u043d", approver="\u0410\u043d\u043d\u0430") == []
    assert facts(catalogue(), author="\u7530\u4e2d \u592a\u90ce", approver="\u30b5\u30c8\u30a6") == []
    assert (
        facts(catalogue(), reason="\u4f9b\u5e94\u5546\u5c06\u5728\u661f\u671f\u4e00\u4fee\u590d\u6b64\u95ee\u9898")
        == []
    )


@pytest.mark.parametrize(
    ("author", "approver"),
    [
        ("alice", "alice"),
        ("alice", " Alice "),
        ("alice", "ALICE"),
        ("alice", "\uff41lice"),
        ("alice", "\u24d0lice"),
        ("alice", "al\u00efce"),
        ("alice", "ali\u0327ce"),
        ("alice", "a.lice"),
        ("alice", "aIice"),
        ("alice", "a1ice"),
        ("alice", "@alice"),
        ("Bernard Vole", "Bemard  Vole"),
        ("Wolf", "vvolf"),
        ("O. Tool", "0 T00l"),
        ("stra\u00dfe", "STRASSE"),
        ("an engineer", "an-engineer"),
    ],
)
def test_one_person_is_one_person_however_the_name_is_written(author: str, approver: str) -> None:
    assert facts(catalogue(), author=author, approver=approver) == [
        f"{approver.strip()} approves a waiver of their own"
    ]


@pytest.mark.parametrize(
    ("approver", "fact"),
    [
        ("\u0430lice", "mixes letters of CYRILLIC and LATIN"),
        ("al\u0456ce", "mixes letters of CYRILLIC and LATIN"),
        ("\u03b1lice", "mixes letters of GREEK and LATIN"),
        ("\u0430\u04cf\u0456\u0441\u0435", "is of another script than the author"),
        ("\u0251lice", "phonetic alphabet"),
        ("\u1d00lice", "phonetic alphabet"),
        ("-", "has no letter"),
        ("12345", "has no letter"),
        ("ali\u200bce", "has U+200B, which does not show"),
        ("ali\u3164ce", "has U+3164, which does not show"),
    ],
)
def test_a_name_that_can_pass_for_another_is_refused(approver: str, fact: str) -> None:
    (found,) = facts(catalogue(), approver=approver)
    assert fact in found
    assert found.isprintable()


@given(st.sampled_from(UNSEEN), st.integers(0, 5))
def test_a_name_or_reason_with_what_does_not_show_is_refused(mark: str, position: int) -> None:
    def hidden(text: str) -> str:
        return text[:position] + mark + text[position:]

    assert "does not show" in name_flaw(hidden("alice"))
    assert "does not show" in reason_flaw(hidden("the vendor fixes it"))


@given(st.text(min_size=1), st.sampled_from(["", " ", ".", "-", "\u0301", "\u200d"]), st.integers(0, 20))
def test_no_one_approves_their_own_waiver_by_a_mark_more(name: str, mark: str, position: int) -> None:
    other = name[:position] + mark + name[position:]
    assert name_flaw(name) or name_flaw(other) or pair_flaw(name, other)


@pytest.mark.parametrize("reason", [".", "...", "n/a", "ok", "because", "xxxxxxxxxxxx", "-----------", "\u200b" * 20])
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    (fact,) = facts(catalogue(), reason=reason)
    assert fact.startswith("the reason ")


@pytest.mark.parametrize(
    ("days", "expires", "sound"),
    [
        (None, "2026-05-30T00:00:00Z", True),
        (None, "2026-05-30T00:00:01Z", False),
        (None, "9999-12-31T23:59:59Z", False),
        (7, "2026-03-08T00:00:00Z", True),
        (7, "2026-03-09T00:00:00Z", False),
        (None, "2020-01-01T00:00:00Z", True),
    ],
)
def test_the_longest_term_is_a_setting_of_the_phase(days: int | None, expires: str, sound: bool) -> None:
    text = (
        GOOD if days is None else GOOD.replace("  title: demo phase\n", f"  title: demo phase\n  waiver_days: {days}\n")
    )
    found = facts(catalogue(text), expires_at_utc=expires)
    assert found == ([] if sound else [f"the waiver ends at {expires}, more than {days or 90} days from now"])


@pytest.mark.parametrize("days", ["0", "-1", "367", "30.5", "'30'", "true"])
def test_a_longest_term_that_is_none_is_refused(days: str) -> None:
    text = GOOD.replace("  title: demo phase\n", f"  title: demo phase\n  waiver_days: {days}\n")
    found, problems = parse([("good.yaml", text)])
    assert found is None
    assert "waiver_days" in problems[0].fact
