"""What the verifiers of M4.F look at."""

from __future__ import annotations

import pytest

from fixtures.handles import UsedRegistry
from fixtures.probes import AttemptProbes
from fixtures.run_scope import RunScope
from phasegate.api import GateRun
from verifiers.m4.f_correlation.checks import (
    CorrelationContract,
    CorrelationProbes,
)


@pytest.fixture
def correlation_contract(gate: GateRun, registry: UsedRegistry, run_scope: RunScope) -> CorrelationContract:
    """What the registry says of correlation."""
    return CorrelationContract(registry, run_scope, gate.handles)


@pytest.fixture
def correlation_probes(attempt_probes: AttemptProbes) -> CorrelationProbes:
    """The probes of this attempt of M4.F."""
    return attempt_probes.of(CorrelationProbes)
