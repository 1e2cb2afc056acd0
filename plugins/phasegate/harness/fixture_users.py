"""Which gates used a fixture: one that lives longer than a gate fails, at its end, in a test that may not know it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any

import pytest


class FixtureUsers:
    """Notes, in one process, who used which fixture of more than one test."""

    def __init__(self) -> None:
        self._names: dict[CodeType, str] = {}
        self._gates: defaultdict[str, set[str]] = defaultdict(set)

    def set_up(self, fixturedef: pytest.FixtureDef[Any], gate: str | None) -> None:
        """Notes that a fixture was made, for a test of a gate or for a plain one."""
        code = getattr(fixturedef.func, "__code__", None)
        if fixturedef.scope != "function" and code is not None:
            self._names[code] = fixturedef.argname
            self._gates[fixturedef.argname] |= {gate} if gate is not None else set()

    def use(self, item: pytest.Item, gate: str) -> None:
        """Notes the fixtures that a test of a gate asks for."""
        for name in getattr(item, "fixturenames", ()):
            self._gates[name].add(gate)

    def blame(self, error: BaseException) -> dict[str, list[str]]:
        """The fixtures out of which an error came, and the gates that used each.

        Returns:
            An empty table where a part of the error came out of none of them.
        """
        found: dict[str, list[str]] = {}
        for part in _parts(error):
            name = next((self._names[code] for code in _codes(part.__traceback__) if code in self._names), None)
            if name is None:
                return {}
            found[name] = sorted(self._gates[name])
        return found


def _parts(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _parts(part)
    else:
        yield error


def _codes(trace: TracebackType | None) -> Iterator[CodeType]:
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next
