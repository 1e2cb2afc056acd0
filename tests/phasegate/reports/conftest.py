"""Sessions of gates with Allure's results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.phasegate.harness.conftest import Project, project, s3_endpoint

__all__ = ["project", "s3_endpoint"]


@dataclass(frozen=True)
class Results:
    """What lies in a folder of Allure results."""

    folder: Path

    @property
    def all(self) -> list[dict[str, Any]]:
        """Every result."""
        return [json.loads(path.read_bytes()) for path in sorted(self.folder.glob("*-result.json"))]

    def of(self, verifier: str) -> list[dict[str, Any]]:
        """The results of a verifier, by its short id."""
        return [result for result in self.all if label(result, "verifier") == verifier]

    def gate(self, gate: str) -> dict[str, Any]:
        """The one result of a gate's verdict."""
        (found,) = [each for each in self.all if str(each["name"]).split()[0] == gate]
        return found

    def statuses(self) -> dict[str, str]:
        """The status of each verifier and gate, by its short id; none has two results."""
        found = {label(each, "verifier") or str(each["name"]).split()[0]: each["status"] for each in self.all}
        assert len(found) == len(self.all), [result["name"] for result in self.all]
        return found


def label(result: dict[str, Any], name: str) -> str | None:
    """The value of a result's label; of one that stands more than once, the first."""
    return next((str(each["value"]) for each in result["labels"] if each["name"] == name), None)


def tags(result: dict[str, Any]) -> set[str]:
    """Its tags."""
    return {each["value"] for each in result["labels"] if each["name"] == "tag"}


@pytest.fixture
def results(project: Project) -> Results:
    """The folder that `--alluredir=results` fills."""
    return Results(project.path / "results")
