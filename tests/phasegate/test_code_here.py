"""A command finds the code that an attempt names where it lies, also outside of the project, and imports none of it."""

from __future__ import annotations

import sys
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from phasegate.commands.code import code_here

NO_GATES: Any = SimpleNamespace(gates={}, gate_of_verifier={})


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A project whose catalogue, verifiers and plugins lie beside it."""
    for name in ("cat/schemas/a.schema.json", "gates/test_a.py", "lib/pack/deep.py", "conftest.py", "project/own.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "lib")])
    root = tmp_path / "project"
    return SimpleNamespace(root=root, code=(), schemas=(root / "../cat/schemas",), verifiers=(root / "../gates",))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("outside:schemas", "cat/schemas/a.schema.json"),
        ("outside:test_a.py", "gates/test_a.py"),
        ("plugin:pack.deep", "lib/pack/deep.py"),
        ("plugin:../conftest.py", "conftest.py"),
        ("plugin:own", "project/own.py"),
    ],
)
def test_code_outside_of_the_project_is_held_against_what_lies_there(settings, tmp_path, name, place) -> None:
    here = code_here(settings, NO_GATES)
    recorded = here.judging("M9.A").digests
    assert "outside:schemas" in recorded
    digest = recorded.get(name) or sha256((tmp_path / place).read_bytes()).hexdigest()
    assert here.changes("M9.A", {**recorded, name: digest}) == []
    (tmp_path / place).write_text("raise SystemExit(1)")
    assert code_here(settings, NO_GATES).changes("M9.A", {**recorded, name: digest}) == [name]


@pytest.mark.parametrize(
    "name", ["outside:gone.py", "plugin:gone", "plugin:pack.gone", "plugin:", "plugin:.", "other:x"]
)
def test_code_that_nobody_finds_counts_as_changed(settings, name) -> None:
    recorded = code_here(settings, NO_GATES).judging("M9.A").digests
    assert code_here(settings, NO_GATES).changes("M9.A", {**recorded, name: "0" * 64}) == [name]
