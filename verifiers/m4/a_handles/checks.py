"""The runtime-path law: three values that the registry has to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class LawClause:
    """One pinned value of the runtime-path law, and what the registry has.

    Attributes:
        handle: The handle.
        expected: The value that the law pins.
        actual: The registry's value; None where it has none that can be used.
    """

    handle: str
    expected: JsonValue
    actual: JsonValue

    @property
    def holds(self) -> bool:
        """Whether the registry says what the law pins, in the same type."""
        return type(self.actual) is type(self.expected) and self.actual == self.expected


@dataclass(frozen=True, slots=True)
class RuntimePathLaw:
    """The single-active-path contract: three handles with pinned values."""

    clauses: tuple[LawClause, ...]

    @property
    def broken(self) -> tuple[LawClause, ...]:
        """The clauses that do not hold."""
        return tuple(clause for clause in self.clauses if not clause.holds)

    @property
    def status(self) -> Literal["PASS", "FAIL"]:
        """PASS where every clause holds."""
        return "FAIL" if self.broken else "PASS"

    def values(self) -> dict[str, JsonValue]:
        """The registry's value of each clause."""
        return {clause.handle: clause.actual for clause in self.clauses}
