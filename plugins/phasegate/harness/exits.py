"""Ways to end a process past pytest: during gates they end it with an error, and after them with the gates' word.

`os._exit` and the `os.exec…` family end or replace the process at once. In a process that runs gates nothing of the
kind may end in 0: not inside a verifier, whose attempt is lost, nor in an `atexit` hook that a verifier left behind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from os import getpid  # now: a test may put another function there
from typing import Any, Final, NoReturn

import pytest

from phasegate.errors import ExitCode

_REPLACING: Final = ("execv", "execve")
_BYTE: Final = 0xFF

end_now: Final[Callable[[int], NoReturn]] = os._exit
"""Ends the process without asking anyone; for a child of `os.fork`, which must not run on as the session."""


def say_lost(config: pytest.Config, what: str) -> None:
    """Says what ends the process, past what captures its output."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.suspend(in_=True)
    line = f"\nphasegate: {what} in a session of gates\n"
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())


EXITS_KEY = pytest.StashKey["LastWord"]()


class LastWord:
    """Stands before the ways out of one process, from its making on; a process that was forked keeps them as they are.

    Attributes:
        armed: Whether gates are selected or may yet be; a session of plain tests ends as it likes.
        code: What the process ends with instead of 0; None until the session is over.
        lost: Called with what happened when the process is about to end in the middle of the session; says what it
            ends with instead of 0.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.armed = False
        self.code: int | None = None
        self.lost: Callable[[str], int] = partial(_lost_early, config)
        self._pid = getpid()
        self._originals = {name: getattr(os, name) for name in ("_exit", *_REPLACING)}
        os._exit = self._exit
        for name in _REPLACING:
            setattr(os, name, self._replacing(name))

    @contextmanager
    def closed(self) -> Generator[None, None, None]:
        """Closes the ways out while this is open."""
        self.armed = True
        try:
            yield
        finally:
            self.armed = False

    def remove(self) -> None:
        """Takes itself away again."""
        for name, original in self._originals.items():
            setattr(os, name, original)

    def _exit(self, status: int) -> NoReturn:
        if self._stands():
            status = self._instead(f"os._exit({status}) was called", status)
        end_now(status)

    def _replacing(self, name: str) -> Callable[..., Any]:
        def instead(*args: Any) -> Any:
            if not self._stands():
                return self._originals[name](*args)
            return end_now(self._instead(f"os.{name} was called, which replaces the process", ExitCode.OK))

        return instead

    def _stands(self) -> bool:
        return self.armed and getpid() == self._pid

    def _instead(self, what: str, status: int) -> int:
        """The exit code that the process ends with."""
        code = self.code
        if code is None:
            try:
                code = self.lost(what)
            except BaseException:  # noqa: BLE001 - the process ends now, and not well
                code = ExitCode.INTERNAL
        return status & _BYTE or code


def _lost_early(config: pytest.Config, what: str) -> int:
    say_lost(config, what)
    return ExitCode.INTERNAL
