"""The command `phasegate`: what is not a test run.

Sub-commands are imported when they are used, so that `--help` costs nothing and one that cannot be imported
harms no other. A project adds its own in `[tool.phasegate.commands]`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
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
    "board": ("phasegate.commands.board:app", "Where each gate stands: verdict, blockers, owner, what to do next."),
    "catalog": ("phasegate.commands.catalog:app", "Check, show and export the catalogue of gates."),
    "explain": ("phasegate.commands.explain:app", "Explain a blocker: meaning, raisers, sightings, what closed it."),
    "keys": ("phasegate.commands.keys:app", "The keys that sign and that are trusted; export, trust, rotate."),
    "legs": ("phasegate.commands.legs:app", "Run a pipeline's legs, hand evidence on, and judge the whole."),
    "matrix": ("phasegate.commands.matrix:app", "The legs of a pipeline, computed from the catalogue."),
    "new": ("phasegate.commands.new:app", "Write the folder of a new gate from its catalogue entry."),
    "report": ("phasegate.commands.report:app", "Seal a report: sign it with the attempts that it shows."),
    "runs": ("phasegate.commands.runs:app", "List attempts and which are authoritative; invalidate, prune."),
    "verdict": ("phasegate.commands.verdict:app", "Whether a gate advances now, as an exit code."),
    "verify": ("phasegate.commands.verify:app", "Audit evidence: digests, chain, signatures, durable copies."),
}
_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141
_HIGHEST: Final = 255
_TRACEBACK: Final = "PHASEGATE_TRACEBACK"
_SYSTEM: Final = "fix what the system says, then try again"


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
        code = 0
        try:
            code = _main(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            return _forget_output(_BROKEN_PIPE)
        except OSError as error:  # a full disk, say
            if not code:  # else the same was told when it was written
                with suppress(OSError):
                    code = _speak(error)
            return _forget_output(code or ExitCode.USAGE)
    return code


def _main(arguments: Sequence[str] | None) -> int:
    try:
        code = _root().main(args=arguments, prog_name="phasegate", standalone_mode=False)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        raise
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer ends the process itself
            raise ended.__context__ from None
        if isinstance(ended.code, int):
            return _bounded(ended.code)
        raise
    except typer.Abort as error:
        # typer makes one of every end of file below it, such as that of a truncated cache, as well as of a prompt's.
        return _speak(error.__cause__) if isinstance(error.__cause__, EOFError) else _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a message and a code
        return _speak(error)
    return _bounded(code) if isinstance(code, int) else ExitCode.OK


def _bounded(code: int) -> int:
    """An exit code as the system can carry it: of 256 it would make a success."""
    return code if 0 <= code <= _HIGHEST else ExitCode.INTERNAL


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


def _speak(error: Exception) -> int:
    """Tells the user an error, and returns its exit code."""
    problems = getattr(error, "problems", None)
    if problems is not None:  # ours, or an error of the same shape that the project raises
        for problem in problems:
            say(str(problem), err=True)
        return _bounded(int(getattr(error, "exit_code", 0))) or ExitCode.USAGE
    if hasattr(error, "format_message"):
        return _speak_usage(error)
    if isinstance(error, OSError):
        place = str(error.filename) if error.filename is not None else "phasegate"
        say(str(Problem(f"the system refuses: {error.strerror or error}", place, _SYSTEM)), err=True)
        return ExitCode.USAGE
    if _TRACEBACK in os.environ:
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    fact = f"{type(error).__name__}: {_text_of(error)} (at {frame.filename}:{frame.lineno})"
    remedy = f"this is a defect: report it with what {_TRACEBACK}=1 in the environment prints"
    say(str(Problem(fact, "phasegate", remedy)), err=True)
    return ExitCode.INTERNAL


def _speak_usage(error: Any) -> int:
    """Tells the user what of the command line is wrong."""
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help, or empty where rich printed it
        say(error.format_message(), err=True)
        return ExitCode.USAGE
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "phasegate"
    say(str(Problem(error.format_message(), command, f"see `{command} --help`")), err=True)
    return ExitCode.USAGE


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - an error of a project's command may fail at this, too
        return f"it cannot be told ({type(second).__name__})"


def _forget_output(code: int) -> int:
    # Nobody takes the output any more; what is left in the buffer must not complain at exit either.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
