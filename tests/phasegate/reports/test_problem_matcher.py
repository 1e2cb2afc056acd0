"""The problem matchers find in a log what the board and `phasegate catalog lint` say, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.phasegate.harness.conftest import project, s3_endpoint

MATCHERS = Path(__file__).parents[3] / ".github/problem-matcher.json"
__all__ = ["project", "s3_endpoint"]


def found(log: str) -> list[tuple[str, dict[str, str]]]:
    """What GitHub would annotate: the owner of each matcher, and what it takes from the line."""
    matchers = json.loads(MATCHERS.read_text(encoding="utf-8"))["problemMatcher"]
    hits = []
    for line in log.splitlines():
        for matcher in matchers:
            (pattern,) = matcher["pattern"]
            match = re.search(pattern["regexp"], line)
            if match is not None:
                taken = {key: match[group] for key, group in pattern.items() if key != "regexp"}
                hits.append((matcher["owner"], taken))
    return hits


def test_the_form_is_that_of_github() -> None:
    document = json.loads(MATCHERS.read_text(encoding="utf-8"))
    owners = [matcher["owner"] for matcher in document["problemMatcher"]]
    assert len(set(owners)) == len(owners)
    for matcher in document["problemMatcher"]:
        assert set(matcher) == {"owner", "severity", "pattern"}
        for pattern in matcher["pattern"]:
            groups = {value for key, value in pattern.items() if key != "regexp"}
            assert groups == set(range(1, re.compile(pattern["regexp"]).groups + 1))
            assert "message" in pattern


def test_a_gate_that_holds_and_its_blockers_are_found_on_the_board(project) -> None:
    project.gate("C", v2='block("M9C-B2", "  M9C-B3 [S1] said by a test")')
    project.gate("A", v2="pytest.skip('later')")
    log = project.run("-m", "m9a or m9c").stdout.str()
    hits = found(log)
    gates = [hit["message"] for owner, hit in hits if owner == "phasegate-gate"]
    assert gates == ["M9.A  HOLD_REMEDIATE  next: BLOCKED", "M9.C  HOLD_REMEDIATE  next: BLOCKED"]
    blockers = {hit["code"]: hit["message"] for owner, hit in hits if owner == "phasegate-blocker"}
    assert list(blockers) == ["M9A-NOT_EVALUATED", "M9C-B2"]
    assert blockers["M9C-B2"] == "[S2, rolls up to M9-B1] meaning of M9C-B2"
    assert len(hits) == 4


def test_a_problem_of_the_catalogue_is_found_at_its_line(project) -> None:
    document = json.loads((project.path / "catalog/m9.yaml").read_text())
    document["gates"][0]["verifiers"][0]["raises"] = ["M9A-B77"]
    project.write("catalog/m9.yaml", json.dumps(document))
    done = project.phasegate("catalog", "lint")
    ((owner, hit), *_) = found(done.stdout.str())
    assert owner == "phasegate-problem"
    assert hit["file"] == "catalog/m9.yaml"
    assert hit["line"] == "1"
    assert "M9A-B77" in hit["message"]
