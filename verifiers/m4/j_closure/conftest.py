"""What the verifiers of M4.J look at."""

from __future__ import annotations

import pytest

from fixtures.handles import UsedRegistry
from fixtures.run_scope import RunScope
from fixtures.session import Platform
from phasegate.api import GateRun
from verifiers.m4.j_closure.checks import (
    Closing,
)


@pytest.fixture
def closing(gate: GateRun, platform: Platform, registry: UsedRegistry, run_scope: RunScope) -> Closing:
    """What closes M4."""
    return Closing(gate, platform, registry, run_scope)
