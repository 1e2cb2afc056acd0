"""The attempts as commands open them: by the settings of the project that they are called in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from phasegate.attempts import Archive
from phasegate.attempts.opening import archive_of
from phasegate.catalog.grammar import gate_prefix
from phasegate.catalog.model import Catalogue
from phasegate.errors import EvidenceError, Problem, SettingsError
from phasegate.project import load_catalogue
from phasegate.settings import require_settings

_PIPE_WIDTH = 2_000
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME=VALUE", help="What it must have looked at, such as world=000000000000."),
]
RunsRoot = Annotated[Path | None, typer.Option("--runs-root", help="Where evidence packs lie.", show_default=False)]


def open_archive(runs_root: Path | None) -> tuple[Catalogue, Archive]:
    """The catalogue and the attempts.

    Args:
        runs_root: Where evidence packs lie; None for what the settings say.

    Raises:
        PhasegateError: There are no settings here, or they or the catalogue cannot be used.
    """
    settings = require_settings(Path.cwd())
    if runs_root is not None:
        settings = replace(settings, runs_root=runs_root)
    catalogue = load_catalogue(settings)
    return catalogue, archive_of(settings, catalogue)


def gate_id_of(catalogue: Catalogue, name: str, place: str) -> str:
    """The gate that a name or an alias stands for, in any spelling.

    Args:
        catalogue: The catalogue.
        name: What was given.
        place: Where it was given, for the message.

    Raises:
        SettingsError: There is no such gate.
    """
    for gate_id in (*catalogue.gates, *catalogue.external):
        alias = catalogue.gates[gate_id].alias if gate_id in catalogue.gates else None
        if gate_prefix(name) in (gate_prefix(gate_id), gate_prefix(alias or gate_id)):
            return gate_id
    known = ", ".join(catalogue.gates)
    raise SettingsError(Problem(f"{name!r} is no gate of the catalogue", place, f"name one of {known}"))


def target_of(given: Sequence[str]) -> dict[str, str]:
    """The members of a target that `--target` names.

    Raises:
        SettingsError: One is not of the form NAME=VALUE.
    """
    pairs = [text.partition("=") for text in given]
    if not all(name and value for name, _, value in pairs):
        raise SettingsError(
            Problem("is not of the form NAME=VALUE", f"--target={given[0]}", "write world=000000000000")
        )
    return {name: value for name, _, value in pairs}


def terminal() -> Console:
    """What tables are printed to: a terminal folds long cells, a pipe gets every row whole, on one line."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def unknown_attempt(execution_id: str) -> EvidenceError:
    """The error for the name of an attempt that is not there."""
    return EvidenceError(
        Problem("there is no committed attempt of this name", execution_id, "name one that `phasegate runs` lists")
    )
