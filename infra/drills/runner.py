"""Runs a drill and keeps its journal: whatever happens in between, the control is set back and read back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.drills.control import ReservedConcurrency, shown
from infra.drills.interrupts import politely_ended, shielded
from infra.drills.ledger import Ledger, OpenFault
from infra.drills.model import Drill, ProbeKind, ProbeStep
from infra.probes.classify import classify, explain

POLL_SECONDS: Final = 0.1
RESTORE_TRIES: Final = 4
RESTORE_PAUSE_SECONDS: Final = 0.5

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
        restored: Whether it was read back and is the same; None where nothing was injected.
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
        ledger: Remembers the fault while it is in force.
        execution_id: The attempt.
        tell: Says loudly, to whoever watches, that the control could not be set back.
    """

    def __init__(
        self,
        drill: Drill,
        control: ReservedConcurrency,
        look: Look,
        ledger: Ledger,
        execution_id: str,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._drill = drill
        self._control = control
        self._look = look
        self._ledger = ledger
        self._execution_id = execution_id
        self._tell = tell or _to_terminal
        self._start = time.monotonic()
        self.journal = Journal()

    def run(self) -> Journal:
        """Runs it, and returns its journal.

        Raises:
            KeyboardInterrupt: It was interrupted; what it injected is set back by then, or somebody was told.
        """
        journal = self.journal
        try:
            self._undo_earlier()
            journal.prestate = self._control.read()
            journal.prestate_read = True
            self._note("prestate", "read", shown(journal.prestate))
            steady, journal.steady_before = self._steady("before", within_s=0.0)
        except Exception as error:  # noqa: BLE001 - a drill that cannot begin says why, and is judged by its gate
            journal.reason = self._failed("prestate", error)
            return journal
        if not steady:
            journal.reason = "the steady state does not hold before the drill"
            return journal
        with politely_ended():
            self._break_and_restore()
        self._verify()
        return journal

    def _break_and_restore(self) -> None:
        journal = self.journal
        clamp, observe = self._drill.method
        fault = OpenFault(self._execution_id, journal.prestate, clamp.value)
        try:
            self._ledger.open(self._control.key, fault)
        except Exception as error:  # noqa: BLE001 - nothing was injected, so nothing has to be set back
            journal.reason = self._failed("ledger", error)
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
                self._restore(journal.prestate)

    def _restore(self, value: int | None) -> None:
        journal = self.journal
        problem = ""
        for attempt in range(RESTORE_TRIES):
            try:
                journal.recovery_action = self._control.write(value)
                journal.poststate = self._control.read()
            except Exception as error:  # noqa: BLE001 - tried again, and told if it never works
                problem = self._failed("restore", error)
            else:
                self._note("restore", journal.recovery_action, shown(journal.poststate))
                if journal.poststate == value:
                    journal.restored = True
                    self._ledger.close(self._control.key)
                    return
                problem = f"it reads {shown(journal.poststate)}"
            if attempt < RESTORE_TRIES - 1:
                time.sleep(RESTORE_PAUSE_SECONDS * (attempt + 1))
        journal.restored = False
        journal.status = "failed"
        journal.reason = f"NOT RESTORED: {self._control.name} must be {shown(value)}: {problem}"
        self._tell(
            f"DRILL NOT ROLLED BACK: {self._control.name} (account {self._control.clients.account_id}) must be "
            f"{shown(value)} and could not be set back: {problem}\n    remedy: set it by hand, or run the gate again, "
            "which tries to undo what this attempt left"
        )

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

    def _undo_earlier(self) -> None:
        """Sets back what an attempt left turned that did not live to do it."""
        left = self._ledger.pending(self._control.key)
        if left is None:
            return
        found = self._control.read()
        if found == left.injected:
            self._note("undo_earlier", self._control.write(left.prestate), shown(left.prestate))
        self._note("undo_earlier", f"left by {left.execution_id}", shown(self._control.read()))
        self._ledger.close(self._control.key)

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


def _to_terminal(message: str) -> None:
    stream = sys.__stderr__
    if stream is not None:
        stream.write(f"\n{message}\n")
        stream.flush()
