"""What a runtime lane is: the paths that it may take, who answers for it, and what it binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ParameterType = Literal["String", "SecureString"]


@dataclass(frozen=True, slots=True)
class LanePath:
    """One path that a lane may take.

    Attributes:
        name: Its name.
        components: The handles that name its parts.
        selected_by: The value of the lane's source handle that selects it; empty means that its own name does.
        managed: Whether managed services run it.
        eks: Whether it runs on EKS.
        rationale: Why it is inactive while another path is active; empty where nobody declared a reason.
    """

    name: str
    components: tuple[str, ...] = ()
    selected_by: str = ""
    managed: bool = False
    eks: bool = False
    rationale: str = ""

    @property
    def selector(self) -> str:
        """The value of the lane's source handle that selects this path."""
        return self.selected_by or self.name


@dataclass(frozen=True, slots=True)
class SecretPath:
    """A parameter that a lane reads.

    Attributes:
        path: Its name in the parameter store.
        type: Its type there.
        handle: The handle that names it.
    """

    path: str
    type: ParameterType
    handle: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A runtime lane.

    Attributes:
        name: Its name.
        owner: Who answers for it.
        source_handle: The handle whose value selects the active path.
        pinned: The path that the platform pins; roles, secrets and dependencies are those of this path.
        fallbacks: The other paths that it knows.
        cross_check: A handle that must have the same value as the source handle.
        roles: The handles of the roles that it binds.
        secrets: The parameters that it reads.
    """

    name: str
    owner: str
    source_handle: str
    pinned: LanePath
    fallbacks: tuple[LanePath, ...]
    cross_check: str | None = None
    roles: tuple[str, ...] = ()
    secrets: tuple[SecretPath, ...] = ()

    @property
    def paths(self) -> tuple[LanePath, ...]:
        """Every path that the lane knows, the pinned one first."""
        return (self.pinned, *self.fallbacks)

    @property
    def components(self) -> tuple[str, ...]:
        """The handles of the pinned path's parts."""
        return self.pinned.components

    @property
    def secret_paths(self) -> Mapping[str, ParameterType]:
        """The type of each parameter that the lane reads, by its path."""
        return {secret.path: secret.type for secret in self.secrets}

    @property
    def selectors(self) -> tuple[str, ...]:
        """The values of the source handle that the lane understands."""
        return tuple(path.selector for path in self.paths)

    def path_named(self, name: str) -> LanePath | None:
        """The path of this name; None for a name that the lane does not know."""
        return next((path for path in self.paths if path.name == name), None)
