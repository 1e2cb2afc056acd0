"""What stands now, as a session's gates find it: what evidence of earlier gates is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

PLATFORM, SUBSTRATE = "platform", "substrate"
"""The members of a target that the framework names itself."""


class Present:
    """What a session looks at; asked for when it is first needed, and once.

    Args:
        target: Gives what the session's gates look at.
    """

    def __init__(self, target: Callable[[], Mapping[str, str]]) -> None:
        self._target = target

    @cached_property
    def target(self) -> Mapping[str, str]:
        """What the session's gates look at: platform, substrate, and what tells one such place from another."""
        return dict(self._target())


def target_in_words(target: Mapping[str, str]) -> str:
    """A target as people read it: `embedded, region eu-west-2, world 000000000000`; the platform is the folder's."""
    facts = [f"{name} {value}" for name, value in sorted(target.items()) if name not in (PLATFORM, SUBSTRATE)]
    return ", ".join([target.get(SUBSTRATE, ""), *facts])
