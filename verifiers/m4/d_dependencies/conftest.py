"""What the verifiers of M4.D look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.lanes import FrozenManifest
from fixtures.probes import probed
from infra.clients import Clients
from infra.lanes.dependencies import SHARED_STORAGE
from infra.probes import DEPENDENCY_PROBES
from phasegate.api import GateRun
from verifiers.m4.d_dependencies.checks import LaneDependencies, ProbeRun


@pytest.fixture
def lane_dependencies(frozen_manifest: FrozenManifest, handle_values: Mapping[str, Any]) -> LaneDependencies:
    """What each active lane depends on."""
    return LaneDependencies(frozen_manifest, handle_values)


@pytest.fixture(scope="session")
def kept_runs() -> dict[tuple[str, ...], ProbeRun]:
    """The M4.D probes of every attempt of the session, by attempt and lanes."""
    return {}


@pytest.fixture
def m4d_probes(
    gate: GateRun,
    clients: Clients,
    handle_values: Mapping[str, Any],
    frozen_manifest: FrozenManifest,
    kept_runs: dict[tuple[str, ...], ProbeRun],
) -> ProbeRun:
    """The probes of what the active lanes need and of the storage that they share; made once an attempt."""
    lanes = frozen_manifest.active_lanes
    key = (gate.execution_id, *lanes)
    if key not in kept_runs:
        wanted = [probe for probe in DEPENDENCY_PROBES if probe.lane in (*lanes, SHARED_STORAGE)]
        kept_runs[key] = ProbeRun(probed(wanted, clients, handle_values)[0])
    return kept_runs[key]
