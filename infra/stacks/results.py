"""What is known of stacks after they were ensured, described or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from infra.stacks.resource import Drift

Status = Literal["PASS", "FAIL", "NOT_ATTEMPTED"]
Presence = Literal["present", "absent", "drifted"]


@dataclass(frozen=True, slots=True)
class StackResult:
    """What became of one stack.

    Attributes:
        stack: Its name.
        status: PASS, FAIL, or NOT_ATTEMPTED where an earlier failure stopped it before its first resource.
        outputs: Its outputs; empty unless it was ensured and passed.
        handles: The handle values that it materialises; empty unless it was ensured and passed.
        error: What failed, and at which resource; empty where it passed.
        seconds: Time from the start of its first resource to the end of its last.
        created: How many of its resources were created rather than found.
        repaired: How many were found with settings that had drifted, and put right.
    """

    stack: str
    status: Status
    outputs: Mapping[str, Any] = field(default_factory=dict)
    handles: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0
    created: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What one resource is at the moment.

    Attributes:
        presence: Whether it exists, and is as it should be.
        attributes: What it is known by; empty where it is absent.
        drift: Every setting that is not as it should be.
    """

    presence: Presence
    attributes: Mapping[str, Any] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()


def handles_of(results: Iterable[StackResult]) -> dict[str, Any]:
    """The handle values of all given stacks."""
    return {name: value for result in results for name, value in result.handles.items()}
