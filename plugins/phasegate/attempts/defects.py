"""What an audit finds: a defect at its place, of one of three kinds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DefectKind(StrEnum):
    """What is wrong with evidence, from the gravest."""

    INTEGRITY = "INTEGRITY"
    """Something was altered, is missing, or is there and should not be."""
    SIGNATURE = "SIGNATURE"
    """What is there is not signed by a key that is trusted."""
    DURABLE = "DURABLE"
    """The durable copy is not the local one, is not locked, or cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        execution_id: The attempt that it concerns; empty where it concerns none.
        file: The file; empty where it concerns the attempt as a whole; below the platform's root where it concerns
            no attempt.
        kind: What kind of defect it is.
        fact: What is wrong.
    """

    execution_id: str
    file: str
    kind: DefectKind
    fact: str
