"""Which code judges the gates of a session: as configured, as collected, and as loaded."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import pytest

from phasegate.attempts.code import OUTSIDE, PLUGIN, name_of
from phasegate.harness.marks import TEST_KEY
from phasegate.harness.reach import Reach
from phasegate.harness.stash import CATALOGUE_KEY, COLLECTED_KEY

if TYPE_CHECKING:
    from phasegate.attempts.code import Code
    from phasegate.settings import Settings

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_STANDARD_LIBRARY: Final = Path(sysconfig.get_path("stdlib"))
_FRAMEWORK: Final = Path(__file__).parents[1]
_SCRIPTS: Final = Path(sysconfig.get_path("scripts"))


def code_of(config: pytest.Config, settings: Settings) -> Code:
    """The code that judges the gates of a session."""
    from phasegate.attempts.code import FRAMEWORK, Code  # noqa: PLC0415 - plain projects need none of it
    from phasegate.attempts.standing import Standing, rules_of  # noqa: PLC0415

    standing = Standing(settings, config.stash[CATALOGUE_KEY])
    reach = Reach(standing.owner, standing.own)
    loaded = _Loaded(config, settings.root, settings.code, reach.judges)

    def own(gate_id: str) -> list[str]:
        return [*loaded.modules_of(gate_id), *loaded.named(standing.own(gate_id)), rules_of(gate_id)]

    shared = {FRAMEWORK, *loaded.named(standing.shared)}
    return Code(settings.root, shared, own, loaded.beside, loaded.place_of, standing.rules)


class _Loaded:
    """What pytest collected and loaded; asked for when collection has finished.

    Args:
        config: The session's configuration.
        root: The project's root.
        covered: Folders that are digested whole, so that nothing in them is named by itself.
        judges: Tells whether a loaded module may judge a gate.
    """

    def __init__(
        self, config: pytest.Config, root: Path, covered: Iterable[Path], judges: Callable[[Path, str], bool]
    ) -> None:
        self._config = config
        self._judges = judges
        self._root = root
        self._covered = tuple(f"{folder}/" for folder in (*covered, _FRAMEWORK))
        self._outside: dict[str, Path] = {}

    def named(self, paths: Iterable[Path]) -> list[str]:
        """The names of files and folders: below the root, or of their own where they lie outside of it."""
        return [self._name(path) for path in paths]

    def modules_of(self, gate_id: str) -> list[str]:
        """The modules that were collected of a gate."""
        return self.named(sorted(self._modules.get(gate_id, ())))

    def beside(self, gate_id: str) -> list[str]:
        """What was loaded of the project, or by name, beside a gate's modules and the tests of others."""
        own = self._modules.get(gate_id, set())
        tests = {path for modules in self._modules.values() for path in modules} | self._plain_tests
        found = []
        for name, path in {**self._plugins(), **self._imported()}.items():
            if path in tests or str(path).startswith(self._covered) or not self._judges(path, gate_id):
                continue
            if path.name == "conftest.py" and not any(module.is_relative_to(path.parent) for module in own):
                continue
            found.append(self._name(path) if path.is_relative_to(self._root) else f"{PLUGIN}{name}")
        return found

    def place_of(self, name: str) -> Path | None:
        """Where something lies that was named and does not lie below the root; None for what was not loaded here."""
        if name.startswith(PLUGIN):
            return self._plugins().get(name.removeprefix(PLUGIN))
        return self._outside.get(name)

    @cached_property
    def _modules(self) -> dict[str, set[Path]]:
        found: dict[str, set[Path]] = {}
        for item in self._config.stash.get(COLLECTED_KEY, ()):
            test = item.stash.get(TEST_KEY, None)
            if test is not None and item.path.is_file():  # what is absent stands for itself in no file
                found.setdefault(test.gate.id, set()).add(item.path)
        return found

    @cached_property
    def _plain_tests(self) -> set[Path]:
        return {item.path for item in self._config.stash.get(COLLECTED_KEY, ()) if TEST_KEY not in item.stash}

    def _plugins(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for name, plugin in self._config.pluginmanager.list_name_plugin():
            if plugin is None:
                continue
            module = plugin if inspect.ismodule(plugin) else sys.modules.get(type(plugin).__module__)
            path = _file_of(module)
            if module is not None and path is not None and not _is_installed(path):
                # A name that is the same in each process, and on each machine: no number of an object, no whole path.
                is_conftest = name == str(path)
                found[Path(os.path.relpath(path, self._root)).as_posix() if is_conftest else module.__name__] = path
        return found

    def _imported(self) -> dict[str, Path]:
        root = f"{self._root}/"
        found: dict[str, Path] = {}
        for name, module in tuple(sys.modules.items()):
            file = getattr(module, "__dict__", {}).get(
                "__file__"
            )  # a module that loads itself when it is asked stays as it is
            if not isinstance(file, str) or not file.startswith(root) or file.startswith(self._covered):
                continue
            path = Path(file)
            if not _is_installed(path):
                found[name] = path
        return found

    def _name(self, path: Path) -> str:
        name = name_of(path, self._root)
        if name.startswith(OUTSIDE):
            self._outside[name] = path
        return name


def _file_of(module: object) -> Path | None:
    file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
    return Path(file) if isinstance(file, str) else None


def _is_installed(path: Path) -> bool:
    return (
        not _INSTALLED.isdisjoint(path.parts)
        or path.is_relative_to(_STANDARD_LIBRARY)
        or path.is_relative_to(_SCRIPTS)  # what started pytest
    )
