"""The five stacks, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from infra.stacks.core import CORE
from infra.stacks.data_ml import DATA_ML
from infra.stacks.ops import OPS
from infra.stacks.runtime import RUNTIME
from infra.stacks.stack import Stack
from infra.stacks.streaming import STREAMING

STACKS: Mapping[str, Stack] = MappingProxyType(
    {stack.name: stack for stack in (CORE, STREAMING, RUNTIME, DATA_ML, OPS)}
)
"""The stacks by name."""

APPLY_ORDER = tuple(STACKS)
DESTROY_ORDER = tuple(reversed(APPLY_ORDER))
