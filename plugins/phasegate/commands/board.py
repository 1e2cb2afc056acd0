"""`phasegate board`: where each gate stands, what blocks it, who owns that and what closes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from phasegate.attempts.layout import explained, write_file
from phasegate.attempts.present import Present
from phasegate.board.model import Board, BoardMaker
from phasegate.catalog.model import Catalogue
from phasegate.commands.archive import RunsRoot, Targets, open_archive, target_of, terminal
from phasegate.commands.code import code_here
from phasegate.errors import ExitCode, Problem, SettingsError
from phasegate.printable import say
from phasegate.settings import require_settings

app = typer.Typer(help="Where each gate stands: verdict, blockers, owner, what to do next.")


@app.command()
def board(
    phases: Annotated[list[str] | None, typer.Argument(help="Phases, such as M4; by default all.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the board as one page.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the board as one picture.")] = None,
    target: Targets = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Tell ages by this moment; by default now.")
    ] = None,
    runs_root: RunsRoot = None,
) -> None:
    """Show the board; 0 only where every gate on it advances now, 1 where one is blocked, 6 where one was not judged.

    Evidence is held against catalogue and code that stand here, as `phasegate verdict` does.
    """
    catalogue, archive = open_archive(runs_root)
    settings = require_settings(Path.cwd())
    code = code_here(settings, catalogue)

    def present(where: Mapping[str, str]) -> Present:
        return Present(target=lambda: where, code=lambda: code)

    wanted = target_of(target or [])
    made = BoardMaker(archive, present, settings.platform, _moment(at), wanted).board(_phases(catalogue, phases or []))
    if html is not None:
        from phasegate.board.html import board_html  # noqa: PLC0415 - costs start-up time

        _write(html, board_html(made))
    if svg is not None:
        from phasegate.board.svg import board_svg  # noqa: PLC0415

        _write(svg, board_svg(made))
    if html is None and svg is None:
        _show(made)
    exit_code = _code(made)
    if exit_code is not ExitCode.OK:
        raise typer.Exit(exit_code)


def _show(made: Board) -> None:
    from phasegate.board.terminal import board_rows  # noqa: PLC0415 - costs start-up time

    console = terminal()
    for position, row in enumerate(board_rows(made)):
        if position and not hasattr(row, "add_row") and row.style == "bold":
            console.print()
        console.print(row)


def _write(path: Path, text: str) -> None:
    with explained("write the board", path):
        write_file(path, text.encode("utf-8"))
    say(f"board: {path}")


def _code(made: Board) -> ExitCode:
    views = [view for phase in made.phases for view in phase.gates]
    if all(view.advances for view in views):
        return ExitCode.OK
    return ExitCode.BLOCKED if any(view.blockers for view in views) else ExitCode.INCOMPLETE


def _phases(catalogue: Catalogue, names: list[str]) -> list[str]:
    known = {phase.upper(): phase for phase in catalogue.phases}
    unknown = [name for name in names if name.upper() not in known]
    if unknown:
        fact = f"{', '.join(map(repr, unknown))} is no phase of the catalogue"
        raise SettingsError(Problem(fact, "PHASES", f"name some of {', '.join(known.values())}"))
    return [known[name.upper()] for name in names] or list(known.values())


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise SettingsError(Problem(f"{text!r} is no moment with a time zone", "--at", "write 2026-02-24T07:00:00Z"))
    return found.astimezone(UTC)
