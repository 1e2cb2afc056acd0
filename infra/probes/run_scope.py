"""The run identity that surfaces must carry, and the six fields and five headers of one probe."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FIELDS: Final = ("platform_run_id", "scenario_run_id", "phase_id", "event_id", "runtime_lane", "trace_id")
HEADERS: Final = ("traceparent", "tracestate", "x-fp-platform-run-id", "x-fp-phase-id", "x-fp-event-id")
PHASE_ID: Final = "P2"
"""The phase of the platform's process flow in which the runtime lanes are made ready."""

INGRESS_LANE: Final = "ingress_edge"
ORCHESTRATOR_LANE: Final = "orchestration_commit_authority"
EVENT_CLASS: Final = "readiness_probe"


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The run that the platform was handed over for.

    Attributes:
        platform_run_id: The platform run.
        scenario_run_id: The scenario run.
        env_key: The variable that carries the platform run's id.
        env_value: Its value.
        fields: The correlation fields that the handover requires.
    """

    platform_run_id: str
    scenario_run_id: str
    env_key: str
    env_value: str
    fields: tuple[str, ...]

    @classmethod
    def of(cls, handoff: Mapping[str, Any]) -> RunIdentity | None:
        """The identity that a handoff pack carries; None where it carries none."""
        keys = ("platform_run_id", "scenario_run_id")
        env = ("required_platform_run_id_env_key", "required_platform_run_id_env_value")
        found = [handoff.get(key) for key in (*keys, *env)]
        fields = handoff.get("correlation_required_fields")
        if not all(isinstance(value, str) and value for value in found) or not isinstance(fields, list):
            return None
        run, scenario, key, value = map(str, found)
        return cls(run, scenario, key, value, tuple(map(str, fields)))


@dataclass(frozen=True, slots=True)
class Correlation:
    """What one probe carries.

    Attributes:
        fields: The six fields, by name.
        headers: The five headers, by name.
    """

    fields: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, identity: RunIdentity, *, label: str, lane: str) -> Correlation:
        """The correlation of a probe; the same label gives the same one.

        Args:
            identity: The run.
            label: Tells the probe apart from every other, such as an execution id and a step.
            lane: The lane that is probed.
        """
        digest = hashlib.sha256(label.encode()).hexdigest()
        trace_id, span_id = digest[:32], digest[32:48]
        values = (identity.platform_run_id, identity.scenario_run_id, PHASE_ID, f"probe-{label}", lane, trace_id)
        fields = dict(zip(FIELDS, values, strict=True))
        return cls(
            fields=fields,
            headers={
                "traceparent": f"00-{trace_id}-{span_id}-01",
                "tracestate": f"fp={span_id}",
                "x-fp-platform-run-id": identity.platform_run_id,
                "x-fp-phase-id": PHASE_ID,
                "x-fp-event-id": fields["event_id"],
            },
        )

    @property
    def trace_id(self) -> str:
        """The trace."""
        return self.fields["trace_id"]

    def event(self, identity: RunIdentity) -> dict[str, str]:
        """An event for the ingress that carries the fields and the run's variable."""
        return {**self.fields, "event_class": EVENT_CLASS, identity.env_key: identity.env_value}


def differences(wanted: Mapping[str, str], found: object, names: Sequence[str]) -> list[str]:
    """Which of the named values something does not carry as they were sent."""
    held = found if isinstance(found, Mapping) else {}
    return [
        f"{name} is absent" if held.get(name) is None else f"{name} differs"
        for name in names
        if held.get(name) != wanted.get(name)
    ]
