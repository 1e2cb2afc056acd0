"""What the verifiers of M4.C look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fixtures.handles import UsedRegistry
from fixtures.lanes import FrozenManifest
from infra.clients import Clients
from infra.probes import RoleFacts, read_back_roles
from verifiers.m4.c_identity.checks import RoleBindings, RoleReadback, SecretPaths


@pytest.fixture
def role_bindings(
    registry: UsedRegistry, frozen_manifest: FrozenManifest, handle_values: Mapping[str, Any]
) -> RoleBindings:
    """The roles that the active lanes bind."""
    return RoleBindings(registry, frozen_manifest, handle_values)


@pytest.fixture(scope="session")
def read_roles(clients: Clients) -> Callable[[Mapping[str, str]], dict[str, RoleFacts]]:
    """Reads roles back from IAM by handle and ARN; each set of roles once a session."""
    kept: dict[frozenset[tuple[str, str]], dict[str, RoleFacts]] = {}

    def read(roles: Mapping[str, str]) -> dict[str, RoleFacts]:
        key = frozenset(roles.items())
        if key not in kept:
            kept[key] = read_back_roles(clients, roles)
        return kept[key]

    return read


@pytest.fixture
def role_readback(
    role_bindings: RoleBindings, read_roles: Callable[[Mapping[str, str]], dict[str, RoleFacts]]
) -> RoleReadback:
    """The bound roles as IAM has them."""
    wanted = {role.handle: role.arn for role in role_bindings.resolved if role.arn is not None}
    return RoleReadback(role_bindings, read_roles(wanted))


@pytest.fixture
def secret_paths(
    role_bindings: RoleBindings, role_readback: RoleReadback, clients: Clients, registry: UsedRegistry
) -> SecretPaths:
    """The secret paths of the active lanes."""
    return SecretPaths(role_bindings, role_readback, clients, registry)
