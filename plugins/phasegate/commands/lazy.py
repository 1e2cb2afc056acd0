"""Sub-commands that are imported when they are used."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from phasegate.errors import Problem, SettingsError

_REMEDY = "fix the target, or remove it"


class LazyCommand(TyperCommand):
    """Stands for a command in listings, and becomes it when it is called.

    Args:
        name: The name under which it is called.
        summary: What the listing says of it; the command itself is not asked.
        load: Returns the command.
    """

    def __init__(self, name: str, summary: str, load: Callable[[], Any]) -> None:
        super().__init__(name, help=summary)
        self._load = load

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hands over to the command itself, which parses, helps and runs from here on."""
        return self._load().make_context(info_name, args, parent=parent, **extra)


def load_command(target: str, place: str, root: Path | None = None) -> Any:
    """Imports a command.

    Args:
        target: The command, as `module:attribute`; the attribute is a `typer.Typer` or a command of typer's.
        place: Where the target is written, for messages.
        root: A folder to import from as well.

    Raises:
        SettingsError: The module cannot be imported, or the attribute is absent or no command.
    """
    found = load_object(target, place, root)
    if isinstance(found, typer.Typer):
        return get_command(found)
    if hasattr(found, "make_context"):
        return found
    fact = f"{target} is a {type(found).__name__}, which is no command"
    raise SettingsError(Problem(fact, place, "name a typer.Typer"))


def load_object(target: str, place: str, root: Path | None = None) -> Any:
    """Imports what `module:attribute` names.

    Args:
        target: The name.
        place: Where it is written, for messages.
        root: A folder to import from as well.

    Raises:
        SettingsError: The target is of another form, the module cannot be imported, or the attribute is absent.
    """
    if root is not None and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module_name, _, attribute = target.partition(":")
    if not (module_name.strip(".") and attribute):
        raise SettingsError(Problem(f"{target!r} names no object", place, 'write "module:attribute"'))
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (Exception, SystemExit) as error:
        # Whatever a foreign module raises while it is imported is told as what it is: a broken module.
        if hasattr(error, "problems"):
            raise
        raise SettingsError(_import_problem(target, place, error)) from error


def _import_problem(target: str, place: str, error: BaseException) -> Problem:
    module_name, _, attribute = target.partition(":")
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if module_name == error.name or module_name.startswith(f"{error.name}."):
            return Problem(f"there is no module {error.name}", place, _REMEDY)
    elif isinstance(error, AttributeError) and hasattr(sys.modules.get(module_name), "__spec__"):
        return Problem(f"module {module_name} has no {attribute}", place, _REMEDY)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{error.filename}:{error.lineno}" if isinstance(error, SyntaxError) else f"{frame.filename}:{frame.lineno}"
    fact = f"{module_name} cannot be imported: {type(error).__name__}: {error} (at {where})"
    return Problem(fact, place, "fix the module, or name another")
