"""What phasegate says when it cannot go on: the fact, the place, the remedy, and an exit code of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from phasegate.printable import in_one_line, printable


class ExitCode(IntEnum):
    """Exit codes of `pytest` with phasegate and of the `phasegate` command.

    0 to 5 are pytest's own meanings; the others are ours. None is ever computed by arithmetic, so none can
    wrap round to zero.
    """

    OK = 0
    """Every selected gate passed."""
    BLOCKED = 1
    """A gate is blocked (or, as in plain pytest, a test failed)."""
    INTERRUPTED = 2
    """The session was interrupted; its attempts are incomplete."""
    INTERNAL = 3
    """An internal error."""
    USAGE = 4
    """A wrong option, marker or configuration."""
    NOTHING_COLLECTED = 5
    """No test was selected."""
    INCOMPLETE = 6
    """No gate is blocked by a finding, but one was not evaluated whole, so it holds."""
    CATALOGUE = 7
    """The catalogue has problems."""
    REGISTRY = 8
    """The handle registry cannot be read, or a handle that is needed has no one usable value."""
    EVIDENCE = 9
    """Evidence is missing, altered, or cannot be written."""
    SUBSTRATE = 10
    """The substrate cannot be reached, started or stopped."""
    SIGNATURE = 11
    """Evidence is whole, and not signed by a key that is trusted (`phasegate verify`)."""
    DURABLE = 12
    """Local evidence is sound, and its durable copy is not (`phasegate verify --durable`)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what fixes it.

    Attributes:
        fact: What is wrong, in one sentence.
        place: File and line, option, or key at which it is wrong.
        remedy: What the reader can do about it.
    """

    fact: str
    place: str
    remedy: str

    def __str__(self) -> str:
        fact = printable(self.fact).replace("\n", "\n    ")
        return f"{in_one_line(self.place)}: {fact}\n    remedy: {in_one_line(self.remedy)}"


class PhasegateError(Exception):
    """Anything phasegate tells its user; carries every problem found, not only the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SettingsError(PhasegateError, ValueError):
    """The configuration in `[tool.phasegate]` or on the command line cannot be used."""


class CatalogueError(PhasegateError, ValueError):
    """The catalogue is malformed or contradicts itself."""

    exit_code = ExitCode.CATALOGUE


class EvidenceError(PhasegateError, OSError):
    """Evidence cannot be read, written, or does not match what was recorded."""

    exit_code = ExitCode.EVIDENCE
