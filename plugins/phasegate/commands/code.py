"""The code of a project as a command finds it, which has collected and loaded nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path

from phasegate.attempts.code import FRAMEWORK, OUTSIDE, PLUGIN, Code, name_of
from phasegate.attempts.standing import Standing, rules_of
from phasegate.catalog.model import Catalogue
from phasegate.project import sources
from phasegate.settings import Settings


def code_here(settings: Settings, catalogue: Catalogue) -> Code:
    """The code that stands here: what judges each gate, as far as files say, and whatever an attempt names beside."""
    standing = Standing(settings, catalogue)

    def own(gate_id: str) -> list[str]:
        return [*(name_of(path, settings.root) for path in standing.own(gate_id)), rules_of(gate_id)]

    shared = [name_of(path, settings.root) for path in standing.shared]
    return Code(settings.root, [FRAMEWORK, *shared], own, elsewhere=partial(_place_of, settings), rules=standing.rules)


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
    yield from (*settings.code, *settings.schemas)
    yield from sources(settings.verifiers)


def _module(name: str, places: list[str]) -> Path | None:
    """The file of a module, which is not imported: this may be a folder that nobody trusts yet."""
    *packages, last = name.split(".")
    for package in packages:
        spec = PathFinder.find_spec(package, places)
        places = [*(spec.submodule_search_locations or ())] if spec is not None else []
    spec = PathFinder.find_spec(last, places)
    return Path(spec.origin) if spec is not None and spec.origin is not None and spec.has_location else None
