"""The one builder of small catalogues: documents as an author writes them, for every test that needs a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Raises = Mapping[str, Sequence[int]]
"""The verifiers of a gate in order: name, and the numbers of the blockers that it raises."""
PLAIN: Raises = {"ENTRY": [1], "BODY": [2, 3], "PUBLISH": [4]}
PLAIN_CODES: Mapping[str, int] = {"entry": 1, "evidence": 4, "publish": 4}


def gate_document(
    letter: str,
    *,
    upstream: str | Sequence[str] | None = None,
    raises: Raises = PLAIN,
    codes: Mapping[str, int] = PLAIN_CODES,
    artifacts: Sequence[str] = ("snapshot",),
) -> dict[str, Any]:
    """A gate of the phase M9.

    Args:
        letter: Names it.
        upstream: The gates that it rests on.
        raises: Its verifiers; by default V1 raises B1, V2 raises B2 or B3, V3 publishes and raises B4.
        codes: The framework's duties, each with the number of the blocker that it raises.
        artifacts: What its pack owes, without prefix and suffix.
    """
    prefix = f"M9{letter}"
    numbers = sorted({number for each in raises.values() for number in each})
    return {
        "id": f"M9.{letter}",
        "title": f"gate {letter}",
        "owner": "demo team",
        "upstream": [{"gate": name} for name in ([upstream] if isinstance(upstream, str) else upstream or [])],
        "advance": f"ADVANCE_TO_{prefix}X",
        "next_gate": f"M9.{letter}_READY",
        "rolls_up_to": "M9-B1",
        "codes": {duty: f"{prefix}-B{number}" for duty, number in codes.items()},
        "verifiers": [
            {
                "id": f"{prefix}-V{position}",
                "name": name,
                "purpose": f"{name.lower()} holds",
                "raises": [f"{prefix}-B{number}" for number in each],
            }
            for position, (name, each) in enumerate(raises.items(), start=1)
        ],
        "blockers": [
            {
                "code": f"{prefix}-B{number}",
                "meaning": f"meaning of {prefix}-B{number}",
                "remedy": f"remedy of {prefix}-B{number}",
                "severity": "S2",
                "rolls_up_to": "M9-B1",
            }
            for number in numbers
        ],
        "artifacts": [f"m9{letter.lower()}_{name}.json" for name in artifacts],
    }


def phase_head(platform: str = "demo") -> dict[str, Any]:
    """What a catalogue says of the phase M9 itself."""
    phase = {"id": "M9", "title": "demo", "blockers": [{"code": "M9-B1", "meaning": "a gate is blocked"}]}
    return {"format": "phasegate-catalogue/1", "platform": platform, "phase": phase}


def phase_document(*gates: Mapping[str, Any], platform: str = "demo") -> dict[str, Any]:
    """A catalogue of one phase with some gates."""
    return phase_head(platform) | {"gates": list(gates)}
