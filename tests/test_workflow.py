"""What the workflow promises and no linter holds: who judges, who may be given a role, what is handed on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOW = Path(__file__).parents[1] / ".github/workflows/gates.yml"
BESIDE = {"nightly", "aws", "aggregate"}
"""Jobs that no change waits for."""


@pytest.fixture(scope="module")
def jobs() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert document["permissions"] == {}
    found: dict[str, dict[str, Any]] = document["jobs"]
    return found


def steps(job: dict[str, Any], word: str) -> list[dict[str, Any]]:
    return [step for step in job["steps"] if word in str(step.get("uses", "")) + str(step.get("run", ""))]


def test_the_aggregate_is_judged_whatever_became_of_the_others_and_waits_for_each(jobs) -> None:
    aggregate = jobs["aggregate"]
    assert aggregate["if"] == "${{ always() }}"
    assert set(aggregate["needs"]) == jobs.keys() - BESIDE
    assert steps(aggregate, "phasegate legs check --legs=legs --jobs=needs.json")
    assert not any("continue-on-error" in job or steps(job, "|| true") for job in jobs.values())


def test_the_legs_are_those_of_the_catalogue_and_hand_evidence_on_one_by_one(jobs) -> None:
    legs = jobs["legs"]
    assert legs["strategy"] == {
        "fail-fast": False,
        "max-parallel": 1,
        "matrix": "${{ fromJSON(needs.plan.outputs.matrix) }}",
    }
    (take,) = steps(legs, "download-artifact")
    (run,) = steps(legs, "phasegate legs run")
    (hand,) = steps(legs, "upload-artifact")
    assert [legs["steps"].index(step) for step in (take, run, hand)] == sorted(
        map(legs["steps"].index, (take, run, hand))
    )
    assert hand["if"] == "${{ always() }}"
    assert hand["with"]["if-no-files-found"] == "error"
    assert hand["with"]["include-hidden-files"] is True  # the id of the runs root begins with a dot


def test_only_the_job_for_aws_may_be_given_a_role_and_only_by_hand(jobs) -> None:
    with_role = [name for name, job in jobs.items() if "id-token" in job["permissions"]]
    assert with_role == ["aws"]
    assert "github.event_name == 'workflow_dispatch'" in jobs["aws"]["if"]
    assert jobs["aws"]["environment"] == "aws"
    assert all(job["permissions"] == {"contents": "read"} for name, job in jobs.items() if name != "aws")


def test_actions_are_named_by_commit_and_say_which_version_that_is() -> None:
    lines = [line for line in WORKFLOW.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    assert all(re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)
