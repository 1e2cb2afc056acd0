"""From pytest marks to the catalogue: which verifier of which gate a test implements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from phasegate.catalog.grammar import short_verifier
from phasegate.catalog.model import Catalogue, Gate, Verifier
from phasegate.errors import Problem

GATE = "gate"
VERIFIER = "verifier"
BLOCKER = "blocker"
DECLARATIONS = (
    "gate(id): the gate that a module's verifiers belong to, such as M4.C",
    "verifier(id): the verifier that the test implements, such as M4C-V2",
    "blocker(code): derived from the catalogue; selects by `-m \"blocker(code='M4A-B1')\"`",
)


@dataclass(frozen=True, slots=True)
class VerifierTest:
    """A test that implements a verifier.

    Attributes:
        gate: The verifier's gate.
        verifier: The verifier.
        nodeid: The test's node id, free of what xdist appends to it.
        parametrised: Whether the test is one of several cases of its function.
    """

    gate: Gate
    verifier: Verifier
    nodeid: str
    parametrised: bool


TEST_KEY = pytest.StashKey[VerifierTest]()
_MARKED_KEY = pytest.StashKey[str]()


def claims_verifier(item: pytest.Item) -> bool:
    """Whether the item carries one of our marks."""
    return item.get_closest_marker(VERIFIER) is not None or item.get_closest_marker(GATE) is not None


def names_verifier(item: pytest.Item, catalogue: Catalogue) -> bool:
    """Whether an item's mark names a verifier of the catalogue, in whichever form."""
    mark = item.get_closest_marker(VERIFIER)
    name = mark.args[0] if mark is not None and mark.args else None
    return isinstance(name, str) and short_verifier(name) in catalogue.gate_of_verifier


def resolve_marks(item: pytest.Item, catalogue: Catalogue) -> VerifierTest | Problem | None:
    """What an item's marks say: the verifier that it implements, what is wrong with them, or None."""
    gate_mark = item.get_closest_marker(GATE)
    verifier_mark = item.get_closest_marker(VERIFIER)
    if gate_mark is None and verifier_mark is None:
        return None
    place = item.nodeid

    def problem(fact: str, remedy: str) -> Problem:
        return Problem(fact=fact, place=place, remedy=remedy)

    if verifier_mark is None:
        return problem(
            "is in a gate's module and implements no verifier",
            'mark it with pytest.mark.verifier("<id>"), or move it out of the module',
        )
    if len(verifier_mark.args) != 1 or verifier_mark.kwargs or not isinstance(verifier_mark.args[0], str):
        return problem("its verifier marker is not one identifier", 'write pytest.mark.verifier("M4C-V2")')
    name: str = verifier_mark.args[0]
    short = short_verifier(name)
    gate = catalogue.gate_of_verifier.get(short)
    if gate is None:
        return problem(f"verifier {name} is not in the catalogue", "fix the marker, or catalogue the verifier")
    verifier = gate.verifier_by_id[short]
    if name not in (verifier.id, verifier.full_id):
        return problem(f"verifier {name} is catalogued as {verifier.full_id}", "fix the marker")
    if gate_mark is not None:
        wanted = gate_mark.args[0] if len(gate_mark.args) == 1 else None
        if wanted not in catalogue.gates:
            return problem(
                f"gate {wanted!r} is not in the catalogue",
                f"fix the marker; the catalogue has {', '.join(catalogue.gates)}",
            )
        if wanted != gate.id:
            return problem(
                f"verifier {verifier.id} belongs to {gate.id}, its module to {wanted}",
                "fix one of the two markers",
            )
    return VerifierTest(gate, verifier, place, parametrised=hasattr(item, "callspec"))


def add_derived_marks(item: pytest.Item, test: VerifierTest) -> None:
    """Gives an item the markers that follow from the catalogue: phase, gate, alias and blocker codes."""
    # The gate's own markers go where its mark stands, mostly the module: once, and not once for each test.
    node = next((node for node, _ in item.iter_markers_with_node(GATE)), item)
    if node.stash.get(_MARKED_KEY, None) != test.gate.id:
        node.stash[_MARKED_KEY] = test.gate.id
        for name in test.gate.markers:
            node.add_marker(name)
    for code in test.verifier.raises:
        item.add_marker(_blocker_mark(code))
    item.stash[TEST_KEY] = test


@cache
def _blocker_mark(code: str) -> pytest.MarkDecorator:
    return pytest.mark.blocker(code=code)


def marker_declarations(catalogue: Catalogue) -> tuple[str, ...]:
    """Lines for pytest's `markers` setting, those of the derived markers included."""
    derived: dict[str, str] = {}
    for gate in catalogue.gates.values():
        phase_marker, *gate_markers = gate.markers
        derived.setdefault(phase_marker, f"{phase_marker}: all gates of phase {gate.phase}")
        for marker in gate_markers:
            derived[marker] = f"{marker}: gate {gate.id}, {gate.title}"
    return (*DECLARATIONS, *derived.values())
