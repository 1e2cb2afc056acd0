"""Functions of Python that stand replaced while gates run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Replaced:
    """What was put into the place of other things, and what goes back there."""

    def __init__(self) -> None:
        self._originals: list[tuple[object, str, Any]] = []

    def replace(self, owner: object, name: str, wrap: Callable[[Any], Any]) -> None:
        """Puts a function around another one.

        Args:
            owner: The module or class that has it.
            name: Its name there; nothing happens where this Python has none of that name.
            wrap: Makes the new function from the old one.
        """
        original = getattr(owner, name, None)
        if original is not None:
            self._originals.append((owner, name, original))
            setattr(owner, name, wrap(original))

    def restore(self) -> None:
        """Leaves everything as it was."""
        for owner, name, original in reversed(self._originals):
            setattr(owner, name, original)
        self._originals.clear()
