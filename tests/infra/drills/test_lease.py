"""One drill holds a control; what a drill that did not end has left is given back, or stays known."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.drills.lease import Lease, give_back, recover
from infra.drills.mark import LEASE_SECONDS, HeldError, Holder, Mark, MarkLostError
from infra.drills.runner import DrillRunner
from infra.errors import InfraError
from infra.liveness import start_mark
from tests.infra.drills.control import Control

ELSEWHERE = Holder("another machine", 1, "1")


def ended_process() -> Holder:
    """A process of this machine that is over."""
    done = subprocess.Popen([sys.executable, "-c", "pass"])
    started = start_mark(done.pid) or "gone"
    done.wait()
    return Holder(Holder.here().machine, done.pid, started)


def left(control: Control, holder: Holder = ELSEWHERE, *, lapsed: bool = True, prestate: int | None = None) -> Mark:
    """A mark of a drill that injected zero."""
    until = control.now if lapsed else control.now + LEASE_SECONDS
    return control.mark(Mark("m4g_earlier", holder, until, 0, prestate), replacing=None)


def steady(control: Control):
    def look(kind: str, _: str) -> int | str:
        clamped = control.value == 0
        return {"ingress_health": 503 if clamped else 200, "ingress_ingest": 503 if clamped else 202}.get(
            kind, "carried"
        )

    return look


def run(drill, control: Control, told: list[str] | None = None, look=None):
    say = (told if told is not None else []).append
    return DrillRunner(drill, control, look or steady(control), "m4g_x", say, patience_s=0.0).run()


@given(
    st.builds(
        Mark,
        attempt=st.from_regex(r"m4g_[0-9]{8}T[0-9]{6}Z", fullmatch=True),
        holder=st.builds(
            Holder,
            st.text("0123456789abcdef", min_size=16, max_size=16),
            st.integers(1, 2**22),
            st.text("0123456789", max_size=12),
        ),
        until=st.integers(0, 2**40),
        injected=st.none() | st.integers(0, 10_000),
        prestate=st.none() | st.integers(0, 10_000),
    )
)
def test_a_mark_reads_as_it_was_written_and_fits_a_description(mark: Mark) -> None:
    assert Mark.read(mark.text(), "", "there") == mark
    assert len(mark.text()) <= 256


@given(st.text(max_size=256))
def test_what_is_no_mark_is_an_error_with_the_way_out(text: str) -> None:
    with pytest.raises(InfraError, match="by hand"):
        Mark.read(text, "", "there")


@pytest.mark.parametrize(
    "text",
    [
        '{"drill":"m4g_x","injected":0,"before":null,"until":1}',
        '{"drill":"m4g_\\u001b[2J","injected":0,"before":null,"until":1,"holder":["a",1,"b"]}',
        '{"drill":"m4g_x","injected":"0","before":null,"until":1,"holder":["a",1,"b"]}',
        '{"drill":"m4g_x","injected":0,"before":-1,"until":1,"holder":["a",1,"b"]}',
        '{"drill":"m4g_x","injected":0,"before":null,"until":true,"holder":["a",1,"b"]}',
        '{"drill":"m4g_x","injected":0,"before":null,"until":1,"holder":["a",1,"b"],"more":1}',
    ],
)
def test_half_a_mark_is_none(text: str) -> None:
    with pytest.raises(InfraError, match="cannot be read"):
        Mark.read(text, "", "there")


def test_of_two_that_take_a_free_control_one_holds_it(control: Control) -> None:
    first, second = (Lease(control, name, patience_s=0.0) for name in ("one", "two"))
    control.at["mark"] = lambda: control.at.clear() or left(control, lapsed=False)  # type: ignore[func-returns-value]
    with pytest.raises(HeldError, match="m4g_earlier holds it"):
        first.take()  # saw it free, and was too late
    with pytest.raises(HeldError):
        second.take()


def test_of_two_that_find_a_lapsed_mark_one_takes_it(control: Control) -> None:
    left(control)

    def another_is_faster() -> None:
        del control.at["mark"]
        control.mark(Mark("m4g_faster", ELSEWHERE, control.now + LEASE_SECONDS, 0, None), replacing=control.marks[0])

    control.at["mark"] = another_is_faster
    with pytest.raises(HeldError, match="m4g_faster"):
        Lease(control, "slow", patience_s=0.0).take()


def test_a_mark_of_another_machine_holds_until_it_lapses(control: Control) -> None:
    found = left(control, lapsed=False)
    assert not found.is_over(control.now)
    with pytest.raises(HeldError):
        Lease(control, "m4g_x", patience_s=0.0).take()
    control.now = found.until
    assert Lease(control, "m4g_x", patience_s=0.0).take() == found


def test_a_mark_of_a_process_that_ended_here_holds_nothing_and_of_one_that_lives_it_does(control: Control) -> None:
    assert left(control, ended_process(), lapsed=False).is_over(control.now)
    parent = Holder(Holder.here().machine, os.getppid(), start_mark(os.getppid()))
    assert not Mark("m4g_x", parent, control.now + 1).is_over(control.now)
    unknown = Holder(Holder.here().machine, os.getppid(), "")
    assert not Mark("m4g_x", unknown, control.now + 1).is_over(control.now)


def test_whoever_takes_a_mark_over_takes_its_debt_over(control: Control) -> None:
    left(control, prestate=7)
    lease = Lease(control, "m4g_x")
    lease.take()
    assert (control.marks[0].injected, control.marks[0].prestate) == (0, 7)
    lease.end()  # it came to nothing: the debt stays, for anybody
    assert (control.marks[0].injected, control.marks[0].prestate) == (0, 7)
    assert control.marks[0].is_over(control.now)


def test_a_lost_mark_is_not_taken_off(control: Control) -> None:
    lease = Lease(control, "m4g_x")
    lease.take()
    theirs = control.mark(Mark("m4g_theirs", ELSEWHERE, control.now + 1), replacing=control.marks[0])
    with pytest.raises(MarkLostError):
        lease.end()
    assert control.marks == [theirs]


@pytest.mark.parametrize(("reads", "prestate", "ends"), [(0, None, None), (0, 9, 9), (6, 9, 6), (None, 9, None)])
def test_what_was_left_is_given_back_unless_somebody_changed_it_since(control: Control, reads, prestate, ends) -> None:
    control.value = reads
    left(control, prestate=prestate)
    assert recover(control, "a session", lambda *_: None) == ""
    assert control.value == ends
    assert control.marks == []


def test_a_control_without_a_mark_is_only_looked_at(control: Control) -> None:
    control.value = 0
    assert recover(control, "a session", lambda *_: None) == ""
    assert (control.value, control.written, control.revisions) == (0, [], 0)


def test_a_call_that_was_under_way_when_its_drill_was_killed_is_waited_for(control: Control) -> None:
    found = left(control, ended_process(), lapsed=False)

    def it_arrives_late() -> None:
        control.now += 1
        if control.now == found.until - LEASE_SECONDS + 3:
            control.value = 0

    control.at["read"] = it_arrives_late
    assert recover(control, "a session", lambda *_: None) == ""
    assert (control.written, control.marks) == ([None], [])


@pytest.mark.parametrize("how", ["fails", "deaf"])
def test_what_cannot_be_given_back_is_tried_told_and_stays_owed(drill, control: Control, how) -> None:
    control.value = 0
    left(control)
    getattr(control, how).append(None)
    problem = recover(control, "a session", lambda *_: None)
    assert problem.startswith("the control must be UNSET")
    assert len(control.written) == 4
    told: list[str] = []
    journal = run(drill, control, told)
    assert (journal.status, journal.restored, journal.injected) == ("not_started", False, None)
    assert journal.reason.startswith("NOT RESTORED")
    assert told[0].startswith("DRILL NOT ROLLED BACK")
    assert (control.value, control.marks[0].injected, control.marks[0].prestate) == (0, 0, None)
    getattr(control, how).clear()
    again = run(drill, control)
    assert (again.status, again.prestate, control.value, control.marks) == ("completed", None, None, [])
    assert again.steps[0]["name"] == "undo_earlier"


def test_a_rollback_that_fails_is_told_and_stays_owed(drill, control: Control) -> None:
    control.fails, told = [None], []
    journal = run(drill, control, told)
    assert (journal.status, journal.restored) == ("failed", False)
    assert "NOT RESTORED" in journal.reason
    assert "DRILL NOT ROLLED BACK: account 000000000000: the control must be UNSET" in told[0]
    control.fails = []
    assert recover(control, "a session", lambda *_: None) == ""
    assert (control.value, control.marks) == (None, [])


def test_an_undo_that_is_interrupted_leaves_the_debt(control: Control) -> None:
    control.value = 0
    left(control, prestate=3)

    def interrupted() -> None:
        raise KeyboardInterrupt

    control.at["write"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        recover(control, "a session", lambda *_: None)
    assert (control.marks[0].injected, control.marks[0].prestate) == (0, 3)
    control.at.clear()
    assert recover(control, "a session", lambda *_: None) == ""
    assert control.value == 3


def test_a_debt_that_cannot_be_struck_out_is_no_beginning(drill, control: Control) -> None:
    control.value = 0
    left(control)
    control.at["write"] = lambda: control.at.__setitem__("mark", lambda: 1 / 0)
    journal = run(drill, control)
    assert (journal.status, journal.restored, journal.injected) == ("not_started", False, None)
    assert control.marks[0].injected == 0


def test_a_control_that_is_turned_already_is_not_drilled(drill, control: Control) -> None:
    control.value = 0
    good = {"ingress_health": 200, "ingress_ingest": 202}
    journal = run(drill, control, look=lambda kind, _: good.get(kind, "carried"))
    assert (journal.status, journal.injected, control.written) == ("not_started", None, [])
    assert "is 0 already" in journal.reason
    assert control.marks == []


def test_a_control_that_moves_before_the_drill_is_not_drilled(drill, control: Control) -> None:
    look = steady(control)

    def somebody_turns_it(kind: str, label: str) -> int | str:
        control.value = 5
        return look(kind, label)

    journal = run(drill, control, look=somebody_turns_it)
    assert (journal.status, journal.injected, control.value) == ("not_started", None, 5)
    assert "was UNSET and is 5 by now" in journal.reason


def test_a_control_that_another_drill_holds_is_left_alone(drill, control: Control) -> None:
    theirs = left(control, lapsed=False)
    control.value = 0
    journal = run(drill, control)
    assert (journal.status, journal.injected, journal.restored) == ("not_started", None, None)
    assert "m4g_earlier holds it" in journal.reason
    assert (control.value, control.written, control.marks) == (0, [], [theirs])


def test_a_control_without_a_writable_mark_is_not_drilled(drill, control: Control) -> None:
    def denied() -> None:
        raise PermissionError("no")

    control.at["mark"] = denied
    journal = run(drill, control)
    assert (journal.status, journal.injected, control.written) == ("not_started", None, [])


def test_a_drill_that_lost_its_control_meanwhile_has_shown_nothing(drill, control: Control) -> None:
    look = steady(control)

    def somebody_takes_it(kind: str, label: str) -> int | str:
        if label.startswith("method"):
            control.mark(Mark("m4g_theirs", ELSEWHERE, control.now + 1), replacing=control.marks[0])
        return look(kind, label)

    journal = run(drill, control, look=somebody_takes_it)
    assert (journal.status, journal.failure_shown, journal.restored) == ("failed", False, True)
    assert "somebody else holds it" in journal.reason
    assert control.marks[0].attempt == "m4g_theirs"


def test_the_debt_is_written_down_before_the_fault_and_struck_out_behind_the_rollback(drill, control: Control) -> None:
    seen: list[tuple[int | None, int | None]] = []
    control.value = 3
    control.at["write"] = lambda: seen.append((control.marks[0].injected, control.marks[0].prestate))
    assert run(drill, control).status == "completed"
    assert seen == [(0, 3), (0, 3)]
    assert control.marks == []


def test_giving_back_nothing_turns_nothing(control: Control) -> None:
    control.value = 0
    found = control.mark(Mark("m4g_earlier", ELSEWHERE, 0), replacing=None)
    lease = Lease(control, "m4g_x")
    lease.take()
    assert give_back(control, lease, found, lambda *_: None) == ""
    assert control.written == []
