"""Every blocker code of M4 is raised by its own cause and alone; a code without a proven cause fails here."""

from __future__ import annotations

import pytest

from tests.gates.causes import CAUSES, ENTAILED
from tests.gates.rehearsal import CATALOGUE

GATES = [gate for gate in CATALOGUE.gates.values() if gate.phase == "M4"]
CODES = {blocker.code: gate.id for gate in GATES for blocker in gate.blockers}


@pytest.mark.parametrize("name", [gate.id for gate in GATES])
def test_a_gate_of_which_nothing_is_broken_raises_nothing(rehearse, name) -> None:
    assert rehearse(name).codes() == set()


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_raised_by_its_own_cause_and_alone(rehearse, code) -> None:
    rehearsal = rehearse(CODES[code])
    CAUSES[code](rehearsal)
    assert rehearsal.codes() == {code} | ENTAILED.get(code, frozenset())


def test_no_cause_is_of_a_code_that_is_gone() -> None:
    assert len(CODES) == 71
    assert set(CAUSES) == set(CODES)
    assert set(ENTAILED) <= set(CODES)
