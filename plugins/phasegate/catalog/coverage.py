"""The laws between a catalogue, the tests that implement its verifiers, and the schemas of its artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from phasegate.catalog.grammar import short_verifier
from phasegate.catalog.model import Catalogue, Gate
from phasegate.catalog.near import near
from phasegate.errors import Problem


@dataclass(frozen=True, slots=True, order=True)
class CollectedTest:
    """A test function that claims to implement a verifier, or stands in a module of a gate.

    Attributes:
        verifier: The verifier that it claims, short or full; empty where it claims none.
        gate: The gate that it or its module claims; empty where none is claimed.
        nodeid: Node id of the function, without parameters.
        file: File of the function, as a reader of messages finds it.
        line: Its line, from 1.
    """

    verifier: str
    gate: str
    nodeid: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


def lint_tests(catalogue: Catalogue, tests: Sequence[CollectedTest], *, complete: bool = True) -> list[Problem]:
    """What of the catalogue and the tests does not fit together.

    A verifier without a test (unless its gate is planned), a planned gate whose verifiers all have one, a test
    that claims what is not catalogued or what another function claims too, and a test whose gate is not its
    verifier's.

    Args:
        catalogue: The catalogue.
        tests: The test functions found.
        complete: Whether these are all; False where something could not be collected, so that a verifier
            without a test may have one there.
    """
    problems: list[Problem] = []
    claims: dict[str, dict[str, CollectedTest]] = {}
    for test in sorted(set(tests)):
        problem = _claim_problem(catalogue, test)
        if problem is not None:
            problems.append(problem)
        short = short_verifier(test.verifier)
        if short in catalogue.gate_of_verifier:
            claims.setdefault(short, {}).setdefault(test.nodeid, test)
    for gate in catalogue.gates.values() if complete else ():
        problems += _unclaimed(catalogue, gate, claims)
    for verifier, functions in claims.items():
        first, *others = functions.values()
        problems += [
            Problem(
                f"verifier {verifier} is implemented by {first.nodeid} as well",
                other.place,
                "keep one test a verifier; parametrise it where it has several cases",
            )
            for other in others
        ]
    return problems


def lint_schemas(catalogue: Catalogue, files: Mapping[str, Sequence[str]], home: Callable[[str], str]) -> list[Problem]:
    """Artifacts without a schema (unless their gate is planned) or with two, and schemas without an artifact.

    Args:
        catalogue: The catalogue.
        files: The artifacts (file names) that have a schema in the project, and where each schema stands.
        home: Gives the folder in which a gate's schemas belong, for messages.
    """
    known = {name for gate in catalogue.gates.values() for name in (*gate.artifacts, gate.summary_name)}
    known |= {name for gate in catalogue.external.values() for name in (*gate.artifacts, gate.summary)}
    problems = [
        Problem(
            f"artifact {artifact} of {gate.id} has no schema",
            catalogue.places.get(artifact, gate.id),
            f"write {home(gate.id)}/{artifact.removesuffix('.json')}.schema.json",
        )
        for gate in catalogue.gates.values()
        if not gate.planned
        for artifact in gate.artifacts
        if artifact not in files and artifact != gate.blocker_register
    ]
    problems += [
        Problem(
            f"no gate owes {name}, which this schema is for",
            files[name][0],
            near(name, known, "add the artifact to its gate in the catalogue, or remove the schema"),
        )
        for name in sorted(files.keys() - known)
    ]
    problems += [
        Problem(f"{name} has a schema at {places[0]} as well", places[1], "keep one of the two")
        for name, places in files.items()
        if len(places) > 1
    ]
    return problems


def _claim_problem(catalogue: Catalogue, test: CollectedTest) -> Problem | None:
    """What is wrong with one test's claim, if anything."""
    if not test.verifier:
        return Problem(
            f"{test.nodeid} stands in a module of {test.gate} and implements no verifier",
            test.place,
            'mark it with pytest.mark.verifier("…"), or move it out of the module',
        )
    short = short_verifier(test.verifier)
    gate = catalogue.gate_of_verifier.get(short)
    if gate is None:
        return Problem(
            f"{test.nodeid} claims verifier {test.verifier}, which is not catalogued",
            test.place,
            near(test.verifier, catalogue.gate_of_verifier, "fix the marker, or catalogue the verifier"),
        )
    full = gate.verifier_by_id[short].full_id
    if test.verifier not in (short, full):
        return Problem(
            f"{test.nodeid} claims verifier {test.verifier}, which is catalogued as {full}",
            test.place,
            f'write pytest.mark.verifier("{short}")',
        )
    if test.gate and test.gate not in catalogue.gates:
        return Problem(
            f"{test.nodeid} belongs to gate {test.gate}, which is not catalogued",
            test.place,
            near(test.gate, catalogue.gates, f'write pytest.mark.gate("{gate.id}")'),
        )
    if test.gate and test.gate != gate.id:
        return Problem(
            f"{test.nodeid} claims {short} of {gate.id} in a module of {test.gate}",
            test.place,
            "fix one of the two markers",
        )
    return None


def _unclaimed(catalogue: Catalogue, gate: Gate, claims: dict[str, dict[str, CollectedTest]]) -> Iterator[Problem]:
    without = [verifier for verifier in gate.verifiers if verifier.id not in claims]
    if gate.planned and not without:
        yield Problem(
            f"gate {gate.id} is planned, though each of its verifiers has a test",
            catalogue.places.get(gate.id, gate.id),
            "remove `planned: true`; until then the gate can never advance",
        )
    for verifier in () if gate.planned else without:
        yield Problem(
            f"verifier {verifier.full_id} has no test",
            catalogue.places.get(verifier.id, verifier.id),
            f'write one, marked pytest.mark.verifier("{verifier.id}")',
        )
