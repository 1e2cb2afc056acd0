"""Declared drills, their ledger, and a runner that sets back whatever happens."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.clients import Clients
from infra.drills.interrupts import politely_ended, shielded
from infra.drills.ledger import Ledger, OpenFault
from infra.drills.model import Bounds, Drill, load_drill
from infra.drills.runner import DrillRunner
from infra.errors import InfraError

DECLARED = Path("verifiers/drills/m4g_ingress_clamp.yaml")


@dataclass
class Control:
    """A control that counts, and can be made to fail."""

    value: int | None = None
    fails: list[int | None] = field(default_factory=list)
    clients: Clients = field(default_factory=lambda: Clients.embedded("http://127.0.0.1:9", "000000000000"))
    key: str = "control"
    name: str = "the control"

    def read(self) -> int | None:
        return self.value

    def write(self, value: int | None) -> str:
        if value in self.fails:
            raise ConnectionError("no way")
        self.value = value
        return "set"


@pytest.fixture
def drill() -> Drill:
    bounds = Bounds(failure_within_s=0.3, recovery_within_s=0.3)
    return load_drill(DECLARED).model_copy(update={"bounds": bounds})


def good(kind: str, control: Control) -> int | str:
    clamped = control.value == 0
    return {"ingress_health": 503 if clamped else 200, "ingress_ingest": 503 if clamped else 202}.get(kind, "carried")


def runner(drill: Drill, control: Control, look, tmp_path, told: list[str] | None = None) -> DrillRunner:
    say = (told if told is not None else []).append
    return DrillRunner(drill, control, look, Ledger(tmp_path / "ledger"), "m4g_x", say)  # type: ignore[arg-type]


def test_a_drill_that_goes_well_is_completed_and_leaves_nothing(drill, tmp_path) -> None:
    control = Control()
    journal = runner(drill, control, lambda kind, _: good(kind, control), tmp_path).run()
    assert (journal.status, journal.restored, journal.failure_status) == ("completed", True, 503)
    assert control.value is None
    assert Ledger(tmp_path / "ledger").pending("control") is None


def test_no_two_probes_have_one_label(drill, tmp_path) -> None:
    control, labels = Control(), []

    def look(kind: str, label: str) -> int | str:
        labels.append(label)
        return good(kind, control)

    runner(drill, control, look, tmp_path).run()
    assert len(labels) == len(set(labels)) == 7


def test_an_unsteady_state_keeps_the_drill_from_beginning(drill, tmp_path) -> None:
    control = Control(value=5)
    journal = runner(drill, control, lambda *_: 500, tmp_path).run()
    assert (journal.status, journal.injected, control.value) == ("not_started", None, 5)


def test_a_method_that_raises_is_rolled_back(drill, tmp_path) -> None:
    control = Control(value=3)

    def look(kind: str, label: str) -> int | str:
        if label.startswith("method"):
            raise TypeError("a defect of the probe")
        return good(kind, control)

    journal = runner(drill, control, look, tmp_path).run()
    assert journal.status == "failed"
    assert "UNCATEGORISED" in str(journal.failure_status)
    assert (journal.restored, control.value) == (True, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_fault_is_in_force_is_rolled_back_first(drill, tmp_path, number) -> None:
    control = Control(value=None)

    def look(kind: str, label: str) -> int | str:
        if label.startswith("method"):
            signal.raise_signal(number)
        return good(kind, control)

    started = runner(drill, control, look, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        started.run()
    assert (started.journal.status, started.journal.restored) == ("interrupted", True)
    assert control.value is None
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_signal_does_not_cut_the_rollback_off(drill, tmp_path) -> None:
    control = Control(value=4)
    write = control.write

    def interrupted_write(value: int | None) -> str:
        if value == 4:
            signal.raise_signal(signal.SIGINT)
        return write(value)

    control.write = interrupted_write  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        runner(drill, control, lambda kind, _: good(kind, control), tmp_path).run()
    assert control.value == 4


def test_what_cannot_be_set_back_is_told_and_stays_in_the_ledger(drill, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("infra.drills.runner.RESTORE_PAUSE_SECONDS", 0.0)
    control, told = Control(value=None, fails=[None]), []
    journal = runner(drill, control, lambda kind, _: good(kind, control), tmp_path, told).run()
    assert (journal.status, journal.restored) == ("failed", False)
    assert "NOT RESTORED" in journal.reason
    assert "DRILL NOT ROLLED BACK: the control" in told[0]
    assert Ledger(tmp_path / "ledger").pending("control") == OpenFault("m4g_x", None, 0)
    control.fails.clear()
    again = runner(drill, control, lambda kind, _: good(kind, control), tmp_path).run()
    assert (again.status, again.prestate, control.value) == ("completed", None, None)


def test_what_somebody_set_since_is_not_overwritten_by_an_old_entry(drill, tmp_path) -> None:
    Ledger(tmp_path / "ledger").open("control", OpenFault("m4g_old", 9, 0))
    control = Control(value=6)
    journal = runner(drill, control, lambda kind, _: good(kind, control), tmp_path).run()
    assert (journal.status, journal.prestate, control.value) == ("completed", 6, 6)


def test_a_ledger_that_cannot_be_written_keeps_the_fault_from_being_injected(drill, tmp_path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    control = Control()
    journal = runner(drill, control, lambda kind, _: good(kind, control), tmp_path).run()
    assert (journal.status, journal.injected, control.value) == ("not_started", None, None)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"execution_id": "x"}', '{"prestate": "many"}'])
def test_a_ledger_that_cannot_be_read_is_an_error_with_the_way_out(tmp_path, content) -> None:
    (tmp_path / "control.json").write_text(content)
    with pytest.raises(InfraError, match="by hand"):
        Ledger(tmp_path).pending("control")


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
