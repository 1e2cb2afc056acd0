"""The handles that the catalogue says each gate of M4 cannot do without, against registry, lanes and dependencies."""

from __future__ import annotations

import pytest

from infra.handles import Registry, load
from infra.lanes import LANES
from infra.lanes.bindings import binding_matrix
from infra.lanes.dependencies import dependency_matrix
from infra.lanes.manifest import build_manifest
from tests.gates.conftest import REGISTRY
from tests.gates.rehearsal import CATALOGUE

PUBLICATION = {"S3_EVIDENCE_BUCKET", "S3_RUN_CONTROL_ROOT_PATTERN"}
COUNTS = {"A": 33, "B": 27, "C": 23, "D": 21, "E": 23, "F": 15, "G": 11, "H": 4, "I": 2, "J": 6}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(REGISTRY)


def required(gate: str) -> list[str]:
    return [name for names in CATALOGUE.gates[gate].handles.values() for name in names]


@pytest.mark.parametrize(("letter", "count"), COUNTS.items())
def test_every_handle_that_a_gate_requires_is_resolved(registry, letter, count) -> None:
    names = required(f"M4.{letter}")
    assert len(set(names)) == len(names) == count
    assert set(registry.require(names)) == set(names)
    assert set(names) >= PUBLICATION


def test_the_families_of_m4a_have_their_sizes() -> None:
    assert [len(names) for names in CATALOGUE.gates["M4.A"].handles.values()] == [3, 3, 7, 6, 6, 6, 2]


def test_no_open_handle_is_required(registry) -> None:
    assert not {handle.name for handle in registry.unresolved()} & {n for c in COUNTS for n in required(f"M4.{c}")}


def test_what_the_lanes_bind_and_depend_on_is_required_where_it_is_judged(registry) -> None:
    values = {handle.name: handle.value for handle in registry.handles if handle.resolved}
    manifest = build_manifest(values).payload
    bound = {role.handle for role in binding_matrix(manifest, values).roles}
    assert bound | {secret.handle for lane in LANES for secret in lane.secrets} <= set(required("M4.C"))
    named = {name for row in dependency_matrix(manifest, values).rows for name in row["dependencies"]}
    assert set(required("M4.D")) - PUBLICATION <= named
