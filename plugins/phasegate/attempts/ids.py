"""Execution ids: `m4a_20260224T043334Z`, or with a label, `m5c_p3b_required_outputs_20260224T191554Z`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from phasegate.catalog.grammar import execution_id, execution_parts
from phasegate.catalog.model import Gate


@dataclass(frozen=True, slots=True)
class ExecutionId:
    """The name of one attempt; also the name of its folder and its key prefix.

    Attributes:
        prefix: The gate's prefix, such as `m4a`.
        label: A readable part; None in the short form.
        time: The second that the attempt is named after, in UTC.
    """

    prefix: str
    label: str | None
    time: datetime

    @classmethod
    def of(cls, gate: Gate, time: datetime) -> ExecutionId:
        """The id of an attempt of a gate in a given second."""
        return cls(gate.prefix, gate.label, time.astimezone(UTC).replace(microsecond=0))

    @classmethod
    def parse(cls, text: str) -> ExecutionId | None:
        """The id that a text is; None where it is none."""
        parts = execution_parts(text)
        return cls(*parts) if parts is not None else None

    def __str__(self) -> str:
        return execution_id(self.prefix, self.label, self.time)
