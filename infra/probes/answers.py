"""What control-plane calls answer, taken apart with the same care everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.probes.model import ErrorClass, ProbeFailure


def part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The part of an answer that holds what was asked for."""
    found = answer.get(name)
    if not isinstance(found, Mapping):
        raise ProbeFailure(ErrorClass.SERVICE_ERROR, f"the answer has no {name}")
    return found


def same(found: object, wanted: object) -> None:
    """Makes sure that the answer is about what was asked for."""
    if found is None:
        raise ProbeFailure(ErrorClass.SERVICE_ERROR, "the answer does not say what it is about")
    if found != wanted:
        raise ProbeFailure(ErrorClass.NOT_FOUND, f"what answers to the name is {found}")


def state(found: object, wanted: str) -> str:
    """Makes sure of a state."""
    if found != wanted:
        raise ProbeFailure(ErrorClass.BAD_STATE, f"its state is {found}, not {wanted}")
    return wanted
