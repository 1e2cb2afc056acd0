"""The laws of the chain: what a gate rests on, and where it advances to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from phasegate.catalog.near import near
from phasegate.catalog.outline import DocumentOutline, GateOutline, Name, Outline
from phasegate.errors import Problem

_GATE_WORD = re.compile(r"M[0-9]{1,4}[A-Z][0-9]?")
_PHASE_WORD = re.compile(r"M[0-9]{1,4}")
_ADVANCE = "ADVANCE_TO_"


def edges_lead_somewhere(outline: Outline) -> Iterator[Problem]:
    """Each edge names a catalogued gate, once, and asks that it passed."""
    known = {gate.id for gate in outline.gates} | {gate.id for gate in outline.external}
    for gate in outline.gates:
        seen: dict[str, Name] = {}
        for edge in gate.upstream:
            if edge.gate not in known and outline.whole:
                remedy = near(edge.gate, known, "catalogue it, or add it to `external` if it is not run here")
                yield edge.gate.problem(f"{gate.id} rests on {edge.gate}, which is not catalogued", remedy)
            if not edge.green:
                yield edge.gate.problem(
                    f"{gate.id} does not ask that {edge.gate} passed", "add `overall_pass: true` to its `requires`"
                )
            if seen.setdefault(edge.gate, edge.gate) is not edge.gate:
                yield edge.gate.problem(f"{gate.id} names {edge.gate} twice as upstream", "name it once")


def no_gate_rests_on_itself(outline: Outline) -> Iterator[Problem]:
    """The edges make no cycle. Every cycle that a walk along them closes is named, once."""
    upstream = {gate.id: [edge.gate for edge in gate.upstream] for gate in outline.gates}
    done: set[str] = set()
    for start, edges in upstream.items():
        way: dict[str, Iterator[Name]] = {} if start in done else {start: iter(edges)}
        while way:
            current = next(reversed(way))
            edge = next(way[current], None)
            if edge is None:
                done.add(current)
                del way[current]
            elif edge in way:
                names = list(way)
                circle = " -> ".join([*names[names.index(edge) :], edge])
                yield edge.problem(f"gates rest on each other: {circle}", "remove one of these upstream edges")
            elif edge in upstream and edge not in done:
                way[edge] = iter(upstream[edge])


def required_verdicts_exist(outline: Outline) -> Iterator[Problem]:
    """A verdict that an edge requires is one that the upstream gate can give."""
    words = {gate.id: gate.advance for gate in outline.gates if gate.advance is not None}
    external = {gate.id for gate in outline.external}
    for gate in outline.gates:
        phase = gate.id.partition(".")[0]
        for edge in gate.upstream:
            if edge.verdict is None:
                continue
            if edge.gate in words and edge.verdict != words[edge.gate]:
                fact = f"{gate.id} requires {edge.verdict} of {edge.gate}, whose word is {words[edge.gate]}"
                yield edge.verdict.problem(fact, f"write {words[edge.gate]}")
            own = {_ADVANCE + phase, _ADVANCE + gate.prefix.upper()}
            if edge.gate in external and edge.verdict not in own:
                fact = f"{gate.id} requires {edge.verdict} of {edge.gate}, which is no advance to this gate or phase"
                yield edge.verdict.problem(fact, f"write {' or '.join(sorted(own))}")


def advance_words_follow_the_chain(outline: Outline) -> Iterator[Problem]:
    """An advance word that names a gate names one that rests on this gate; one that names a phase, the next."""
    known = {gate.prefix.upper() for gate in outline.gates}
    resting: dict[str, set[str]] = {}
    for gate in outline.gates:
        for edge in gate.upstream:
            resting.setdefault(edge.gate, set()).add(gate.prefix.upper())
    claimed: dict[str, GateOutline] = {}
    for gate in outline.gates:
        if gate.advance is None or not gate.advance.startswith(_ADVANCE):
            continue
        target = gate.advance.removeprefix(_ADVANCE)
        following = resting.get(gate.id, set())
        if _GATE_WORD.fullmatch(target):
            if target not in known and outline.whole:
                remedy = near(target, following, "name a gate that rests on this one, or the phase that comes next")
                yield gate.advance.problem(f"{gate.id} advances to {target}, which is not catalogued", remedy)
            elif target in known and target not in following:
                others = " or ".join(sorted(following)) or "the phase that comes next"
                yield gate.advance.problem(
                    f"{gate.id} advances to {target}, which does not rest on it",
                    f"name {others}, or add {gate.id} to the upstream of that gate",
                )
        elif _PHASE_WORD.fullmatch(target):
            yield from _phase_word(gate, gate.advance, target, claimed)


def _phase_word(gate: GateOutline, word: Name, target: str, claimed: dict[str, GateOutline]) -> Iterator[Problem]:
    phase = gate.id.partition(".")[0]
    following = _next_phase(phase)
    if following is not None and target != following:
        fact = f"{gate.id} advances from {phase} to {target}, which is not the next phase"
        yield word.problem(fact, f"write {_ADVANCE}{following}")
    first = claimed.setdefault(target, gate)
    if first is not gate:
        fact = f"{gate.id} advances to phase {target}, as {first.id} does"
        yield word.problem(fact, "let one gate close the phase")


def phases_follow_each_other(outline: Outline) -> Iterator[Problem]:
    """Where two phases follow each other, one gate closes the first, and the second begins by resting on it."""
    phases: dict[str, DocumentOutline] = {}
    for document in outline.documents:
        if document.phase is not None:
            phases.setdefault(document.phase, document)
    for document in phases.values():
        phase = document.phase
        following = phases.get(_next_phase(phase) or "") if phase is not None else None
        if phase is None or following is None or not document.gates:
            continue
        word = f"{_ADVANCE}{following.phase}"
        closing = [gate for gate in document.gates if gate.advance == word]
        if not closing:
            remedy = f"give the gate that closes it the advance word {word}"
            yield phase.problem(f"no gate of {phase} advances to {following.phase}", remedy)
        for gate in closing:
            resting = any(edge.gate == gate.id for other in following.gates for edge in other.upstream)
            if not resting and gate.advance is not None:
                fact = f"{gate.id} advances to {following.phase}, where no gate rests on it"
                remedy = f"add {gate.id} to the upstream of the first gate of {following.phase}"
                yield gate.advance.problem(fact, remedy)


def _next_phase(phase: str) -> str | None:
    match = _PHASE_WORD.fullmatch(phase)
    return f"M{int(phase[1:]) + 1}" if match is not None else None


CHAIN_LAWS: tuple[Callable[[Outline], Iterator[Problem]], ...] = (
    edges_lead_somewhere,
    no_gate_rests_on_itself,
    required_verdicts_exist,
    advance_words_follow_the_chain,
    phases_follow_each_other,
)
