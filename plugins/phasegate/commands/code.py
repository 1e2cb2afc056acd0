"""The code of a project as a command finds it, which has collected and loaded nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path

from phasegate.attempts.code import FRAMEWORK, OUTSIDE, PLUGIN, Code, name_of
from phasegate.settings import Settings


def code_here(settings: Settings) -> Code:
    """The code that stands here: what every gate is judged by, and whatever an attempt names beside that."""
    shared = [name_of(path, settings.root) for path in (*settings.code, settings.schemas)]
    return Code(settings.root, [FRAMEWORK, *shared], elsewhere=partial(_place_of, settings))


def _place_of(settings: Settings, name: str) -> Path | None:
    """Where something lies that an attempt names and that does not lie below the root; None where nobody can tell."""
    if name.startswith(PLUGIN):
        plugin = name.removeprefix(PLUGIN)
        if plugin.endswith("/conftest.py"):  # of a folder above the project
            return settings.root / plugin
        return _module(plugin, [str(settings.root), *sys.path])
    if not name.startswith(OUTSIDE):
        return None
    found = [path for path in _outside(settings) if name_of(path, settings.root) == name]
    return found[0] if len(found) == 1 else None


def _outside(settings: Settings) -> Iterator[Path]:
    yield from (*settings.code, settings.schemas)
    for folder in settings.verifiers:
        yield from folder.rglob("*.py")


def _module(name: str, places: list[str]) -> Path | None:
    """The file of a module, which is not imported: this may be a folder that nobody trusts yet."""
    *packages, last = name.split(".")
    for package in packages:
        spec = PathFinder.find_spec(package, places)
        places = [*(spec.submodule_search_locations or ())] if spec is not None else []
    spec = PathFinder.find_spec(last, places)
    return Path(spec.origin) if spec is not None and spec.origin is not None and spec.has_location else None
