"""Runs a drill and keeps its journal: whatever happens in between, the control is set back and read back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.drills.control import Control, shown
from infra.drills.interrupts import politely_ended, shielded
from infra.drills.lease import PATIENCE_SECONDS, Lease, give_back, set_back
from infra.drills.mark import HeldError, Mark
from infra.drills.model import Drill, ProbeKind, ProbeStep
from infra.probes.classify import classify, explain

POLL_SECONDS: Final = 0.1

Look = Callable[[ProbeKind, str], int | str]
"""Makes one probe: its kind and a label that no other probe has; returns a status, `carried`, or what was lost."""


@dataclass
class Journal:
    """What a drill did and saw.

    Attributes:
        status: `completed`, `not_started`, `failed` (the method did not show what it should), or `interrupted`.
        reason: Why it is not completed.
        prestate: The control's value before.
        prestate_read: Whether it could be read.
        poststate: Its value after, as it was read back.
        restored: Whether it was read back and is the same; None where there was nothing to set back.
        failure_status: What the observed surface answered while the fault was in force.
        recovery_action: The call that set the control back.
        steady_before: The steady state before, by name of the probe.
        steady_after: The steady state after.
        steps: Everything, in order.
    """

    status: str = "not_started"
    reason: str = ""
    prestate: int | None = None
    poststate: int | None = None
    prestate_read: bool = False
    restored: bool | None = None
    injected: int | None = None
    failure_status: int | str | None = None
    failure_shown: bool = False
    recovery_action: str | None = None
    steady_before: dict[str, int | str] = field(default_factory=dict)
    steady_after: dict[str, int | str] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)


class DrillRunner:
    """Runs one drill once.

    Args:
        drill: The drill.
        control: What it turns.
        look: Makes the probes.
        execution_id: The attempt.
        tell: Says loudly, to whoever watches, that the control could not be set back.
        patience_s: How long to wait for another drill that holds the control, in seconds.
    """

    def __init__(
        self,
        drill: Drill,
        control: Control,
        look: Look,
        execution_id: str,
        tell: Callable[[str], None] | None = None,
        patience_s: float = PATIENCE_SECONDS,
    ) -> None:
        self._drill = drill
        self._control = control
        self._look = look
        self._tell = tell or to_terminal
        self._lease = Lease(control, execution_id, patience_s, self._tell)
        self._start = time.monotonic()
        self.journal = Journal()

    def run(self) -> Journal:
        """Runs it, and returns its journal.

        Raises:
            KeyboardInterrupt: It was interrupted; what it injected is set back by then, or somebody was told.
        """
        with politely_ended():
            try:
                left = self._lease.take()
            except Exception as error:  # noqa: BLE001 - a drill that cannot begin says why, and is judged by its gate
                self.journal.reason = self._failed("lease", error)
                if isinstance(error, HeldError):
                    self._read_prestate()  # nothing was turned here, and nothing of it can differ
                return self.journal
            try:
                if (left is None or self._gave_back(left)) and self._may_begin():
                    self._break_and_restore()
                    self._verify()
            finally:
                self._end()
        return self.journal

    def _gave_back(self, left: Mark) -> bool:
        """Gives back what a drill that did not end has left; a control that stays turned is no control to drill."""
        try:
            problem = give_back(self._control, self._lease, left, self._note)
        except Exception as error:  # noqa: BLE001 - a debt that cannot be struck out may still be one
            problem = self._failed("lease", error)
        if not problem:
            return True
        self.journal.restored = False
        self.journal.reason = f"NOT RESTORED: {problem}"
        self._tell(not_rolled_back(self._control, problem))
        return False

    def _may_begin(self) -> bool:
        """Whether the platform is one to drill: steady, and its control neither moving nor turned already."""
        journal = self.journal
        if not self._read_prestate():
            return False
        try:
            steady, journal.steady_before = self._steady("before", within_s=0.0)
            again = self._control.read()
        except Exception as error:  # noqa: BLE001 - a drill that cannot begin says why
            journal.reason = self._failed("prestate", error)
            return False
        if not steady:
            journal.reason = "the steady state does not hold before the drill"
        elif again != journal.prestate:
            journal.reason = f"{self._control.name} was {shown(journal.prestate)} and is {shown(again)} by now"
        elif again == self._drill.method[0].value:
            journal.reason = f"{self._control.name} is {shown(again)} already, which the drill would set it to"
        return not journal.reason

    def _read_prestate(self) -> bool:
        journal = self.journal
        try:
            journal.prestate = self._control.read()
        except Exception as error:  # noqa: BLE001 - a drill that cannot begin says why
            journal.reason = journal.reason or self._failed("prestate", error)
            return False
        journal.prestate_read = True
        self._note("prestate", "read", shown(journal.prestate))
        return True

    def _break_and_restore(self) -> None:
        journal = self.journal
        clamp, observe = self._drill.method
        try:
            self._lease.owe(injected=clamp.value, prestate=journal.prestate)
        except Exception as error:  # noqa: BLE001 - nothing was injected, so nothing has to be set back
            journal.reason = self._failed("lease", error)
            return
        journal.status = "failed"
        try:
            journal.injected = clamp.value
            with shielded():  # a call that was cut off could still arrive, behind the rollback
                self._note(clamp.name, self._control.write(clamp.value), clamp.value)
            journal.failure_shown, journal.failure_status = self._until(observe, self._drill.bounds.failure_within_s)
        except Exception as error:  # noqa: BLE001 - judged by the gate, behind the rollback
            journal.reason = self._failed("method", error)
        except BaseException:
            journal.status, journal.reason = "interrupted", "interrupted while the fault was in force"
            raise
        finally:
            with shielded():
                self._restore()

    def _restore(self) -> None:
        journal = self.journal
        done = set_back(self._control, journal.prestate, self._note)
        journal.recovery_action, journal.poststate, journal.restored = done.call, done.reads, not done.problem
        if not done.problem:
            self._confirm()
            return
        problem = f"{self._control.name} must be {shown(journal.prestate)}: {done.problem}"
        journal.status = "failed"
        journal.reason = f"NOT RESTORED: {problem}"
        self._tell(not_rolled_back(self._control, problem))

    def _confirm(self) -> None:
        """Notes that nothing is to be given back; a control that was lost meanwhile has shown nothing."""
        try:
            self._lease.settle()
        except Exception as error:  # noqa: BLE001 - the drill was not alone, or cannot know whether it was
            self.journal.failure_shown = False
            self.journal.reason = self._failed("lease", error)

    def _end(self) -> None:
        """Gives the control up, or leaves what is owed to whoever comes next."""
        try:
            self._lease.end()
        except Exception as error:  # noqa: BLE001 - the mark that stays says what is owed, and lapses
            self._failed("lease", error)

    def _verify(self) -> None:
        journal = self.journal
        if not journal.restored:
            return
        try:
            steady, journal.steady_after = self._steady("after", within_s=self._drill.bounds.recovery_within_s)
        except Exception as error:  # noqa: BLE001 - a recovery that cannot be seen is none
            journal.reason = self._failed("recovery", error)
            return
        if journal.failure_shown and steady:
            journal.status = "completed"
        elif not journal.reason:
            journal.reason = (
                "the steady state does not hold after the drill"
                if not steady
                else f"the fault did not show: {journal.failure_status}"
            )

    def _steady(self, when: str, within_s: float) -> tuple[bool, dict[str, int | str]]:
        seen: dict[str, int | str] = {}
        holds = True
        for step in self._drill.steady_state:
            ok, seen[step.name] = self._until(step, within_s, when)
            holds = holds and ok
        return holds, seen

    def _until(self, step: ProbeStep, within_s: float, when: str = "method") -> tuple[bool, int | str]:
        """Probes until the answer is tolerated or the time is over; at least once."""
        deadline = time.monotonic() + within_s
        count = 0
        while True:
            count += 1
            found = self._looked(step, f"{when}-{step.name}-{count}")
            ok = found in step.tolerance
            if ok or time.monotonic() >= deadline:
                self._note(f"{when}:{step.name}", step.probe, found, tolerated=ok, probes=count)
                return ok, found
            time.sleep(POLL_SECONDS)

    def _looked(self, step: ProbeStep, label: str) -> int | str:
        try:
            return self._look(step.probe, label)
        except Exception as error:  # noqa: BLE001 - what cannot be probed is not steady; the word says why
            embedded = self._control.clients.substrate == "embedded"
            return f"{classify(error, embedded=embedded).value}: {explain(error)}"

    def _failed(self, step: str, error: BaseException) -> str:
        reason = f"{step}: {explain(error)}"
        self._note(step, "failed", explain(error))
        return reason

    def _note(self, name: str, what: str, value: object, **more: Any) -> None:
        at = round((time.monotonic() - self._start) * 1_000, 3)
        self.journal.steps.append({"at_ms": at, "name": name, "what": what, "value": value, **more})


def lost(words: Sequence[str]) -> str:
    """What a correlation probe returns where something was lost."""
    return f"lost: {'; '.join(words)}"


def not_rolled_back(control: Control, problem: str) -> str:
    """What is said where a control cannot be set back."""
    return (
        f"DRILL NOT ROLLED BACK: account {control.clients.account_id}: {problem}\n"
        "    remedy: set it by hand, or run the gates again, which tries to give back what was left"
    )


def to_terminal(message: str) -> None:
    """Says something past whatever captures output."""
    stream = sys.__stderr__
    if stream is not None:
        stream.write(f"\n{message}\n")
        stream.flush()
