"""A patch refuses an emulator that it was not written for, naming the version."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from moto.backend_index import backend_url_patterns

from infra.emulator.patches import PATCHES
from infra.emulator.patches.contract import PatchError, require, require_absent, require_that


class Backend:
    def operation(self, name: str) -> str:
        return name

    constant = 1


def test_what_fits_is_handed_over() -> None:
    assert require(Backend, "operation", ("self", "name")) is Backend.operation
    require_absent(Backend, "other")
    require_that(True, Backend, "it stands")


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("renamed", ("self",), "has no callable 'renamed'"),
        ("constant", (), "has no callable 'constant'"),
        ("operation", ("self", "arn"), "operation takes (self, name), expected (self, arn)"),
    ],
)
def test_what_changed_is_named(name: str, parameters: tuple[str, ...], said: str) -> None:
    with pytest.raises(PatchError, match=re.escape(said)) as caught:
        require(Backend, name, parameters)
    [problem] = caught.value.problems
    assert problem.place == f"moto {version('moto')}"
    assert caught.value.exit_code == 10


def test_a_gap_that_was_closed_is_named() -> None:
    with pytest.raises(PatchError, match="has 'operation' itself by now"):
        require_absent(Backend, "operation")


def test_an_expectation_that_fails_is_named() -> None:
    with pytest.raises(PatchError, match="no longer holds: it stands"):
        require_that(False, Backend, "it stands")


def test_every_patch_of_a_backend_names_one_that_the_emulator_has() -> None:
    known = {name for name, _ in backend_url_patterns}
    assert {patch.backend for patch in PATCHES if patch.backend is not None} <= known
