"""A witness run for these tests, and copies of it to break."""

import shutil

import pytest

from engine.run.layout import RunLayout
from fixtures.witness import Witness


@pytest.fixture
def copy(witness, tmp_path):
    """The witness in a folder of its own."""
    shutil.copytree(witness.layout.runs_root, tmp_path / "runs")
    return Witness(RunLayout(tmp_path / "runs", witness.layout.world), witness.outcomes)
