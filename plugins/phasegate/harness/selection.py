"""Which verifiers run, in which order, and what of a selected gate was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from phasegate.catalog.model import Catalogue, Gate
from phasegate.errors import Problem
from phasegate.harness.belonging import lies_in
from phasegate.harness.marks import (
    TEST_KEY,
    VerifierTest,
    add_derived_marks,
    claims_verifier,
    names_verifier,
    resolve_marks,
)
from phasegate.verdict import TestRecord, TestState


@dataclass(slots=True)
class Plan:
    """What a session set out to run.

    Attributes:
        gates: The gates of which at least one test is selected, in chain order.
        expected: For each of them its selected tests.
        left_out: For each of them records of what the selection left out.
    """

    gates: list[Gate] = field(default_factory=list)
    expected: dict[str, list[VerifierTest]] = field(default_factory=dict)
    left_out: dict[str, list[tuple[str, TestRecord]]] = field(default_factory=dict)


def mark_items(items: Sequence[pytest.Item], catalogue: Catalogue, folders: Sequence[Path]) -> list[Problem]:
    """Resolves the marks of all items and adds the derived ones; returns every problem found.

    Args:
        items: All collected items.
        catalogue: The catalogue.
        folders: Where verifiers lie. Elsewhere a mark of ours that names no verifier of the catalogue is somebody's
            own: no verdict depends on it.
    """
    problems = []
    claimed: dict[str, str] = {}
    for item in items:
        if not claims_verifier(item) or (not names_verifier(item, catalogue) and not lies_in(item.path, folders)):
            continue
        found = resolve_marks(item, catalogue)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is not None:
            function = item.nodeid.split("[", maxsplit=1)[0]
            other = claimed.setdefault(found.verifier.id, function)
            if other != function:
                problems.append(
                    Problem(
                        fact=f"verifier {found.verifier.id} is implemented by {other} as well",
                        place=item.nodeid,
                        remedy="keep one test a verifier; parametrise it where it has several cases",
                    )
                )
            add_derived_marks(item, found)
    return problems


def add_upstream(
    collected: Sequence[pytest.Item], items: list[pytest.Item], catalogue: Catalogue, option: str
) -> list[Problem]:
    """Adds to the selected items all tests of the gates that the selected ones rest on.

    Args:
        collected: All items, as they were before deselection.
        items: The selected items; added to in place.
        catalogue: The catalogue.
        option: How the option that asks for it is spelled.

    Returns:
        A problem for each upstream gate whose tests were not collected.
    """
    selected = {item.stash[TEST_KEY].gate.id for item in items if TEST_KEY in item.stash}
    wanted = catalogue.closure(frozenset(selected)) - selected
    present = set(items)
    added: set[str] = set()
    for item in collected:
        test = item.stash.get(TEST_KEY, None)
        if test is not None and test.gate.id in wanted:
            added.add(test.gate.id)
            if item not in present:
                items.append(item)
    return [
        Problem(
            fact=f"{option}=run needs gate {gate_id}, whose tests were not collected",
            place="command line",
            remedy="name no path, or name the folder that holds its verifiers too",
        )
        for gate_id in catalogue.gates
        if gate_id in wanted - added
    ]


def order_items(items: list[pytest.Item], catalogue: Catalogue) -> None:
    """Sorts the verifiers into chain order in place; other tests keep their places."""
    gate_rank = {gate_id: rank for rank, gate_id in enumerate(catalogue.gates)}
    verifier_rank = {
        verifier.id: rank for gate in catalogue.gates.values() for rank, verifier in enumerate(gate.verifiers)
    }
    places = [place for place, item in enumerate(items) if TEST_KEY in item.stash]

    def rank(place: int) -> tuple[int, int]:
        test = items[place].stash[TEST_KEY]
        return gate_rank[test.gate.id], verifier_rank[test.verifier.id]

    in_order = [items[place] for place in sorted(places, key=rank)]
    for place, item in zip(places, in_order, strict=True):
        items[place] = item


def plan_session(
    collected: Sequence[pytest.Item], items: Sequence[pytest.Item], catalogue: Catalogue, *, narrowed: bool
) -> Plan:
    """What is going to run, and what the selection leaves out of the gates it touches.

    Args:
        collected: All items before deselection.
        items: The items that will run.
        catalogue: The catalogue.
        narrowed: Whether collection itself was narrowed (node ids on the command line, `--lf`), so that cases
            of a parametrised test may be missing without a trace.
    """
    plan = Plan()
    selected = set(items)
    for item in items:
        test = item.stash.get(TEST_KEY, None)
        if test is None:
            continue
        plan.expected.setdefault(test.gate.id, []).append(test)
        if narrowed and test.parametrised:
            record = TestRecord(
                test.nodeid,
                TestState.DESELECTED,
                detail="cases of this test may be missing: the collection was narrowed",
            )
            plan.left_out.setdefault(test.gate.id, []).append((test.verifier.id, record))
    for item in collected:
        test = item.stash.get(TEST_KEY, None)
        if test is not None and item not in selected and test.gate.id in plan.expected:
            record = TestRecord(test.nodeid, TestState.DESELECTED, detail="deselected")
            plan.left_out.setdefault(test.gate.id, []).append((test.verifier.id, record))
    plan.gates = [gate for gate_id, gate in catalogue.gates.items() if gate_id in plan.expected]
    return plan
