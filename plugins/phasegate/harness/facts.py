"""What the platform's plugins say of the session, gathered from their hooks and held to its form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import pytest
from pydantic import JsonValue

from phasegate.errors import Problem, SettingsError
from phasegate.evidence.canonical import digest_of
from phasegate.harness.answers import asked
from phasegate.harness.code import code_of

if TYPE_CHECKING:
    from phasegate.attempts.present import Present
    from phasegate.settings import Settings

_PLATFORM, _SUBSTRATE = "platform", "substrate"
_TARGET, _INPUTS = "pytest_phasegate_target", "pytest_phasegate_inputs"


def present_of(config: pytest.Config, settings: Settings, substrate: str) -> Present:
    """What stands now, as the session's plugins say; none of them is asked before it is needed.

    Args:
        config: The session's configuration.
        settings: The project's settings.
        substrate: What its gates run against.
    """
    from phasegate.attempts.present import Present  # noqa: PLC0415 - `--help` and plain projects need none of it

    return Present(
        target=lambda: _target(config, settings.platform, substrate),
        inputs=lambda names: _inputs(config, names),
        code=lambda: code_of(config, settings),
    )


def _target(config: pytest.Config, platform: str, substrate: str) -> dict[str, str]:
    target = {_PLATFORM: platform, _SUBSTRATE: substrate}
    for answer in asked(config, _TARGET):
        if not _is_table_of_texts(answer):
            raise _refused(f"answers {answer!r}, which is no table of texts", "answer a dict of str to str")
        for name, value in answer.items():
            if target.setdefault(name, value) != value:
                fact = f"says that {name} is {value!r}, and it is {target[name]!r} already"
                raise _refused(fact, "let one plugin name it, under a name of its own")
    return target


def _inputs(config: pytest.Config, names: Collection[str]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for answer in asked(config, _INPUTS, names=names):
        if not isinstance(answer, Mapping):
            raise _refused(
                f"answers {answer!r}, which is no mapping of inputs", "answer a dict of name to value", _INPUTS
            )
        for name, value in answer.items():
            if digest_of(found.setdefault(name, value)) != digest_of(value):
                fact = f"says that {name} is {value!r}, and another plugin that it is {found[name]!r}"
                raise _refused(fact, "let one plugin answer for a kind of inputs", _INPUTS)
    return found


def _is_table_of_texts(answer: object) -> bool:
    return isinstance(answer, Mapping) and all(
        isinstance(part, str) and part for pair in answer.items() for part in pair
    )


def _refused(fact: str, remedy: str, hook: str = _TARGET) -> SettingsError:
    return SettingsError(Problem(fact=fact, place=hook, remedy=remedy))
