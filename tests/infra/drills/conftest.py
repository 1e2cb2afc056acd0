"""The declared drill with bounds that a test can wait for, and a control without AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.drills.model import Bounds, Drill, load_drill
from tests.infra.drills.control import Control

DECLARED = Path("verifiers/drills/m4g_ingress_clamp.yaml")


@pytest.fixture
def drill() -> Drill:
    """The declared drill, in a hurry."""
    bounds = Bounds(failure_within_s=0.3, recovery_within_s=0.3)
    return load_drill(DECLARED).model_copy(update={"bounds": bounds})


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Control:
    """A control that is set back without pauses."""
    monkeypatch.setattr("infra.drills.lease.RESTORE_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("infra.drills.lease.POLL_SECONDS", 0.0)
    return Control()
