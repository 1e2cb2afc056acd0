"""Holding a control for one drill, by its mark, and giving back what a drill that did not end has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from infra.drills.control import MARK_ALIAS, Control, shown
from infra.drills.interrupts import shielded
from infra.drills.mark import LEASE_SECONDS, HeldError, Holder, Mark, MarkLostError
from infra.probes.classify import explain

POLL_SECONDS: Final = 0.2
RESTORE_TRIES: Final = 4
RESTORE_PAUSE_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = LEASE_SECONDS + 10.0
"""How long a control that another drill holds is waited for: until its mark must have lapsed."""
SETTLE_SECONDS: Final = 5
"""For how long a call that a killed process had under way may still turn the control."""

Note = Callable[[str, str, object], None]
"""Puts a step into a journal: its name, what was done, a value."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What setting a control back came to.

    Attributes:
        call: The last call that set it; None where none was made.
        reads: What it read last; None where it has no value, or could not be read.
        problem: Why it is not set back; empty where it is.
    """

    call: str | None
    reads: int | None
    problem: str = ""


class Lease:
    """The hold on one control.

    Args:
        control: The control.
        attempt: Who wants it.
        patience_s: How long to wait for a drill that holds it, in seconds.
        tell: Says that it is waited for, to whoever watches.
    """

    def __init__(
        self,
        control: Control,
        attempt: str,
        patience_s: float = PATIENCE_SECONDS,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._control = control
        self._attempt = attempt
        self._patience = patience_s
        self._tell = tell
        self._mine: Mark | None = None
        self._clock = 0.0
        """What the clock of AWS is ahead of this process's own."""

    def take(self) -> Mark | None:
        """Takes the control.

        Returns:
            The mark of a drill that did not end; what it says has to be given back is this drill's to give back now.

        Raises:
            HeldError: A drill that is still running holds it.
            InfraError: A mark stands there that cannot be read.
        """
        deadline = time.monotonic() + self._patience
        waits = False
        while True:
            found, now = self._control.marked()
            self._clock = now - time.monotonic()
            if found is None or found.is_over(now):
                try:
                    with shielded():
                        self._mine = self._control.mark(self._own(found, now), replacing=found)
                except MarkLostError:
                    continue  # somebody else was faster; see who
                return found
            if time.monotonic() >= deadline:
                raise HeldError(
                    fact=f"the drill of {found.attempt} holds it, for {found.until - now} s at most",
                    place=self._control.name,
                    remedy=f"run again when that drill is over; its mark is the function's alias {MARK_ALIAS}",
                )
            if not waits:
                waits = True
                self._tell(f"waiting for the drill of {found.attempt}: {self._control.name}")
            time.sleep(POLL_SECONDS)

    def owe(self, *, injected: int, prestate: int | None) -> None:
        """Writes down what is to be given back, before the control is turned.

        Raises:
            MarkLostError: The control was lost to somebody else.
        """
        self._renew(injected, prestate)

    def settle(self) -> None:
        """Writes down that nothing is to be given back any more, once that was seen.

        Raises:
            MarkLostError: The control was lost to somebody else.
        """
        self._renew(None, None)

    def end(self) -> None:
        """Gives the control up; what is still owed is left to whoever comes next.

        Raises:
            MarkLostError: The control was lost to somebody else; their mark stays.
        """
        mine = self._held()
        with shielded():
            if mine.injected is not None:
                self._control.mark(replace(mine, until=0), replacing=mine)
                return
            self._renew(None, None)  # for a while nobody may take it, so the mark that is deleted is one's own
            self._control.unmark()

    def _renew(self, injected: int | None, prestate: int | None) -> None:
        mine, now = self._held(), int(self._clock + time.monotonic())
        with shielded():
            self._mine = self._control.mark(mine.renewed(now, injected=injected, prestate=prestate), replacing=mine)

    def _held(self) -> Mark:
        if self._mine is None:
            raise RuntimeError("the control was never taken")
        return self._mine

    def _own(self, found: Mark | None, now: int) -> Mark:
        duty = (None, None) if found is None else (found.injected, found.prestate)
        return Mark(self._attempt, Holder.here(), now + LEASE_SECONDS, *duty)


def set_back(control: Control, value: int | None, note: Note) -> Restored:
    """Sets a control back, and believes it once it reads so; tries again where it does not.

    Args:
        control: The control.
        value: What it has to be.
        note: Takes down what was done.
    """
    call, reads, problem = None, None, ""
    for attempt in range(RESTORE_TRIES):
        try:
            call = control.write(value)
            reads = control.read()
        except Exception as error:  # noqa: BLE001 - tried again, and told if it never works
            problem = explain(error)
            note("restore", "failed", problem)
        else:
            note("restore", call, shown(reads))
            if reads == value:
                return Restored(call, reads)
            problem = f"it reads {shown(reads)}"
        if attempt < RESTORE_TRIES - 1:
            time.sleep(RESTORE_PAUSE_SECONDS * (attempt + 1))
    return Restored(call, reads, problem)


def give_back(control: Control, lease: Lease, left: Mark, note: Note) -> str:
    """Gives back what a drill that did not end has left, unless somebody changed the control since.

    Args:
        control: The control.
        lease: The hold on it, which took that drill's debt over.
        left: That drill's mark.
        note: Takes down what was done.

    Returns:
        Why it could not be given back; empty where it was, or where there was nothing to give.
    """
    note("undo_earlier", f"left by {left.attempt}", shown(left.prestate))
    if left.injected is None:
        return ""
    try:
        reads = _settled(control, left)
    except Exception as error:  # noqa: BLE001 - what cannot be read is not given back
        return f"{control.name} cannot be read: {explain(error)}"
    if reads != left.injected:
        note("undo_earlier", "nothing to undo", shown(reads))
    elif problem := set_back(control, left.prestate, note).problem:
        return f"{control.name} must be {shown(left.prestate)}: {problem}"
    lease.settle()
    return ""


def _settled(control: Control, left: Mark) -> int | None:
    """What the control reads once no call of the drill that left the mark can be under way any more."""
    began = left.until - LEASE_SECONDS
    while True:
        reads = control.read()
        _, now = control.marked()
        if reads == left.injected or not began <= now < began + SETTLE_SECONDS:
            return reads
        time.sleep(POLL_SECONDS)


def recover(
    control: Control,
    who: str,
    note: Note,
    patience_s: float = PATIENCE_SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """Gives back what a drill that did not end has left, before anybody judges the platform by it.

    Args:
        control: The control.
        who: Whoever asks, as the mark names it meanwhile.
        note: Takes down what was done; nothing is taken down where nothing was left.
        patience_s: How long to wait for a drill that is still running, in seconds.
        tell: Says that it is waited for, to whoever watches.

    Returns:
        Why it could not be given back; empty where it was, or where nothing was left.

    Raises:
        HeldError: A drill that is still running holds the control.
        InfraError: A mark stands there that cannot be read.
    """
    if control.marked()[0] is None:
        return ""
    lease = Lease(control, who, patience_s, tell)
    left = lease.take()
    try:
        return give_back(control, lease, left, note) if left is not None else ""
    finally:
        lease.end()
