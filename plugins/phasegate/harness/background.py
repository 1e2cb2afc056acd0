"""What the threads, tasks, futures and child processes of verifiers report, and whose report it is.

A report that comes while its test runs is the test's. One that comes later is charged to the test's gate while its
attempt is open, and to the session once it is committed; none is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from phasegate.harness.marks import VerifierTest
from phasegate.harness.outcomes import Protocol
from phasegate.scope import Stray, keep_strays, take_strays
from phasegate.spool import Spool

if TYPE_CHECKING:
    from phasegate.harness.begun import Begun
    from phasegate.harness.watch import Watch

Late = tuple[VerifierTest | None, str]
"""A report that came when its test had ended: the test, where it is known, and what was said."""


class Background:
    """Listens, in one process, from the plan of a session to its end.

    Attributes:
        children: What child processes report to; None before the start.
    """

    def __init__(self) -> None:
        self.children: Spool | None = None
        self._watch: Watch | None = None
        self._begun: Begun | None = None
        self._tests: dict[int, VerifierTest] = {}

    def start(self) -> None:
        """Begins to listen."""
        from phasegate.harness.begun import Begun  # noqa: PLC0415 - such modules are for sessions with gates
        from phasegate.harness.watch import Watch  # noqa: PLC0415

        self.children = Spool()
        self._watch = Watch()
        self._watch.start()
        self._begun = Begun()
        self._begun.start()

    def stop(self) -> None:
        """Leaves the process as it was before."""
        if self._watch is not None and self._begun is not None:
            self._begun.stop()
            self._watch.stop()
        if self.children is not None:
            self.children.close()

    def settle(self, protocol: Protocol) -> list[Late]:
        """Gives a test that has ended what is its own, and returns what is another's."""
        own = {scope.number for scope in protocol.scopes}
        self._tests |= dict.fromkeys(own, protocol.test)
        if self._watch is not None:
            self._watch.settle()
        strays = take_strays()  # of child processes those that came while a scope was open
        protocol.settle(_said(stray) for stray in strays if stray.scope is None or stray.scope in own)
        return self._late(stray for stray in strays if stray.scope is not None and stray.scope not in own)

    def late(self) -> list[Late]:
        """What has come since the last test ended, and what has not ended yet."""
        if self._begun is not None:
            self._begun.unfinished()
        return self._late(self._strays())

    def end(self) -> None:
        """Says that every gate is judged."""
        if self._begun is not None:
            self._begun.over = True

    def _strays(self) -> list[Stray]:
        if self.children is not None:
            keep_strays(self.children.entries())
        return take_strays()

    def _late(self, strays: Iterable[Stray]) -> list[Late]:
        return [(self._tests.get(stray.scope or 0), _said(stray)) for stray in strays]


def _said(stray: Stray) -> str:
    return f"{stray.code}, reported when its test had ended: {stray.detail}" if stray.code else stray.detail
