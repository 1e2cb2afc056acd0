"""The legs of a pipeline: one for each phase that has gates, in the order in which evidence is handed on; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from pydantic import JsonValue

from phasegate.catalog.grammar import phase_of
from phasegate.catalog.model import Catalogue, Gate, Phase
from phasegate.errors import CatalogueError, Problem

DEFAULT = "default"
"""Names the runner of a leg that no hint is about."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The gates of one phase, which a pipeline runs in one job.

    Attributes:
        phase: The phase.
        gates: Its gates, in chain order.
        upstream: The phases before it that its gates rest on, and that are legs too.
        handed: The phases that its gates rest on by packs that are handed over, and that are run nowhere here.
        runs_on: The runner that it wants.
    """

    phase: Phase
    gates: tuple[Gate, ...]
    upstream: tuple[str, ...]
    handed: tuple[str, ...]
    runs_on: str

    @property
    def marker(self) -> str:
        """The expression for pytest's `-m` that selects its gates."""
        return self.phase.id.lower()

    @property
    def needs(self) -> tuple[str, ...]:
        """What its gates stand on that a session has to bring up, sorted."""
        return tuple(sorted({need for gate in self.gates for need in gate.needs}))

    def as_json(self) -> dict[str, JsonValue]:
        """The leg as an entry of a matrix."""
        return {
            "phase": self.phase.id,
            "title": self.phase.title,
            "marker": self.marker,
            "needs": list(self.needs),
            "upstream": list(self.upstream),
            "handed_over": list(self.handed),
            "runs_on": self.runs_on,
            "gates": [
                {
                    "id": gate.id,
                    "title": gate.title,
                    "owner": gate.owner,
                    "marker": gate.prefix,
                    "needs": list(gate.needs),
                    "upstream": [edge.gate for edge in gate.upstream],
                    "planned": gate.planned,
                }
                for gate in self.gates
            ],
        }


def legs_of(catalogue: Catalogue, runs_on: Mapping[str, str]) -> tuple[Leg, ...]:
    """The legs, each behind those that it rests on.

    Args:
        catalogue: The catalogue.
        runs_on: The runner for each label that gates have in `needs`, and for `default`.

    Raises:
        CatalogueError: No gate is catalogued, phases rest on each other, or a leg would need two runners.
    """
    gates: dict[str, list[Gate]] = {}
    for gate in catalogue.gates.values():
        gates.setdefault(gate.phase, []).append(gate)
    if not gates:
        raise CatalogueError(Problem("it has no gates, so there is nothing to run", "the catalogue", "write a gate"))
    before = {phase: _before(own) for phase, own in gates.items()}
    return tuple(
        Leg(
            phase=catalogue.phases[phase],
            gates=tuple(gates[phase]),
            upstream=tuple(sorted(before[phase] & gates.keys())),
            handed=tuple(sorted(before[phase] - gates.keys())),
            runs_on=_runner(phase, gates[phase], runs_on),
        )
        for phase in _order({phase: names & gates.keys() for phase, names in before.items()})
    )


def _before(gates: list[Gate]) -> set[str]:
    """The other phases that gates of one phase rest on."""
    return {phase_of(edge.gate) for gate in gates for edge in gate.upstream} - {gate.phase for gate in gates}


def _order(before: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        names = " <- ".join(map(str, error.args[1]))
        remedy = "let the gates of one of them rest on gates of its own phase, or move them"
        raise CatalogueError(Problem(f"these phases rest on each other: {names}", "the catalogue", remedy)) from error
    ordered: list[str] = []
    while len(ordered) < len(before):  # in the catalogue's order, as far as the phases let it
        ordered.append(next(name for name in before if name not in ordered and before[name] <= set(ordered)))
    return ordered


def _runner(phase: str, gates: list[Gate], runs_on: Mapping[str, str]) -> str:
    hints = sorted({runs_on[need] for gate in gates for need in gate.needs if need in runs_on})
    if len(hints) > 1:
        fact = f"its gates need runners that are not one: {', '.join(hints)}"
        raise CatalogueError(Problem(fact, f"phase {phase}", "let [tool.phasegate.runs_on] name one for both"))
    return hints[0] if hints else runs_on[DEFAULT]
