"""Where the emulator falls short of AWS for this platform, and the remedy: one module each, with the reason.

Every patch checks what it replaces before it replaces it, so an emulator of another version fails the start (or,
for the heavy backends, every answer of that one service) instead of answering wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Patch:
    """One remedy.

    Attributes:
        name: The module in this package that holds `apply()`, whose docstring says why.
        backend: The emulator backend before whose first use it is applied; None means before the process is
            ready. Only backends that take long to import are left to their first use.
    """

    name: str
    backend: str | None = None

    def apply(self) -> None:
        """Check the emulator and put the remedy in place.

        Raises:
            PatchError: The emulator is not the one the patch was written for.
        """
        import_module(f"{__name__}.{self.name}").apply()


PATCHES = (
    Patch("shared_models"),
    Patch("operation_models"),
    Patch("account"),
    Patch("managed_policies"),
    Patch("msk"),
    Patch("http_api_id"),
    Patch("http_api_stage"),
    Patch("function_alias", backend="awslambda"),
    Patch("secure_string", backend="ssm"),
    Patch("state_machine_executor", backend="stepfunctions"),
)


def apply_at_start() -> None:
    """Apply every patch that does not wait for its backend's first use."""
    for patch in PATCHES:
        if patch.backend is None:
            patch.apply()


def apply_for(backend: str) -> None:
    """Apply the patches of one backend; called once, before the backend is first used."""
    for patch in PATCHES:
        if patch.backend == backend:
            patch.apply()
