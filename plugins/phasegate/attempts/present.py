"""What stands now, as a session's gates find it: what evidence of earlier gates is held against."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property

from pydantic import JsonValue

from phasegate.attempts.code import Code, JudgingCode
from phasegate.evidence.canonical import digest_of

PLATFORM, SUBSTRATE = "platform", "substrate"
"""The members of a target that the framework names itself."""


class Present:
    """What a session looks at; asked for when it is first needed, and once.

    Args:
        target: Gives what the session's gates look at.
        inputs: Gives what the named inputs are now; names that nobody knows any more are missing. None
            where nobody can look, as outside of a session: they were compared when the gates ran.
        code: Gives the code that judges.
    """

    def __init__(
        self,
        target: Callable[[], Mapping[str, str]],
        inputs: Callable[[Collection[str]], Mapping[str, JsonValue]] | None = None,
        code: Callable[[], Code] | None = None,
    ) -> None:
        self._target = target
        self._inputs = inputs
        self._code = code
        self._digests: dict[str, str | None] = {}

    @cached_property
    def target(self) -> Mapping[str, str]:
        """What the session's gates look at: platform, substrate, and what tells one such place from another."""
        return dict(self._target())

    @cached_property
    def code(self) -> Code | None:
        """The code that judges the session's gates; None where nobody names it."""
        return self._code() if self._code is not None else None

    def take(self, gate_ids: Iterable[str]) -> None:
        """Takes target and code as they stand before the first gate is run.

        Raises:
            SettingsError: A plugin names the target in no form that a summary could carry, or two contradict.
        """
        _ = self.target
        if self.code is not None:
            self.code.take(gate_ids)

    def judging(self, gate_id: str) -> JudgingCode:
        """The code that judges a gate."""
        return self.code.judging(gate_id) if self.code is not None else JudgingCode({})

    def changed_inputs(self, used: Mapping[str, str]) -> list[str]:
        """The inputs that are not what they were, or that cannot be looked at any more, sorted.

        Args:
            used: The inputs of an attempt with their digests.
        """
        if self._inputs is None:
            return []
        unknown = used.keys() - self._digests.keys()
        if unknown:
            found = self._inputs(sorted(unknown))
            self._digests |= {name: digest_of(found[name]) if name in found else None for name in unknown}
        return sorted(name for name, digest in used.items() if self._digests[name] != digest)


def target_in_words(target: Mapping[str, str]) -> str:
    """A target as people read it: `embedded, region eu-west-2, world 000000000000`; the platform is the folder's."""
    facts = [f"{name} {value}" for name, value in sorted(target.items()) if name not in (PLATFORM, SUBSTRATE)]
    return ", ".join([target.get(SUBSTRATE, ""), *facts])
