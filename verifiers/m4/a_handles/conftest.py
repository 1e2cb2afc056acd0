"""What the verifiers of M4.A look at."""

from __future__ import annotations

import pytest

from fixtures.handles import UsedRegistry
from infra.lanes import RUNTIME_PATH_LAW
from verifiers.m4.a_handles.checks import LawClause, RuntimePathLaw


@pytest.fixture
def runtime_path_law(registry: UsedRegistry) -> RuntimePathLaw:
    """The runtime-path law against the registry."""
    return RuntimePathLaw(
        tuple(LawClause(name, expected, registry.value(name)) for name, expected in RUNTIME_PATH_LAW.items())
    )
