"""The identity of a world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorldKey:
    """What a world is a pure function of, and the run that wrote it."""

    seed: int
    manifest_fingerprint: str
    parameter_hash: str
    run_id: str
