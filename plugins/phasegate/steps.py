"""Steps: what a verifier did on its way, with times, for reports; no evidence, and nothing that a verdict rests on."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done while a verifier ran.

    Attributes:
        name: What was done.
        passed: Whether it went as it should.
        started_at: When it began, in seconds of the epoch.
        seconds: How long it took.
        detail: What was seen; empty where nothing needs saying.
    """

    name: str
    passed: bool
    started_at: float
    seconds: float
    detail: str = ""


_TAKEN: list[Step] = []


def step(name: str, *, seconds: float, passed: bool = True, detail: str = "", started_at: float | None = None) -> None:
    """Tells the reports of something that was done for the verifier that runs, such as one probe, or one of a drill.

    Args:
        name: What was done.
        seconds: How long it took.
        passed: Whether it went as it should.
        detail: What was seen.
        started_at: When it began, in seconds of the epoch; by default it ended just now.
    """
    began = time.time() - seconds if started_at is None else started_at
    _TAKEN.append(Step(name, passed, began, seconds, detail))


def take_steps() -> tuple[Step, ...]:
    """What was told since the last call, in order."""
    taken = tuple(_TAKEN)
    del _TAKEN[: len(taken)]
    return taken
