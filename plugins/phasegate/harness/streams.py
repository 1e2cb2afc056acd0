"""The standard streams, which capture, terminal and reports share with the tests: a test may not close them."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest


class OpenStreams:
    """Lets a test's `close` on a standard stream flush it alone: whoever writes to it next would end in an error."""

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """Keeps the streams open while fixtures are set up."""
        with _kept_open():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Keeps the streams open while the test runs."""
        with _kept_open():
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Keeps the streams open while fixtures are torn down."""
        with _kept_open():
            return (yield)


@contextmanager
def _kept_open() -> Iterator[None]:
    streams: list[Any] = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    for stream in streams:
        with suppress(AttributeError):  # there is none, or it takes no method of ours
            stream.close = stream.flush
    try:
        yield
    finally:
        for stream in streams:
            with suppress(AttributeError):
                del stream.close
