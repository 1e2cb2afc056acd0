"""Declared drills, and a runner that sets back whatever happens."""

from __future__ import annotations

import signal

import pytest

from infra.drills.interrupts import politely_ended, shielded
from infra.drills.model import load_drill
from infra.drills.runner import DrillRunner
from infra.errors import InfraError
from tests.infra.drills.conftest import DECLARED
from tests.infra.drills.control import Control


def good(kind: str, control: Control) -> int | str:
    clamped = control.value == 0
    return {"ingress_health": 503 if clamped else 200, "ingress_ingest": 503 if clamped else 202}.get(kind, "carried")


def runner(drill, control: Control, look, told: list[str] | None = None) -> DrillRunner:
    say = (told if told is not None else []).append
    return DrillRunner(drill, control, look, "m4g_x", say, patience_s=0.0)


def test_a_drill_that_goes_well_is_completed_and_leaves_nothing(drill) -> None:
    control = Control()
    journal = runner(drill, control, lambda kind, _: good(kind, control)).run()
    assert (journal.status, journal.restored, journal.failure_status) == ("completed", True, 503)
    assert control.value is None
    assert control.marks == []


def test_no_two_probes_have_one_label(drill) -> None:
    control, labels = Control(), []

    def look(kind: str, label: str) -> int | str:
        labels.append(label)
        return good(kind, control)

    runner(drill, control, look).run()
    assert len(labels) == len(set(labels)) == 7


def test_an_unsteady_state_keeps_the_drill_from_beginning(drill) -> None:
    control = Control(value=5)
    journal = runner(drill, control, lambda *_: 500).run()
    assert (journal.status, journal.injected, control.value) == ("not_started", None, 5)


def test_a_method_that_raises_is_rolled_back(drill) -> None:
    control = Control(value=3)

    def look(kind: str, label: str) -> int | str:
        if label.startswith("method"):
            raise TypeError("a defect of the probe")
        return good(kind, control)

    journal = runner(drill, control, look).run()
    assert journal.status == "failed"
    assert "UNCATEGORISED" in str(journal.failure_status)
    assert (journal.restored, control.value) == (True, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_fault_is_in_force_is_rolled_back_first(drill, number) -> None:
    control = Control(value=None)

    def look(kind: str, label: str) -> int | str:
        if label.startswith("method"):
            signal.raise_signal(number)
        return good(kind, control)

    started = runner(drill, control, look)
    with pytest.raises(KeyboardInterrupt):
        started.run()
    assert (started.journal.status, started.journal.restored) == ("interrupted", True)
    assert control.value is None
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_signal_does_not_cut_the_rollback_off(drill) -> None:
    control = Control(value=4)
    write = control.write

    def interrupted_write(value: int | None) -> str:
        if value == 4:
            signal.raise_signal(signal.SIGINT)
        return write(value)

    control.write = interrupted_write  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        runner(drill, control, lambda kind, _: good(kind, control)).run()
    assert control.value == 4


def test_interrupts_are_put_off_and_not_lost() -> None:
    reached = []

    def signalled() -> None:
        with shielded():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        signalled()
    assert reached
    with pytest.raises(KeyboardInterrupt), politely_ended():
        signal.raise_signal(signal.SIGTERM)


def test_the_declared_drill_is_one(tmp_path) -> None:
    declared = load_drill(DECLARED)
    assert declared.lane == "ingress_edge"
    assert declared.control.handle == "LAMBDA_IG_HANDLER_NAME"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("a: [", "no YAML"),
        ("1" * 5_000, "no YAML"),
        ("a: &a [*a]", "no YAML"),
        ("{a: " * 3_000, "no YAML"),
        ("[]", "the document"),
        ("format: phasegate-drill/2", "format"),
        (DECLARED.read_text().replace("value: 0", "value: -1"), "value"),
        (DECLARED.read_text().replace("failure_within_s: 10", "failure_within_s: 9999"), "failure_within_s"),
        (DECLARED.read_text().replace("rollbacks:\n  - {name: restore, action: restore}\n", ""), "rollbacks"),
        (DECLARED.read_text() + "\nextra: 1\n", "extra"),
    ],
)
def test_a_drill_that_is_none_says_what_is_wrong_with_it(tmp_path, text, flaw) -> None:
    path = tmp_path / "drill.yaml"
    path.write_text(text)
    with pytest.raises(InfraError, match=flaw):
        load_drill(path)
    with pytest.raises(InfraError, match="cannot be read"):
        load_drill(tmp_path / "missing.yaml")
