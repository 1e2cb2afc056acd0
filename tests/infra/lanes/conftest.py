"""The values of the project's own registry, as the lanes get them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.handles import load

REGISTRY = Path(__file__).parents[3] / "infra/handles/dev_full_handles.registry.v0.md"


@pytest.fixture(scope="session")
def registry_values() -> dict[str, Any]:
    return {handle.name: handle.value for handle in load(REGISTRY).handles if handle.resolved}


@pytest.fixture
def handles(registry_values: dict[str, Any]) -> dict[str, Any]:
    """A copy that a test may break."""
    return dict(registry_values)
