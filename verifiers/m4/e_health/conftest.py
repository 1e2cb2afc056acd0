"""What the verifiers of M4.E look at."""

from __future__ import annotations

import pytest

from fixtures.probes import AttemptProbes
from verifiers.m4.e_health.checks import RuntimeProbes


@pytest.fixture
def runtime_probes(attempt_probes: AttemptProbes) -> RuntimeProbes:
    """The probes of this attempt of M4.E."""
    return attempt_probes.of(RuntimeProbes)
