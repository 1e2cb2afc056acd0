"""The laws between the records of a catalogue: names, codes, roll-ups, artifacts.

Each law is a function from the outline to the problems it finds; the laws about the chain of gates are in
`phasegate.catalog.chain`, those about tests and schemas in `phasegate.catalog.coverage`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from phasegate.catalog.chain import CHAIN_LAWS
from phasegate.catalog.grammar import gate_prefix, phase_of
from phasegate.catalog.near import near
from phasegate.catalog.outline import DocumentOutline, Name, Outline
from phasegate.errors import Problem

_BEFORE_NUMBER = re.compile(r"[^-.]+(?=[-.][A-Z])")

_OF_PACK = ("evidence", "publish", "leak")
_ROLES = {"entry": ("entry", "entry_absent"), "contract": _OF_PACK, "publish": _OF_PACK}
"""The roles of the codes that a verifier raises whose test is the framework's."""

Law = Callable[[Outline], Iterator[Problem]]


def lint(outline: Outline) -> list[Problem]:
    """Every breach of a law between records, in no particular order."""
    return [problem for law in (*_LAWS, *CHAIN_LAWS) for problem in law(outline)]


def _one_platform(outline: Outline) -> Iterator[Problem]:
    named = [document.platform for document in outline.documents if document.platform is not None]
    for platform in named[1:]:
        if platform != named[0]:
            yield platform.problem(
                f"the platform is {platform}; {named[0].place} says {named[0]}", "keep one platform in a catalogue"
            )


def _phases_and_gates_belong_together(outline: Outline) -> Iterator[Problem]:
    for document in outline.documents:
        if document.phase is not None and not document.gates and outline.whole:
            remedy = "write its gates, each in a gate.yaml of its own or in this document's `gates`"
            yield document.phase.problem(f"the phase {document.phase} has no gates", remedy)
    for gate in outline.strays if outline.whole else ():
        fact = f"{gate.id} has a document of its own, and no document describes its phase"
        yield gate.id.problem(fact, "write a phase.yaml with that phase, or fix the gate's id")


def _names_are_unique(outline: Outline) -> Iterator[Problem]:
    documents, gates = outline.documents, outline.gates
    of_phases = {blocker.code for document in documents for blocker in document.blockers}
    raised_by_gates = (blocker.code for gate in gates for blocker in gate.blockers or ())
    yield from _once("blocker of a phase", (code for code in raised_by_gates if code in of_phases))
    yield from _once("phase", (document.phase for document in documents))
    yield from _once("gate", (*(gate.id for gate in gates), *(gate.id for gate in outline.external)))
    yield from _once("alias", (gate.alias for gate in gates))
    yield from _once("verifier", (verifier.id for gate in gates for verifier in gate.verifiers))
    yield from _once(
        "blocker",
        (
            *(blocker.code for document in documents for blocker in document.blockers),
            *(blocker.code for gate in gates for blocker in gate.blockers or () if blocker.code not in of_phases),
        ),
    )
    yield from _once("prefix of codes", {gate.id: gate.code_prefix for gate in gates}.values())
    markers = {gate_prefix(document.phase): ("phase", document.phase) for document in documents if document.phase}
    for gate in gates:
        if gate.prefix in markers and markers[gate.prefix][1] != gate.id:
            kind, other = markers[gate.prefix]
            fact = f"the gate {gate.id} would be selected by `-m {gate.prefix}`, as {kind} {other} is"
            yield gate.id.problem(fact, "give it another name")
        markers.setdefault(gate.prefix, ("gate", gate.id))
    for gate in gates:
        marker = gate_prefix(gate.alias) if gate.alias is not None else ""
        if gate.alias is not None and marker in markers:
            kind, other = markers[marker]
            yield gate.alias.problem(
                f"the alias {gate.alias} would be selected by `-m {marker}`, as {kind} {other} is",
                "give the gate an alias of its own",
            )


def _once(kind: str, names: Iterable[Name | None]) -> Iterator[Problem]:
    first: dict[str, Name] = {}
    for name in names:
        if name is not None and first.setdefault(name, name) is not name:
            fact = f"the {kind} {name} stands here again, first at {first[name].place}"
            yield name.problem(fact, f"give each {kind} a name of its own, or remove one")


def _records_stand_where_they_belong(outline: Outline) -> Iterator[Problem]:
    for document in outline.documents:
        phase = document.phase
        of_phase = {blocker.code for blocker in document.blockers}
        for taxonomy in document.taxonomies:
            if phase is not None and not taxonomy.id.startswith(phase):
                yield taxonomy.id.problem(f"{taxonomy.id} is not a part of {phase}", f"name it {phase}…")
            for blocker in taxonomy.blockers or ():
                if _misplaced(blocker.code, taxonomy.id):
                    fact, remedy = f"{blocker.code} is not a code of {taxonomy.id}", f"name it {taxonomy.id}-B…"
                    yield blocker.code.problem(fact, remedy)
        for gate in document.gates:
            if phase is not None and phase_of(gate.id) != phase:
                yield gate.id.problem(f"{gate.id} stands in the document of {phase}", "move it to its phase's document")
            start = gate.prefix.upper()
            for verifier in gate.verifiers:
                if _misplaced(verifier.id, start):
                    yield verifier.id.problem(f"{verifier.id} stands in gate {gate.id}", f"name it {start}-V…")
            start = gate.code_prefix or start
            for blocker in gate.blockers or ():  # which may have blockers of its phase that it raises itself
                if _misplaced(blocker.code, start) and blocker.code not in of_phase:
                    yield blocker.code.problem(f"{blocker.code} stands in gate {gate.id}", f"name it {start}-B…")


def _misplaced(name: str, start: str) -> bool:
    own = _BEFORE_NUMBER.match(name)
    return own is not None and own[0] != start  # a name of another form is another problem


def _stops_differ(outline: Outline) -> Iterator[Problem]:
    for gate in outline.gates:
        if gate.reset is not None and gate.hold == gate.reset:
            fact = f"{gate.id} says {gate.reset} for a hold and for a reset"
            yield gate.reset.problem(fact, "give the two verdicts different words")


def _codes_are_known(outline: Outline) -> Iterator[Problem]:
    for gate in outline.gates:
        if gate.blockers is None:
            continue
        own = {blocker.code for blocker in gate.blockers}
        for name in (*(code for verifier in gate.verifiers for code in verifier.raises), *gate.codes.values()):
            if name not in own:
                remedy = near(name, own, f"catalogue it among the blockers of {gate.id}, or remove it")
                yield name.problem(f"{name} is not a blocker of {gate.id}", remedy)
        for verifier in gate.verifiers:
            yield from _once(f"code raised by {verifier.id},", verifier.raises)


def _own_tests_raise_own_codes(outline: Outline) -> Iterator[Problem]:
    for gate in outline.gates:
        upstream = {edge.gate for edge in gate.upstream}
        for verifier in gate.verifiers:
            roles = _ROLES.get(verifier.kind or "", ())
            codes = [gate.codes[role] for role in roles if role in gate.codes]
            for code in verifier.raises if roles and codes else ():
                if code not in codes:
                    fact = f"{verifier.id} is of kind {verifier.kind}, which does not raise {code}"
                    yield code.problem(
                        fact, f"write {' or '.join(dict.fromkeys(codes))}, as `codes` of the gate has it"
                    )
            for name in verifier.over:
                if verifier.kind != "entry" or name not in upstream:
                    remedy = near(name, upstream, "name upstream gates of its gate, and only of an entry")
                    yield name.problem(f"{verifier.id} cannot look at {name}", remedy)


def _blockers_are_raised(outline: Outline) -> Iterator[Problem]:
    for gate in outline.gates:
        raised = {code for verifier in gate.verifiers for code in verifier.raises} | set(gate.codes.values())
        for blocker in gate.blockers or ():
            if blocker.code not in raised:
                yield blocker.code.problem(
                    f"{blocker.code} is raised by no verifier of {gate.id}, nor by the framework",
                    "add it to the `raises` of the verifier that sees it, name it in `codes`, or remove it",
                )


def _roll_ups_arrive(outline: Outline) -> Iterator[Problem]:
    for document in outline.documents:
        if any(taxonomy.blockers is None for taxonomy in document.taxonomies) or not document.taxonomies:
            continue
        taxonomy = {blocker.code for blocker in document.blockers}
        for name in _roll_ups(document):
            if name not in taxonomy:
                remedy = near(name, taxonomy, f"name a blocker of {document.phase or 'the phase'}")
                yield name.problem(f"the roll-up {name} is not a blocker of {document.phase or 'the phase'}", remedy)
        yield from _roll_ups_end(document)


def _roll_ups(document: DocumentOutline) -> Iterator[Name]:
    """Every code that something of the document rolls up to."""
    for blocker in document.blockers:
        if blocker.rolls_up_to is not None:
            yield blocker.rolls_up_to
    for gate in document.gates:
        if gate.rolls_up_to is not None:
            yield gate.rolls_up_to
        for blocker in gate.blockers or ():
            if blocker.rolls_up_to is not None:
                yield blocker.rolls_up_to


def _roll_ups_end(document: DocumentOutline) -> Iterator[Problem]:
    codes = [blocker.code for blocker in document.blockers]
    above: dict[str, Name | None] = {blocker.code: blocker.rolls_up_to for blocker in document.blockers}
    settled: set[str] = set()
    for start in codes:
        way: list[str] = []
        code: str | None = start
        while code is not None and code in above and code not in settled:
            if code in way:
                circle = " -> ".join([*way[way.index(code) :], code])
                yield start.problem(f"the roll-up goes round: {circle}", "let the chain of roll-ups end")
                break
            way.append(code)
            code = above[code]
        settled.update(way)


def _artifacts_have_one_owner(outline: Outline) -> Iterator[Problem]:
    summaries = {gate.summary: gate.id for gate in outline.gates}
    owned: dict[str, tuple[Name, str]] = {}
    owners = [(gate.id, gate.artifacts) for gate in outline.gates]
    owners += [(gate.id, gate.files) for gate in outline.external]
    for owner, artifacts in owners:
        for artifact in artifacts:
            if artifact in summaries:
                yield artifact.problem(
                    f"{artifact} is the execution summary of {summaries[artifact]}",
                    "leave it out: every gate owes its summary without saying so",
                )
            first, first_owner = owned.setdefault(artifact, (artifact, owner))
            if first is not artifact:
                yield artifact.problem(
                    f"{owner} owes {artifact}, as {first_owner} does at {first.place}", "let one gate own each artifact"
                )


def _registers_are_owed(outline: Outline) -> Iterator[Problem]:
    for gate in outline.gates:
        if gate.blocker_register is not None and gate.blocker_register not in gate.artifacts:
            remedy = near(gate.blocker_register, gate.artifacts, "add it to the gate's artifacts")
            yield gate.blocker_register.problem(f"{gate.id} does not owe its register {gate.blocker_register}", remedy)


def _contracts_are_owned(outline: Outline) -> Iterator[Problem]:
    for document in outline.documents:
        owned = {name for gate in document.gates for name in (*gate.artifacts, gate.summary)}
        yield from _once("artifact", document.contract)
        for artifact in document.contract:
            if artifact not in owned:
                remedy = near(artifact, owned, "add it to the artifacts of the gate that writes it")
                yield artifact.problem(f"no gate of {document.phase or 'the phase'} owes {artifact}", remedy)


_LAWS: tuple[Law, ...] = (
    _one_platform,
    _phases_and_gates_belong_together,
    _names_are_unique,
    _records_stand_where_they_belong,
    _stops_differ,
    _codes_are_known,
    _own_tests_raise_own_codes,
    _blockers_are_raised,
    _roll_ups_arrive,
    _artifacts_have_one_owner,
    _registers_are_owed,
    _contracts_are_owned,
)
