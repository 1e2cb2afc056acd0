"""What plugins may answer: a hook of ours that does not exist is refused by name, not passed over."""

from __future__ import annotations

import difflib
import inspect

import pytest
from pluggy import PluginValidationError

from phasegate import hookspecs
from phasegate.errors import Problem, SettingsError

_PREFIX = "pytest_phasegate_"
_KNOWN = frozenset(name for name in vars(hookspecs) if name.startswith(_PREFIX))
_NO_VERDICT = (
    "remove it: no plugin judges or commits an attempt; what should block is raised by a verifier with "
    "phasegate.api.block"
)


def refuse_unknown_hooks(config: pytest.Config) -> None:
    """Makes sure that every plugin that answers a hook of phasegate answers one that exists.

    Raises:
        SettingsError: Some do not; each is listed with its plugin.
    """
    manager = config.pluginmanager
    problems = [
        Problem(f"there is no hook {name}", _place(manager.get_name(plugin), plugin), _remedy(name))
        for plugin in sorted(manager.get_plugins(), key=lambda plugin: str(manager.get_name(plugin)))
        for name in sorted(vars(plugin) if inspect.ismodule(plugin) else dir(plugin))
        if name.startswith(_PREFIX) and name not in _KNOWN
    ]
    if problems:
        raise SettingsError(problems)


def misfit(error: PluginValidationError) -> Problem:
    """What is said of a plugin that answers a hook in a form which the hook does not have."""
    name = getattr(error.plugin, "__file__", None) or type(error.plugin).__name__
    remedy = "take only arguments that the hook declares; phasegate.hookspecs has those of phasegate"
    return Problem(f"it does not fit a hook: {' '.join(str(error).split())}", str(name), remedy)


def _place(name: str | None, plugin: object) -> str:
    return str(getattr(plugin, "__file__", None) or name)


def _remedy(name: str) -> str:
    if name == f"{_PREFIX}commit_attempt":
        return _NO_VERDICT
    near = difflib.get_close_matches(name, _KNOWN, n=1)
    return f"name it {near[0]}" if near else f"remove it; there are {', '.join(sorted(_KNOWN))}"
