"""What the AWS side says when it cannot go on: the fact, the place, the remedy, and an exit code of its own.

The `phasegate` command prints any exception that carries `problems` and `exit_code` and ends with that code, so
these errors need not know the framework.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where it is, and what fixes it."""

    fact: str
    place: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.fact}\n    remedy: {self.remedy}"


class InfraError(Exception):
    """Anything the AWS side tells its user; carries every problem found, not only the first.

    Args:
        fact: What is wrong, for an error of one problem.
        place: Where it is wrong.
        remedy: What fixes it.
        problems: The problems, for an error of several.
    """

    exit_code = 4

    def __init__(self, fact: str = "", place: str = "", remedy: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(fact, place, remedy),)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RegistryError(InfraError, ValueError):
    """The handle registry cannot be read, or a handle that is needed has no one usable value."""

    exit_code = 8


class SubstrateError(InfraError, RuntimeError):
    """The embedded substrate cannot be started, reached or stopped, or lacks what was asked of it."""

    exit_code = 10
