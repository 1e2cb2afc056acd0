"""The five stacks of dev_full on the embedded substrate: ensure, describe, delete."""

from infra.stacks.engine import (
    APPLY_ORDER,
    DESTROY_ORDER,
    StackResult,
    delete_all,
    describe_all,
    ensure_all,
    handles_of,
)

__all__ = [
    "APPLY_ORDER",
    "DESTROY_ORDER",
    "StackResult",
    "delete_all",
    "describe_all",
    "ensure_all",
    "handles_of",
]
