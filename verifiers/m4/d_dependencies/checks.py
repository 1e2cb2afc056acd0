"""What each active lane depends on, and the probes that look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fixtures.lanes import FrozenManifest
from fixtures.probes import failure_line, has_passed, of_group, probe_row
from infra.lanes.dependencies import dependency_matrix
from infra.probes import ErrorClass, Group, ProbeResult

GROUP_BLOCKERS: Mapping[Group, str] = MappingProxyType(
    {Group.STREAM_EDGE_STORAGE: "M4D-B3", Group.DATASTORE: "M4D-B4", Group.OBSERVABILITY: "M4D-B5"}
)
"""The blocker of each group of probes."""

UNCATEGORISED_BLOCKER = "M4D-B6"
"""The blocker of a failure that says nothing about the surface."""


def blocker_of(group: Group, error_class: ErrorClass) -> str:
    """The blocker that a failed probe maps to.

    A failure without a category, and one that says that the substrate cannot do what was asked, are blockers of
    their own: neither says anything about the surface.
    """
    return GROUP_BLOCKERS[group] if error_class.about_surface else UNCATEGORISED_BLOCKER


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

    @property
    def stream_edge_storage(self) -> list[ProbeBlocker]:
        """The failed probes of streams, edge and storage."""
        return self._failures(Group.STREAM_EDGE_STORAGE)

    @property
    def datastore(self) -> list[ProbeBlocker]:
        """The failed probes of datastores."""
        return self._failures(Group.DATASTORE)

    @property
    def observability(self) -> list[ProbeBlocker]:
        """The failed probes of observability."""
        return self._failures(Group.OBSERVABILITY)

    def _failures(self, group: Group) -> list[ProbeBlocker]:
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
        return {"failures": rows, "uncategorized": [row for row in rows if row["code"] == UNCATEGORISED_BLOCKER]}

    def _blockers(self) -> list[ProbeBlocker]:
        found = []
        for result in self._results:
            if has_passed(result):
                continue
            error_class = result.error_class or ErrorClass.UNCATEGORISED
            found.append(ProbeBlocker(blocker_of(result.probe.group, error_class), failure_line(result), result))
        return found
