"""The standard streams, which capture, terminal and reports share with the tests: a test may not close them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest


class OpenStreams:
    """Lets a test's `close` on a standard stream flush it alone: whoever writes to it next would end in an error."""

    def __init__(self) -> None:
        self._own = _hold(sys.__stdout__, sys.__stderr__)
        self._captures: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Holds the streams that capture has put in place, before the first fixture of a test."""
        self._captures += _hold(sys.stdout, sys.stderr)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        """Gives them back behind its last fixture: capture itself closes them one day."""
        _release(self._captures)
        self._captures.clear()

    def pytest_unconfigure(self) -> None:
        """Gives back what is left, where a session ends in the middle of a test."""
        _release(self._captures)
        _release(self._own)


def _hold(*streams: Any) -> list[Any]:
    held = []
    for stream in streams:
        if stream is not None and "close" not in getattr(stream, "__dict__", {"close": None}):
            stream.close = stream.flush
            held.append(stream)
    return held


def _release(held: Iterable[Any]) -> None:
    for stream in held:
        with suppress(AttributeError):  # the test took it away
            del stream.close
