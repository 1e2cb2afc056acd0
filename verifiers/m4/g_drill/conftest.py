"""The drill that the verifiers of M4.G judge."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.drill import DECLARED, EARLIER_KEY
from fixtures.handles import UsedRegistry
from fixtures.lanes import FrozenManifest
from fixtures.run_scope import RunScope
from fixtures.session import scratch_of
from infra.clients import Clients
from infra.drills import load_drill
from infra.drills.control import ReservedConcurrency
from infra.drills.runner import DrillRunner, Journal
from infra.probes.ingress import Ingress
from phasegate.api import GateRun, step
from phasegate.platform import settings_of
from verifiers.m4.g_drill.checks import IngressDrill, Surface


@pytest.fixture(scope="session")
def ingress_drill_runs() -> dict[str, IngressDrill]:
    """The drill of each attempt, which its verifiers share: it is run once."""
    return {}


@pytest.fixture
def ingress_drill(
    gate: GateRun,
    pytestconfig: pytest.Config,
    clients: Clients,
    registry: UsedRegistry,
    handle_values: Mapping[str, Any],
    frozen_manifest: FrozenManifest,
    run_scope: RunScope,
    ingress_drill_runs: dict[str, IngressDrill],
) -> IngressDrill:
    """The drill of this attempt of M4.G; the first verifier that wants it runs it from end to end."""
    known = ingress_drill_runs.get(gate.execution_id)
    if known is not None:
        return known
    drill = load_drill(settings_of(pytestconfig).root / DECLARED)
    flaws = registry.problems(gate.handles)
    if drill.lane not in frozen_manifest.active_lanes:
        flaws.append(f"the drill's lane {drill.lane} is not active")
    if not gate.upstream("M4.F").green:
        flaws.append("M4.F is not green, and a drill is run on a platform that is")
    if clients.substrate == "aws" and not pytestconfig.option.dev_full_allow_drills:
        flaws.append("drills on AWS need --allow-drills")
    if not flaws and (earlier := _first_of_session(pytestconfig, gate)) != gate.execution_id:
        flaws.append(f"this session drilled in {earlier} already, and a session injects a fault once")
    journal = Journal(reason="; ".join(flaws))
    if not flaws:
        function = str(handle_values[drill.control.handle])
        ingress = Ingress(clients, handle_values)
        surface = Surface(ingress, run_scope, function, gate.execution_id.replace("_", "-"))
        control = ReservedConcurrency(clients, function)
        runner = DrillRunner(drill, control, surface.look, gate.execution_id)
        given_back = pytestconfig.stash[EARLIER_KEY]
        runner.journal.steps.extend(given_back)
        journal = runner.run()
    done = IngressDrill(drill, journal, tuple(flaws))
    ingress_drill_runs[gate.execution_id] = done
    _tell(journal)
    return done


def _tell(journal: Journal) -> None:
    """Tells the reports of each action of the drill; the last one ended just now."""
    moments = [float(taken["at_ms"]) / 1000 for taken in journal.steps]
    began = time.time() - (moments[-1] if moments else 0.0)
    for taken, before, at in zip(journal.steps, [0.0, *moments], moments, strict=False):
        step(
            f"{taken['name']} {taken['what']}",
            passed=taken.get("tolerated") is not False and taken["what"] != "failed",
            started_at=began + before,
            seconds=max(at - before, 0.0),
            detail=str(taken["value"]),
        )


def _first_of_session(config: pytest.Config, gate: GateRun) -> str:
    """The attempt that may drill in this session: the first that asks, whichever worker it runs on."""
    claim = scratch_of(config) / f"{gate.id}.drilled"
    try:
        with claim.open("x", encoding="ascii") as file:
            file.write(gate.execution_id)
    except FileExistsError:
        return claim.read_text(encoding="ascii")
    return gate.execution_id
