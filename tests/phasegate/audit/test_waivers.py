"""Waivers: what they pass, for how long, and what nobody can waive."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.attestation import ATTESTATION
from tests.phasegate.audit.tampering import own

BODY = 'with blocks("M9A-B2"):\n    assert False, "as told"'


def days_from_now(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def waiver(**changes: str) -> str:
    fields = {
        "blocker": "M9A-B2",
        "reason": "the vendor fixes it on Monday",
        "author": "an engineer",
        "approver": "the owner",
        "expires_at_utc": days_from_now(30),
    } | changes
    lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in fields.items())
    return f"format: phasegate-waivers/1\nwaivers:\n  -\n{lines}"


def test_a_waived_blocker_passes_and_is_shown_everywhere(project) -> None:
    project.gate("A", v2=BODY)
    project.write("catalog/waivers/one.yaml", waiver())
    result = project.run("-m", "m9a")
    assert result.ret == ExitCode.OK
    result.stdout.fnmatch_lines(["*M9A-B2 WAIVED:*", "1 of 1 gates advance"])
    summary = project.summaries()["M9.A"]
    assert (summary["overall_pass"], summary["blockers"]) == (True, [])
    (row,) = summary["waivers"]
    assert (row["blocker"], row["approver"], row["passed"][0]["detail"].splitlines()[0]) == (
        "M9A-B2",
        "the owner",
        "as told",
    )
    (folder,) = project.attempts()
    statement = json.loads(base64.b64decode(json.loads((folder / ATTESTATION).read_bytes())["payload"]))
    assert statement["predicate"]["result"] == "WARNED"
    assert statement["predicate"]["warnedTests"] == ["M9A-V2-BODY"]
    assert own(statement)["waivers"] == [{"blocker": "M9A-B2", "sha256": row["sha256"]}]
    assert project.phasegate("verify").ret == ExitCode.OK
    (listed,) = json.loads(project.phasegate("runs", "--json").stdout.str())
    assert (listed["blockers"], listed["waived"], listed["authoritative"]) == ([], ["M9A-B2"], True)
    assert "M9A-B2 (waived)" in project.phasegate("runs").stdout.str()
    explained = project.phasegate("explain", "m9a-b2").stdout.str()
    assert folder.name in explained
    assert f"WAIVED by the owner until {row['expires_at_utc']}, asked for by an engineer" in explained
    assert "M9A-V2: as told" in explained
    assert "still open" in explained


def test_an_expired_waiver_blocks(project) -> None:
    project.gate("A", v2=BODY)
    project.write("catalog/waivers/one.yaml", waiver(expires_at_utc="2020-01-01T00:00:00Z"))
    assert project.run("-m", "m9a").ret == ExitCode.BLOCKED
    summary = project.summaries()["M9.A"]
    assert (summary["blockers"], summary["waivers"]) == (["M9A-B2"], [])


def test_a_waiver_passes_its_blocker_and_no_other(project) -> None:
    project.gate("A", v2=BODY + '\nwith blocks("M9A-B3"):\n    assert False, "more"')
    project.write("catalog/waivers/one.yaml", waiver())
    project.run("-m", "m9a")
    summary = project.summaries()["M9.A"]
    assert (summary["overall_pass"], summary["blockers"]) == (False, ["M9A-B3"])


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"blocker": "M9A-B77"}, "no blocker of the catalogue"),
        ({"blocker": "M9A-B1"}, "cannot be waived|is S1"),
        ({"blocker": "M9A-B4"}, "cannot be waived|is S1"),
        ({"blocker": "M9A-UNMAPPED"}, "not the right form"),
        ({"blocker": "M9A-NOT_EVALUATED"}, "not the right form"),
        ({"approver": "An Engineer "}, "of their own"),
        ({"expires_at_utc": "2099-01-01"}, "expires_at_utc|string"),
        ({"expires_at_utc": "2099-13-01T00:00:00Z"}, "expires_at_utc|month"),
        ({"expires_at_utc": "2099-01-01T00:00:00+02:00"}, "expires_at_utc|string"),
        ({"reason": ""}, "reason|string"),
        ({"expires_at_utc": "9999-12-31T23:59:59Z"}, "more than 90 days from now"),
        ({"expires_at_utc": days_from_now(90.1)}, "more than 90 days from now"),
        ({"surplus": "x"}, "surplus"),
    ],
)
def test_what_cannot_be_waived_stops_the_session_and_lint_says_why(project, changes, fact) -> None:
    project.write("catalog/waivers/one.yaml", waiver(**changes))
    result = project.run("-m", "m9a")
    assert result.ret == ExitCode.USAGE
    lint = project.phasegate("catalog", "lint")
    assert lint.ret == ExitCode.CATALOGUE
    assert re.search(fact, lint.stdout.str()), lint.stdout.str()
    assert "one.yaml" in lint.stdout.str()
