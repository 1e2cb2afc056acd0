"""What a patch may rely on: the thing it replaces exists and takes the parameters it is known to take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from infra.errors import SubstrateError


class PatchError(SubstrateError):
    """The installed emulator is not the one a patch was written for, so nothing it answers can be trusted."""


def require(owner: Any, name: str, parameters: tuple[str, ...]) -> Callable[..., Any]:
    """The callable that a patch is about to replace or to lean on.

    Args:
        owner: The module or class that holds it.
        name: Its attribute name.
        parameters: The names of its parameters, in order, `self` included.

    Raises:
        PatchError: It is missing, or its parameters are others.
    """
    found: Callable[..., Any] | None = getattr(owner, name, None)
    if not callable(found):
        raise _broken(owner, f"has no callable {name!r}")
    actual = tuple(inspect.signature(found).parameters)
    if actual != parameters:
        raise _broken(owner, f"{name} takes ({', '.join(actual)}), expected ({', '.join(parameters)})")
    return found


def require_absent(owner: Any, name: str) -> None:
    """Make sure that a gap a patch fills is still a gap.

    Raises:
        PatchError: The emulator has the attribute by now, so the patch would hide the real one.
    """
    if hasattr(owner, name):
        raise _broken(owner, f"has {name!r} itself by now; the patch that adds it must go")


def require_that(condition: bool, owner: Any, expectation: str) -> None:
    """Check anything else that a patch rests on.

    Raises:
        PatchError: The condition does not hold.
    """
    if not condition:
        raise _broken(owner, f"no longer holds: {expectation}")


def _broken(owner: Any, fact: str) -> PatchError:
    where = getattr(owner, "__qualname__", None) or getattr(owner, "__name__", repr(owner))
    module = getattr(owner, "__module__", "")
    return PatchError(
        fact=f"{module}.{where} {fact}".lstrip("."),
        place=f"moto {version('moto')}",
        remedy="install the locked version (`make venv`), or bring the patch in infra/emulator/patches up to it",
    )
