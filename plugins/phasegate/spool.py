"""How a child process of a verifier reports to the test that started it.

What a forked or spawned child records in its own memory ends with it. So it appends to a file that the process of
the test made, whose name it inherits in the environment, and that process reads it when the test function has ended.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_VARIABLE: Final = "PHASEGATE_SPOOL"
_PART: Final = 65_536


class Spool:
    """The file that the children of one process report to; only its owner may read it."""

    def __init__(self) -> None:
        self._descriptor, self._path = tempfile.mkstemp(prefix="phasegate-reports-")  # made with mode 600
        self._read = 0

    def address(self, scope: int) -> dict[str, str]:
        """Lets child processes that are started from now on report to a scope, named by its number.

        Returns:
            What such a process has to find in its environment.
        """
        address = {_VARIABLE: f"{scope}:{self._path}"}
        os.environ[_VARIABLE] = address[_VARIABLE]
        return address

    def send(self, scope: int, entry: Mapping[str, str]) -> None:
        """Reports from a forked child, which has this spool in its memory, whatever its environment is."""
        _append(self._path, scope, entry)

    @staticmethod
    def hide() -> None:
        """Lets child processes that are started from now on report to nobody."""
        with suppress(KeyError):
            del os.environ[_VARIABLE]

    def entries(self) -> list[dict[str, Any]]:
        """What has come since the last call; each entry names its `scope`."""
        data = b""
        while part := os.pread(self._descriptor, _PART, self._read + len(data)):
            data += part
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def close(self) -> None:
        """Removes the file."""
        with suppress(OSError):
            os.close(self._descriptor)
            Path(self._path).unlink()


def inherited() -> int | None:
    """The scope that this process may report to because a verifier started it; None where none did."""
    scope, _, path = os.environ.get(_VARIABLE, "").partition(":")
    return int(scope) if scope.isdecimal() and path else None


def send(scope: int, entry: Mapping[str, str]) -> None:
    """Reports from a child process that was started with the environment of its parent.

    Args:
        scope: The number of the scope.
        entry: What to report.
    """
    _append(os.environ[_VARIABLE].partition(":")[2], scope, entry)


def _append(path: str, scope: int, entry: Mapping[str, str]) -> None:
    line = json.dumps({**entry, "scope": scope}).encode("ascii") + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line)  # one write: what several children append does not mix
    finally:
        os.close(descriptor)
