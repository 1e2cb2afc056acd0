"""A stack: its resources, its outputs, and the handles that it materialises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.roles import ROLE_SPECS
from infra.stacks.resource import Attributes, Resource
from infra.stacks.resources.identity import Role

Known = Mapping[str, Attributes]
"""The attributes of existing resources by address."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack.

    Attributes:
        name: Its name.
        requires: The stacks that must stand before it.
        resources: What it is made of, each after what it needs.
        outputs: Its outputs, from the attributes of its resources.
        handles: The handle values that it materialises.
    """

    name: str
    requires: tuple[str, ...]
    resources: tuple[Resource, ...]
    outputs: Callable[[Known], dict[str, Any]]
    handles: Callable[[Known], dict[str, Any]]


def role(stack: str, handle: str, provider: str | None = None) -> Role:
    """The role of a handle, as a resource of a stack.

    Args:
        stack: The stack.
        handle: The handle of its ARN, by which its spec is found.
        provider: Address of the OIDC provider, for a role of a service account.
    """
    return Role(f"{stack}.{handle}", ROLE_SPECS[handle], provider)


def role_handles(stack: str, handles: tuple[str, ...], known: Known) -> dict[str, Any]:
    """The ARNs of a stack's roles by handle."""
    return {handle: known[f"{stack}.{handle}"]["arn"] for handle in handles}


def role_outputs(stack: str, handles: tuple[str, ...], known: Known) -> dict[str, Any]:
    """The ARNs of a stack's roles by the name of the output."""
    return {f"{handle.lower()}_arn": known[f"{stack}.{handle}"]["arn"] for handle in handles}
