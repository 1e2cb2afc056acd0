"""What the verifiers of M4.H look at."""

from __future__ import annotations

import pytest

from fixtures.handles import UsedRegistry
from fixtures.run_scope import RunScope
from fixtures.session import Platform
from phasegate.api import GateRun
from verifiers.m4.h_readiness.checks import (
    Readiness,
    RunScopedTargets,
    unreadable,
)


@pytest.fixture
def readiness(gate: GateRun, run_scope: RunScope) -> Readiness:
    """The readiness as the sources of this attempt give it."""
    return Readiness(gate.upstream, run_scope)


@pytest.fixture(scope="session")
def run_scoped_publications() -> dict[str, RunScopedTargets]:
    """The run-scoped publication of each attempt, which its verifiers share."""
    return {}


@pytest.fixture
def run_scoped_targets(
    gate: GateRun,
    platform: Platform,
    registry: UsedRegistry,
    run_scope: RunScope,
    run_scoped_publications: dict[str, RunScopedTargets],
) -> RunScopedTargets:
    """Where the run-scoped objects of this attempt lie, and what became of their publication."""
    targets = RunScopedTargets(platform, registry, run_scope)
    return run_scoped_publications.setdefault(gate.execution_id, targets)


@pytest.fixture
def unreadable_sources(platform: Platform, readiness: Readiness) -> list[str]:
    """The sources whose durable copy cannot be read, or is not what the chain says."""
    return unreadable(platform, readiness.sources)
