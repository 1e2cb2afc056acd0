"""The five stacks of dev_full on the embedded substrate: ensure, describe, delete."""

from infra.stacks.definitions import APPLY_ORDER, DESTROY_ORDER
from infra.stacks.engine import delete_all, describe_all, ensure_all
from infra.stacks.resource import Drift
from infra.stacks.results import ResourceState, StackResult, handles_of

__all__ = [
    "APPLY_ORDER",
    "DESTROY_ORDER",
    "Drift",
    "ResourceState",
    "StackResult",
    "delete_all",
    "describe_all",
    "ensure_all",
    "handles_of",
]
