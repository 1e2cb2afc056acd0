"""The laws between the records of a catalogue, and between a catalogue, its tests and its schemas."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from phasegate.catalog.model import Catalogue, Gate, PhaseDocument
from phasegate.errors import Problem


@dataclass(frozen=True, slots=True, order=True)
class CollectedTest:
    """A test function that claims a verifier.

    Attributes:
        verifier: The claimed verifier, short or full.
        gate: The gate that its module claims, or an empty string.
        nodeid: The function's node id, without parameters.
        place: File and line.
    """

    verifier: str
    gate: str
    nodeid: str
    place: str


def lint(documents: Sequence[PhaseDocument], places: Mapping[str, str]) -> list[Problem]:
    """Every breach of a law between records.

    Args:
        documents: The parsed documents.
        places: File and line of each identifier.
    """
    return _Lint(documents, places).run()


class _Lint:
    def __init__(self, documents: Sequence[PhaseDocument], places: Mapping[str, str]) -> None:
        self.documents = documents
        self.places = places
        self.gates = [gate for document in documents for gate in document.gates]
        self.phase_codes = {blocker.code for document in documents for blocker in document.phase.blockers}
        self.problems: list[Problem] = []

    def run(self) -> list[Problem]:
        self.unique()
        for document in self.documents:
            self.phase(document)
        for gate in self.gates:
            self.codes(gate)
            self.edges(gate)
        self.cycles()
        return self.problems

    def complain(self, identifier: str, fact: str, remedy: str) -> None:
        self.problems.append(Problem(f"{identifier} {fact}", self.places.get(identifier, "catalogue"), remedy))

    def unique(self) -> None:
        kinds = {
            "phase": [document.phase.id for document in self.documents],
            "gate": [gate.id for gate in self.gates] + [g.id for d in self.documents for g in d.external],
            "verifier": [verifier.id for gate in self.gates for verifier in gate.verifiers],
            "blocker": [blocker.code for gate in self.gates for blocker in gate.blockers]
            + [blocker.code for document in self.documents for blocker in document.phase.blockers],
            "marker": [marker for gate in self.gates for marker in gate.markers[1:]],
        }
        for kind, names in kinds.items():
            for name, count in Counter(names).items():
                if count > 1:
                    self.complain(name, f"names {count} {kind}s", f"give each {kind} a name of its own")
        owners: dict[str, str] = {}
        for gate in self.gates:
            for artifact in (*gate.artifacts, gate.summary_name):
                other = owners.setdefault(artifact, gate.id)
                if other != gate.id:
                    self.complain(gate.id, f"owes {artifact}, as {other} does", "let one gate own each artifact")
            for artifact, count in Counter(gate.artifacts).items():
                if count > 1:
                    self.complain(gate.id, f"lists {artifact} {count} times", "list it once")

    def phase(self, document: PhaseDocument) -> None:
        phase = document.phase
        owned = {name for gate in document.gates for name in (*gate.artifacts, gate.summary_name)}
        for artifact in phase.evidence_contract:
            if artifact not in owned:
                self.complain(phase.id, f"owes {artifact}, which no gate owns", self.near(artifact, owned))
        for blocker in phase.blockers:
            if blocker.rolls_up_to is not None and blocker.rolls_up_to not in self.phase_codes:
                self.complain(
                    blocker.code,
                    f"rolls up to {blocker.rolls_up_to}, which no phase has",
                    self.near(blocker.rolls_up_to, self.phase_codes),
                )
        for gate in document.gates:
            if gate.phase != phase.id:
                self.complain(gate.id, f"stands in the document of {phase.id}", "move it to its phase's document")

    def codes(self, gate: Gate) -> None:
        own = {blocker.code for blocker in gate.blockers}
        raised = {code for verifier in gate.verifiers for code in verifier.raises}
        framework = {code for code in gate.codes.model_dump().values() if code is not None}
        for verifier in gate.verifiers:
            if not verifier.id.startswith(f"{gate.prefix.upper()}-"):
                self.complain(verifier.id, f"stands in gate {gate.id}", f"name it {gate.prefix.upper()}-V…")
            for code in verifier.raises:
                if code not in own:
                    self.complain(verifier.id, f"raises {code}, which {gate.id} does not have", self.near(code, own))
        for role, code in gate.codes.model_dump().items():
            if code is not None and code not in own:
                self.complain(gate.id, f"names {code} for {role}, which it does not have", self.near(code, own))
        for blocker in gate.blockers:
            if blocker.code not in raised | framework:
                self.complain(
                    blocker.code,
                    "is raised by no verifier",
                    "add it to the `raises` of the verifier that sees it, or remove it",
                )
            if blocker.rolls_up_to not in self.phase_codes:
                self.complain(
                    blocker.code,
                    f"rolls up to {blocker.rolls_up_to}, which no phase has",
                    self.near(blocker.rolls_up_to, self.phase_codes),
                )
        if gate.rolls_up_to not in self.phase_codes:
            self.complain(
                gate.id,
                f"rolls up to {gate.rolls_up_to}, which no phase has",
                self.near(gate.rolls_up_to, self.phase_codes),
            )

    def edges(self, gate: Gate) -> None:
        known = {other.id for other in self.gates} | {g.id for d in self.documents for g in d.external}
        for edge in gate.upstream:
            if edge.gate not in known:
                self.complain(gate.id, f"rests on {edge.gate}, which is not catalogued", self.near(edge.gate, known))
            if edge.requires.get("overall_pass") is not True:
                self.complain(
                    gate.id, f"does not require overall_pass of {edge.gate}", "require {overall_pass: true, …}"
                )
        for name, count in Counter(edge.gate for edge in gate.upstream).items():
            if count > 1:
                self.complain(gate.id, f"names upstream {name} {count} times", "name it once")

    def cycles(self) -> None:
        upstream = {gate.id: [edge.gate for edge in gate.upstream] for gate in self.gates}
        done: set[str] = set()
        reported: set[frozenset[str]] = set()
        for start in upstream:
            stack: list[tuple[str, int]] = [(start, 0)]
            trail = [start]
            while stack:
                node, position = stack.pop()
                following = upstream.get(node, [])
                if node in done or position >= len(following):
                    done.add(node)
                    trail.pop()
                    continue
                stack.append((node, position + 1))
                target = following[position]
                if target in trail:
                    cycle = trail[trail.index(target) :]
                    if frozenset(cycle) not in reported:
                        reported.add(frozenset(cycle))
                        way = " -> ".join([*cycle, target])
                        self.complain(target, f"rests on itself: {way}", "remove one of these upstream edges")
                else:
                    stack.append((target, 0))
                    trail.append(target)

    @staticmethod
    def near(name: str, known: Iterable[str]) -> str:
        close = difflib.get_close_matches(name, sorted(known), n=1)
        return f"did you mean {close[0]}?" if close else "catalogue it, or mend the name"


def lint_tests(catalogue: Catalogue, tests: Sequence[CollectedTest]) -> list[Problem]:
    """Verifiers without a test, tests without a verifier, and verifiers claimed twice or from a foreign gate."""
    problems: list[Problem] = []
    claims: dict[str, set[str]] = {}
    for test in sorted(tests):
        short = "-".join(test.verifier.split("-")[:2])
        gate = catalogue.gate_of_verifier.get(short)
        if gate is None or test.verifier not in (short, gate.verifier_by_id[short].full_id):
            problems.append(
                Problem(
                    f"claims verifier {test.verifier}, which is not catalogued",
                    test.place,
                    _Lint.near(test.verifier, catalogue.gate_of_verifier),
                )
            )
            continue
        if test.gate and test.gate != gate.id:
            problems.append(
                Problem(
                    f"claims {test.verifier} of {gate.id} in a module of {test.gate}",
                    test.place,
                    "mend one of the two markers",
                )
            )
        claims.setdefault(short, set()).add(test.nodeid)
    for gate in catalogue.gates.values():
        for verifier in gate.verifiers:
            functions = sorted(claims.get(verifier.id, ()))
            if not functions and not gate.planned:
                problems.append(
                    Problem(
                        f"verifier {verifier.full_id} has no test",
                        gate.id,
                        f'write one, marked pytest.mark.verifier("{verifier.id}")',
                    )
                )
            if len(functions) > 1:
                problems.append(
                    Problem(
                        f"verifier {verifier.id} is claimed by {' and '.join(functions)}",
                        gate.id,
                        "keep one test a verifier; parametrise it where it has several cases",
                    )
                )
    return problems


def lint_schemas(catalogue: Catalogue, names: Iterable[str]) -> list[Problem]:
    """Artifacts without a schema, and schemas without an artifact.

    Args:
        catalogue: The catalogue.
        names: The artifacts (file names) that have a schema, the framework's own left out.
    """
    have = set(names)
    known = {artifact for gate in catalogue.gates.values() for artifact in gate.artifacts}
    known |= {name for gate in catalogue.external.values() for name in (*gate.artifacts, gate.summary)}
    problems = [
        Problem(
            f"artifact {artifact} has no schema",
            gate.id,
            f"write schemas/{artifact.removesuffix('.json')}.schema.json in the catalogue's folder",
        )
        for gate in catalogue.gates.values()
        if not gate.planned
        for artifact in gate.artifacts
        if artifact not in have
    ]
    problems += [
        Problem(f"schema of {name} has no artifact in the catalogue", f"schemas/{name}", _Lint.near(name, known))
        for name in sorted(have - known)
    ]
    return problems
