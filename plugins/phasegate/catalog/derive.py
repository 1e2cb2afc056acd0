"""What a catalogue need not write: words, next gates, prefixes and defaults that follow from the rest of it.

They are filled into the documents' data before the models see it, so that every reader of the models has them, and
the laws hold for them as for what somebody wrote. What is not of the expected form is left alone: the models
complain of it. A default that cannot be made is left out, and is missed like any other key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from phasegate.catalog.grammar import GATE, gate_prefix, in_order, next_phase, phase_of
from phasegate.catalog.model import Words
from phasegate.catalog.source import Source

_WORDS: Final = {name: str(field.default) for name, field in Words.model_fields.items()}
_SOME_GATE: Final = "M0.A"
"""Stands for a gate whose id is wrong: that is said once, and not again as keys that could not be derived from it."""
_IDENTIFIERS: Final = frozenset({"next_gate", "blocked_next_gate"})
DERIVED: Final = {"Gate": frozenset({"code_prefix", "needs", *_WORDS}), "Blocker": frozenset({"rolls_up_to"})}
"""The keys of each record that a document may leave out because they are derived."""


def fill_in(phases: Sequence[Source], gates: Sequence[Source]) -> None:
    """Fills the derived keys into the data of a catalogue's documents.

    Args:
        phases: The documents of phases.
        gates: The documents of single gates.
    """
    written = [gate for source in phases for gate in _mappings(source.data.get("gates"))]
    written += [source.data for source in gates]
    for gate in written:
        _rest_on_what_is_rolled_up(gate)
    found = {str(phase["id"]): phase for source in phases if "id" in (phase := _mapping(source.data.get("phase")))}
    chain = _resting([gate for gate in written if _is_gate(gate.get("id"))])
    for gate in written:
        gate_id = gate["id"] if _is_gate(gate.get("id")) else _SOME_GATE
        _fill_gate(gate, gate_id, found.get(phase_of(gate_id), {}), chain)


def _rest_on_what_is_rolled_up(gate: dict[str, Any]) -> None:
    """Adds an edge for each gate that a roll-up is over, and that it does not name as upstream itself."""
    over, upstream = gate.get("over"), gate.get("upstream", [])
    if isinstance(over, list) and isinstance(upstream, list):
        named = {edge.get("gate") for edge in _mappings(upstream)}
        gate["upstream"] = [*upstream, *({"gate": name} for name in dict.fromkeys(map(str, over)) if name not in named)]


def _fill_gate(gate: dict[str, Any], gate_id: str, phase: Mapping[str, Any], chain: Mapping[str, list[str]]) -> None:
    gate.setdefault("code_prefix", gate_prefix(gate_id).upper())
    gate.setdefault("needs", phase.get("needs", []))
    said = _mapping(phase.get("words"))
    for key, default in _WORDS.items():
        template = said.get(key, default)
        if key in gate or not isinstance(template, str):
            continue
        behind = _behind(gate_id, chain) if "{next}" in template else ""
        if behind is not None:
            names = {"gate": gate_id, "next": behind}
            if key not in _IDENTIFIERS:
                names = {place: gate_prefix(name).upper() for place, name in names.items()}
            for place, name in names.items():
                template = template.replace(f"{{{place}}}", name)
            gate[key] = template
    for blocker in _mappings(gate.get("blockers")):
        if "rolls_up_to" in gate:
            blocker.setdefault("rolls_up_to", gate["rolls_up_to"])
        if "inferred" in phase:
            blocker.setdefault("inferred", phase["inferred"])


def _resting(gates: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """For each gate those of its phase that rest on it."""
    found: dict[str, list[str]] = {}
    for gate in gates:
        for edge in _mappings(gate.get("upstream")):
            upstream = edge.get("gate")
            if isinstance(upstream, str) and phase_of(upstream) == phase_of(gate["id"]):
                found.setdefault(upstream, []).append(gate["id"])
    return found


def _behind(gate_id: str, resting: Mapping[str, list[str]]) -> str | None:
    """The first gate of the phase that rests on a gate; else the next phase; None where there is neither."""
    return min(resting.get(gate_id, ()), key=in_order, default=None) or next_phase(phase_of(gate_id))


def _is_gate(gate_id: object) -> bool:
    return isinstance(gate_id, str) and re.fullmatch(GATE, gate_id) is not None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
