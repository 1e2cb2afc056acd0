"""Every blocker code of M4 is raised by its own cause and alone; a code without a proven cause fails here."""

from __future__ import annotations

from pathlib import Path

import pytest

from phasegate.catalog.model import Catalogue
from phasegate.project import load_catalogue
from phasegate.settings import find_settings
from tests.gates.causes import CAUSES, ENTAILED
from tests.gates.conftest import ROOT, Platform
from tests.gates.rehearsal import Rehearsal

SETTINGS = find_settings(ROOT)
assert SETTINGS is not None
CATALOGUE: Catalogue = load_catalogue(SETTINGS)
GATES = {gate.id: gate for gate in CATALOGUE.gates.values() if gate.phase == "M4"}
CODES = {blocker.code: gate for gate in GATES.values() for blocker in gate.blockers}


@pytest.fixture
def rehearse(passed: Platform, tmp_path: Path):
    """Makes a rehearsal of a gate."""
    return lambda gate: Rehearsal(gate, CATALOGUE, passed, tmp_path)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_of_which_nothing_is_broken_raises_nothing(rehearse, name) -> None:
    assert rehearse(GATES[name]).codes() == set()


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_raised_by_its_own_cause_and_alone(rehearse, code) -> None:
    rehearsal = rehearse(CODES[code])
    CAUSES[code](rehearsal)
    assert rehearsal.codes() == {code} | ENTAILED.get(code, frozenset())


def test_no_cause_is_of_a_code_that_is_gone() -> None:
    assert len(CODES) == 71
    assert set(CAUSES) == set(CODES)
    assert set(ENTAILED) <= set(CODES)
