"""What the verifiers of M4.I look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from phasegate.api import GateRun
from phasegate.platform import Catalogue, catalogue_of
from verifiers.m4.i_rollup.checks import GATES, Adjudication
from verifiers.m4.i_rollup.recount import (
    Recount,
)


@pytest.fixture(scope="session")
def catalogue(pytestconfig: pytest.Config) -> Catalogue:
    """The gate catalogue."""
    return catalogue_of(pytestconfig)


@pytest.fixture
def adjudicate(gate: GateRun, catalogue: Catalogue) -> Callable[[], Adjudication]:
    """Makes the roll-up anew, from evidence that is read anew: a verdict must repeat."""
    return lambda: Adjudication([gate.upstream(name) for name in GATES], catalogue)


@pytest.fixture
def adjudication(adjudicate: Callable[[], Adjudication]) -> Adjudication:
    """The roll-up of M4.A to M4.H."""
    return adjudicate()


@pytest.fixture
def recount(gate: GateRun, catalogue: Catalogue) -> Recount:
    """The sources of M4.I, read for this verifier."""
    return Recount([gate.upstream(edge.gate) for edge in catalogue.gates["M4.I"].upstream], catalogue)
