"""Execution ids: `m4a_20260224T043334Z`, or with a label, `m5c_p3b_required_outputs_20260224T191554Z`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from phasegate.catalog.model import Gate

_PATTERN = re.compile(r"(?P<prefix>m\d+[a-z]\d?)(?:_(?P<label>[a-z0-9]+(?:_[a-z0-9]+)*))?_(?P<time>\d{8}T\d{6}Z)")
_TIME = "%Y%m%dT%H%M%SZ"


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
        match = _PATTERN.fullmatch(text)
        if match is None:
            return None
        try:
            time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(match["prefix"], match["label"], time)

    @property
    def phase(self) -> str:
        """The folder of its phase, such as `m4`."""
        return self.prefix.rstrip("0123456789")[:-1] if self.prefix[-1].isdigit() else self.prefix[:-1]

    def __str__(self) -> str:
        return "_".join(part for part in (self.prefix, self.label, self.time.strftime(_TIME)) if part)
