"""What each active lane depends on, and the probes that look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fixtures.lanes import FrozenManifest
from fixtures.probes import failure_line, has_passed, of_group, probe_row
from infra.lanes.dependencies import dependency_matrix
from infra.probes import ErrorClass, ProbeResult, blocker_of


class LaneDependencies:
    """What each active lane depends on.

    Attributes:
        active_lane_count: How many lanes are active.
        gaps: What is incomplete, or out of step with the manifest.
    """

    def __init__(self, manifest: FrozenManifest, handles: Mapping[str, Any]) -> None:
        self._matrix = dependency_matrix(manifest.payload, handles)
        self.active_lane_count = self._matrix.active_lane_count
        self.gaps = (*self._matrix.gaps, *manifest.drift)

    @property
    def complete(self) -> bool:
        """Whether every active lane is covered and agrees with the manifest."""
        return not self.gaps

    def rows(self) -> list[dict[str, Any]]:
        """One row for each active lane and one for the shared storage."""
        return [{key: row[key] for key in ("lane", "dependencies", "complete")} for row in self._matrix.rows]


@dataclass(frozen=True, slots=True)
class ProbeBlocker:
    """A failed probe as the blocker that it maps to."""

    code: str
    detail: str
    result: ProbeResult


class ProbeRun:
    """The results of one run of the probes."""

    def __init__(self, results: tuple[ProbeResult, ...]) -> None:
        self._results = results

    @property
    def count(self) -> int:
        """How many probes ran."""
        return len(self._results)

    @property
    def failed_count(self) -> int:
        """How many did not pass."""
        return sum(not has_passed(result) for result in self._results)

    def failures(self, group: str) -> list[ProbeBlocker]:
        """The failed probes of a group, each with its blocker.

        Raises:
            LookupError: No probe of such a group was made.
        """
        of_group(group, self._results)
        return [blocker for blocker in self._blockers() if blocker.result.probe.group == group]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each probe."""
        return [probe_row(result) for result in self._results]

    def classification(self) -> dict[str, Any]:
        """Which blocker each failure maps to, and the failures that have no category."""
        rows = [
            {
                "probe": blocker.result.probe.number,
                "category": (blocker.result.error_class or ErrorClass.UNCATEGORISED).value,
                "code": blocker.code,
            }
            for blocker in self._blockers()
        ]
        return {"failures": rows, "uncategorized": [row for row in rows if row["code"] == "M4D-B6"]}

    def _blockers(self) -> list[ProbeBlocker]:
        found = []
        for result in self._results:
            if has_passed(result):
                continue
            error_class = result.error_class or ErrorClass.UNCATEGORISED
            found.append(ProbeBlocker(blocker_of(result.probe.group, error_class), failure_line(result), result))
        return found
