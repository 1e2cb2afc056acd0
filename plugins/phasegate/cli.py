"""The command `phasegate`: what is not a test run.

Sub-commands are imported when they are used, so that `--help` costs nothing and one that cannot be imported
harms no other. A project adds its own in `[tool.phasegate.commands]`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from phasegate import __version__
from phasegate.commands.lazy import LazyCommand, load_command
from phasegate.errors import ExitCode, PhasegateError, Problem, SettingsError
from phasegate.printable import say, shown_streams
from phasegate.settings import find_settings

_BUILT_IN: Final = {
    "catalog": ("phasegate.commands.catalog:app", "Check, show and export the catalogue of gates."),
    "explain": ("phasegate.commands.explain:app", "Explain a blocker: meaning, raisers, sightings, what closed it."),
    "keys": ("phasegate.commands.keys:app", "The keys that sign and that are trusted; export, trust, rotate."),
    "runs": ("phasegate.commands.runs:app", "List attempts and which are authoritative; invalidate, prune."),
    "verify": ("phasegate.commands.verify:app", "Audit evidence: digests, chain, signatures, durable copies."),
}
_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141


class _Root(TyperGroup):
    """The group of all commands; knows why the project's own may be missing."""

    trouble: SettingsError | None = None

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; where there is none, but the settings are unusable, they are to blame."""
        found = super().get_command(ctx, cmd_name)
        if found is None and self.trouble is not None:
            raise self.trouble
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Args:
        arguments: The arguments; by default those of the process.
    """
    with shown_streams():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    try:
        code = _root().main(args=arguments, prog_name="phasegate", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        return _forget_output()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer ends the process itself
            return _forget_output()
        raise
    except Exception as error:
        said = _speak(error)
        if said is None:
            raise
        return said
    return code if isinstance(code, int) else ExitCode.OK


def _root() -> _Root:
    """The commands: those of phasegate, and those that the project adds."""
    app = typer.Typer(cls=_Root, name="phasegate", add_completion=False, rich_markup_mode=None)
    app.callback(invoke_without_command=True)(_options)
    root: _Root = get_command(app)  # type: ignore[assignment]
    for name, (target, summary) in _BUILT_IN.items():
        root.add_command(LazyCommand(name, summary, partial(load_command, target, "phasegate")))
    try:
        here = Path.cwd()
    except OSError as error:
        fact = f"the working folder cannot be read: {error.strerror}"
        raise PhasegateError(Problem(fact, "phasegate", "change into a folder that exists")) from error
    try:
        settings = find_settings(here)
    except SettingsError as error:
        root.trouble = error
        return root
    if settings is None:
        return root
    for name, target in settings.commands.items():
        place = f"{settings.root / 'pyproject.toml'}: [tool.phasegate.commands] {name}"
        load = partial(load_command, target, place, settings.root)
        if name in _BUILT_IN:  # neither of the two may run in place of the other
            load = partial(_refuse, f"{name} is a command of phasegate itself", place)
        root.add_command(LazyCommand(name, f"Added by the project ({target}).", load))
    return root


def _refuse(fact: str, place: str) -> NoReturn:
    raise SettingsError(Problem(fact, place, "give the project's command another name"))


def _options(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Readiness gates as pytest tests. `pytest` runs them; this command does the rest."""
    if version:
        say(f"phasegate {__version__}")
    elif context.invoked_subcommand is None:
        say(context.get_help())


def _speak(error: Exception) -> int | None:
    """Tells the user an error that speaks for itself; its exit code, or None where the error is a defect."""
    problems = getattr(error, "problems", None)
    if problems is not None:  # ours, or an error of the same shape that the project raises
        for problem in problems:
            say(str(problem), err=True)
        return int(getattr(error, "exit_code", ExitCode.USAGE))
    if not hasattr(error, "format_message"):
        return None
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help, or empty where rich printed it
        say(error.format_message(), err=True)
        return ExitCode.USAGE
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "phasegate"
    say(str(Problem(error.format_message(), command, f"see `{command} --help`")), err=True)
    return ExitCode.USAGE


def _forget_output() -> int:
    # Whoever read the output has gone; what is left in the buffer must not complain at exit either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE
