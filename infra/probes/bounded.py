"""Runs tasks side by side, each within its bound: what hangs is left behind, and holds nobody up."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class DeadlineError(TimeoutError):
    """A task did not end within its bound."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """How a task ended.

    Attributes:
        value: What it returned; None where it did not.
        error: What it raised, or a `DeadlineError`; None where it returned.
        seconds: How long it took, or how long it was waited for.
    """

    value: T | None
    error: Exception | None
    seconds: float


def run_bounded(
    tasks: Sequence[Callable[[], T]], *, timeout_s: float, concurrency: int, name: str = "bounded"
) -> tuple[Ended[T], ...]:
    """Runs every task in a thread of its own.

    A call that hangs cannot be taken back. Its thread is a daemon that is abandoned with whatever it still finds
    out, and its place goes to the next task, so the whole takes at most `timeout_s` for every `concurrency` tasks.

    Args:
        tasks: The tasks.
        timeout_s: Bound of each task in seconds, from the moment it starts.
        concurrency: How many run at once.
        name: The threads' name, before their number.

    Returns:
        How each task ended, in the given order.

    Raises:
        ValueError: The bound or the concurrency is not positive.
    """
    if timeout_s <= 0 or concurrency < 1:
        raise ValueError(f"nothing can run in {timeout_s} s, {concurrency} at once; both must be positive")
    ended: dict[int, Ended[T]] = {}
    started: dict[int, float] = {}
    finished: SimpleQueue[tuple[int, Ended[T]]] = SimpleQueue()
    waiting = deque(range(len(tasks)))
    while waiting or started:
        while waiting and len(started) < concurrency:
            number = waiting.popleft()
            started[number] = time.monotonic()
            threading.Thread(
                target=_run, args=(number, tasks[number], finished), name=f"{name}-{number}", daemon=True
            ).start()
        first_deadline = min(started.values()) + timeout_s
        try:
            number, result = finished.get(timeout=max(0.0, first_deadline - time.monotonic()))
            if started.pop(number, None) is not None:
                ended[number] = result
        except Empty:
            pass
        for number in [number for number, start in started.items() if time.monotonic() >= start + timeout_s]:
            del started[number]
            ended[number] = Ended(None, DeadlineError(f"no end within {timeout_s:g} s"), timeout_s)
    return tuple(ended[number] for number in range(len(tasks)))


def _run(number: int, task: Callable[[], T], finished: SimpleQueue[tuple[int, Ended[T]]]) -> None:
    start = time.monotonic()
    try:
        value = task()
    except Exception as error:  # noqa: BLE001 - handed to the caller, who classifies it
        finished.put((number, Ended(None, error, time.monotonic() - start)))
    else:
        finished.put((number, Ended(value, None, time.monotonic() - start)))
