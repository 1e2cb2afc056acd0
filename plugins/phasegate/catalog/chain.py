"""The laws of the chain: what a gate rests on, and where it advances to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from phasegate.catalog.grammar import gate_prefix, names_gate, names_phase, next_phase, phase_of, word_target
from phasegate.catalog.near import near
from phasegate.catalog.outline import DocumentOutline, GateOutline, Name, Outline
from phasegate.errors import Problem


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
        for edge in gate.upstream:
            if edge.verdict is None:
                continue
            if edge.gate in words and edge.verdict != words[edge.gate]:
                fact = f"{gate.id} requires {edge.verdict} of {edge.gate}, whose word is {words[edge.gate]}"
                yield edge.verdict.problem(fact, f"write {words[edge.gate]}")
            own = {phase_of(gate.id), gate.prefix.upper()}
            if edge.gate in external and word_target(edge.verdict) not in own:
                fact = f"{gate.id} requires {edge.verdict} of {edge.gate}, which is no advance to this gate or phase"
                remedy = " or ".join(f"ADVANCE_TO_{target}" for target in sorted(own))
                yield edge.verdict.problem(fact, f"write {remedy}")


def advance_words_follow_the_chain(outline: Outline) -> Iterator[Problem]:
    """An advance word that names a gate names one that rests on this gate; one that names a phase, the next.

    Of several gates with one word, each of which opens the same gate, it is enough that this one rests on one of them.
    """
    words = _Words(outline)
    closed: dict[str, GateOutline] = {}
    for gate in outline.gates:
        target = word_target(gate.advance) if gate.advance is not None else None
        if gate.advance is None or target is None:
            continue
        problem = words.problem(gate, gate.advance, target)
        if problem is not None:
            yield problem
        elif target not in words.known | words.parts.keys() and names_phase(target, phase_of(gate.id)):
            yield from _phase_word(gate, gate.advance, target, closed)


class _Words:
    """What advance words may open: gates, and parts of a phase, which the aliases of gates name (`P4` of `P4.A`)."""

    def __init__(self, outline: Outline) -> None:
        self._whole = outline.whole
        self.known = {gate.prefix.upper() for gate in outline.gates}
        self.parts: dict[str, set[str]] = {}
        self._resting: dict[str, set[str]] = {}
        self._opening: dict[str, set[str]] = {}
        for gate in outline.gates:
            upstream = {str(edge.gate) for edge in gate.upstream}
            for name in upstream:
                self._resting.setdefault(name, set()).add(gate.prefix.upper())
            if gate.alias is not None:
                self.parts.setdefault(phase_of(gate.alias), set()).update(upstream)
            if gate.advance is not None:
                self._opening.setdefault(gate.advance, set()).add(gate.id)

    def problem(self, gate: GateOutline, word: Name, target: str) -> Problem | None:
        """What is wrong with a word that opens a gate or a part, if anything."""
        following = self._resting.get(gate.id, set())
        if target in self.known:
            backwards = any(gate_prefix(edge.gate).upper() == target for edge in gate.upstream)
            if not backwards and any(target in self._resting.get(other, ()) for other in self._opening[word]):
                return None
            others = " or ".join(sorted(following)) or "the phase that comes next"
            return word.problem(
                f"{gate.id} advances to {target}, which does not rest on it",
                f"name {others}, or add {gate.id} to the upstream of that gate",
            )
        if names_gate(target, phase_of(gate.id)) and self._whole:
            remedy = near(target, following, "name a gate that rests on this one, or the phase that comes next")
            return word.problem(f"{gate.id} advances to {target}, which is not catalogued", remedy)
        if target in self.parts and gate.id not in self.parts[target]:
            fact = f"{gate.id} advances to {target}, where no gate rests on it"
            return word.problem(fact, f"add {gate.id} to the upstream of the first gate of {target}")
        return None


def _phase_word(gate: GateOutline, word: Name, target: str, closed: dict[str, GateOutline]) -> Iterator[Problem]:
    following = next_phase(phase_of(gate.id))
    if target != following:
        fact = f"{gate.id} advances from {phase_of(gate.id)} to {target}, which is not the next phase"
        yield word.problem(fact, f"write {word.removesuffix(target)}{following}")
    first = closed.setdefault(target, gate)
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
        following = phases.get(next_phase(phase) or "") if phase is not None else None
        if phase is None or following is None or not document.gates:
            continue
        closing = [gate for gate in document.gates if word_target(gate.advance or "") == following.phase]
        if not closing:
            remedy = f"give the gate that closes it an advance word that names {following.phase}"
            yield phase.problem(f"no gate of {phase} advances to {following.phase}", remedy)
        for gate in closing:
            resting = any(edge.gate == gate.id for other in following.gates for edge in other.upstream)
            if not resting and gate.advance is not None:
                fact = f"{gate.id} advances to {following.phase}, where no gate rests on it"
                remedy = f"add {gate.id} to the upstream of the first gate of {following.phase}"
                yield gate.advance.problem(fact, remedy)


CHAIN_LAWS: tuple[Callable[[Outline], Iterator[Problem]], ...] = (
    edges_lead_somewhere,
    no_gate_rests_on_itself,
    required_verdicts_exist,
    advance_words_follow_the_chain,
    phases_follow_each_other,
)
