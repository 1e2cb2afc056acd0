"""Signals around a drill: an end is asked for politely, and a rollback is not cut off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def politely_ended() -> Iterator[None]:
    """Makes SIGTERM an interrupt like Ctrl-C, so that what stands in `finally` runs."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    with _handlers((signal.SIGTERM,), interrupt):
        yield


@contextmanager
def shielded() -> Iterator[None]:
    """Puts interrupts off until the block is over; the last one is raised then."""
    late: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        del frame
        late.append(number)

    with _handlers(_ENDING, remember):
        yield
    if late:
        raise KeyboardInterrupt


@contextmanager
def _handlers(numbers: tuple[signal.Signals, ...], handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread alone
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
