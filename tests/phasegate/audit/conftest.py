"""Evidence of a chain of two gates and a lone one, as `phasegate verify` meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phasegate.harness.conftest import project, s3_endpoint

__all__ = ["project", "s3_endpoint"]


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the keys of one test alone."""
    folder = tmp_path / "keys"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder
