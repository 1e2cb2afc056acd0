"""What a session of gates cannot do without: some of pytest's own plugins, and every part of phasegate."""

from __future__ import annotations

from typing import Final

import pytest

from phasegate.errors import Problem, SettingsError

_OF_PYTEST: Final = {
    "python": "no verifier is collected without it",
    "skipping": "a skip or an expected failure cannot be marked without it",
}


def refuse_without(config: pytest.Config) -> None:
    """Makes sure that the plugins of pytest which gates rest on are there.

    Raises:
        SettingsError: Some are left out; each is named.
    """
    problems = [
        Problem(f"gates need this plugin: {why}", f"-p no:{name}", f"leave -p no:{name} out while gates run")
        for name, why in _OF_PYTEST.items()
        if config.pluginmanager.is_blocked(name)
    ]
    if problems:
        raise SettingsError(problems)


def register(config: pytest.Config, plugin: object, name: str) -> None:
    """Registers a part of phasegate.

    Raises:
        SettingsError: It is left out, and without it the others would judge less than they say.
    """
    if config.pluginmanager.register(plugin, name) is None:
        fact = "a part of phasegate is left out, and the others do not work without it"
        raise SettingsError(Problem(fact, f"-p no:{name}", "leave out all of it, with -p no:phasegate, or nothing"))
