"""Every blocker code of M4 is raised by its own cause, alone, at each verifier that may raise it."""

from __future__ import annotations

import pytest

from tests.gates.causes import CAUSES, ENTAILED
from tests.gates.further_causes import FURTHER, Further
from tests.gates.rehearsal import CATALOGUE

GATES = [gate for gate in CATALOGUE.gates.values() if gate.phase == "M4"]
CODES = [blocker.code for gate in GATES for blocker in gate.blockers]
MAY_RAISE = {(verifier.id, code) for gate in GATES for verifier in gate.verifiers for code in verifier.raises}
FURTHER_PAIRS = {(item.verifier, item.code) for item in FURTHER}


def gate_of(name: str) -> str:
    """The gate of a code or a verifier."""
    return f"{name[:2]}.{name[2]}"


@pytest.mark.parametrize("gate", [gate.id for gate in GATES])
def test_a_gate_of_which_nothing_is_broken_raises_nothing(rehearse, gate) -> None:
    assert rehearse(gate).codes() == set()


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_raised_by_its_own_cause_and_alone(rehearse, code) -> None:
    rehearsal = rehearse(gate_of(code))
    CAUSES[code](rehearsal)
    raised = rehearsal.run()
    assert {found for codes in raised.values() for found in codes} == {code} | ENTAILED.get(code, frozenset())
    # Each verifier that may raise it does, but for those that have a cause of their own below.
    silent = {verifier for verifier, codes in raised.items() if code not in codes}
    assert {(verifier, code) for verifier in silent} & MAY_RAISE <= FURTHER_PAIRS


@pytest.mark.parametrize("case", FURTHER, ids=lambda case: f"{case.verifier}-{case.code}")
def test_a_further_cause_is_seen_by_its_verifier_and_alone(rehearse, case: Further) -> None:
    rehearsal = rehearse(gate_of(case.verifier))
    case.cause(rehearsal)
    raised = rehearsal.run()
    assert case.code in raised[case.verifier], raised
    assert {found for codes in raised.values() for found in codes} == {case.code} | case.entailed


def test_every_code_of_the_catalogue_has_a_cause_and_no_cause_is_of_a_code_that_is_gone() -> None:
    assert len(CODES) == 71
    assert set(CAUSES) == set(CODES)
    assert set(ENTAILED) <= set(CODES)
    assert FURTHER_PAIRS <= MAY_RAISE
