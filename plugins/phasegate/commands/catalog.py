"""`phasegate catalog`: lint the catalogue, show it, export the JSON Schema of its format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phasegate.catalog.grammar import gate_prefix
from phasegate.catalog.model import Catalogue, Gate
from phasegate.catalog.near import nearest
from phasegate.errors import CatalogueError, ExitCode, PhasegateError, Problem
from phasegate.printable import say, say_json
from phasegate.project import home_of, load_catalogue, load_waivers, read_document, shown
from phasegate.settings import Settings, require_settings

if TYPE_CHECKING:
    from phasegate.catalog.coverage import CollectedTest

app = typer.Typer(
    help="The catalogue of gates: check it, read it, export its format.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # importing rich takes three times as long as the rest of a `--help`
)


@app.command()
def lint(
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """List every problem of the catalogue, its tests and its schemas.

    Exits with 0 where there is none, and with 7 where there is any.
    """
    settings = require_settings(Path.cwd())
    problems = _problems(settings)
    if as_json:
        say_json({"count": len(problems), "problems": [asdict(found) for found in problems]})
    else:
        for problem in problems:
            say(str(problem))
        say(_count(problems))
    if problems:
        raise typer.Exit(ExitCode.CATALOGUE)


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="GATE", help="A gate (M4.C, m4c, or its alias) or a phase; by default all.")
    ] = None,
) -> None:
    """Print phases, gates, verifiers and blockers as a tree, with what each of them means."""
    from rich.console import Console  # noqa: PLC0415 - `lint` and `--help` need no tree

    from phasegate.commands.catalog_tree import catalogue_tree, gate_tree  # noqa: PLC0415

    catalogue = load_catalogue(require_settings(Path.cwd()))
    documents = [document for document in catalogue.documents if name is None or document.phase.id == name.upper()]
    tree = (
        catalogue_tree(documents, catalogue) if documents else gate_tree(_find_gate(catalogue, name or ""), catalogue)
    )
    Console(highlight=False).print(tree)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", metavar="FILE")] = None,
) -> None:
    """Export the JSON Schema of a catalogue document (draft 2020-12), for editors."""
    from phasegate.catalog.schema import catalogue_schema_text  # noqa: PLC0415 - only this command needs it
    from phasegate.commands.artifacts import write_schema  # noqa: PLC0415

    if out is None:
        say(catalogue_schema_text().rstrip("\n"))
        return
    write_schema(out, catalogue_schema_text())


@app.command()
def schemas() -> None:
    """Write the JSON Schemas of the gates' artifacts, as their models (`artifacts.py`) make them."""
    from phasegate.commands.artifacts import wanted_schemas, write_schema  # noqa: PLC0415 - only this command needs it

    settings = require_settings(Path.cwd())
    texts, problems = wanted_schemas(load_catalogue(settings), settings)
    if problems:
        raise CatalogueError(problems)
    for path, text in texts.items():
        write_schema(path, text)
    say(f"{len(texts)} schema{'s' if len(texts) != 1 else ''} written")


def _find_gate(catalogue: Catalogue, name: str) -> Gate:
    """The gate that a user means by an identifier, a marker or an alias."""
    marker = gate_prefix(name)
    for gate in catalogue.gates.values():
        if marker in gate.markers[1:]:
            return gate
    known = {spelling for gate in catalogue.gates.values() for spelling in (gate.id, *gate.markers)}
    close = nearest(name, known) or nearest(name.upper(), known)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"the catalogue has {', '.join(catalogue.gates)}"
    raise PhasegateError(Problem(f"{name!r} is no gate or phase of the catalogue", "phasegate catalog show", remedy))


def _problems(settings: Settings) -> list[Problem]:
    """The catalogue's own problems; where it has none, those between it, the tests and the schemas."""
    from phasegate.catalog.bodies import lint_bodies  # noqa: PLC0415 - only `lint` needs these
    from phasegate.catalog.coverage import lint_schemas, lint_tests  # noqa: PLC0415
    from phasegate.commands.artifacts import drifted, wanted_schemas  # noqa: PLC0415
    from phasegate.harness.inventory import take_inventory  # noqa: PLC0415

    try:
        catalogue = load_catalogue(settings)
    except CatalogueError as error:
        return list(error.problems)
    try:
        load_waivers(settings, catalogue)
    except CatalogueError as error:
        return list(error.problems)
    texts, of_models = wanted_schemas(catalogue, settings)
    files, unsound = _schemas(settings)
    inventory = take_inventory(settings)
    return [
        *of_models,
        *drifted(texts, settings),
        *unsound,
        *lint_schemas(catalogue, files, lambda gate_id: shown(home_of(catalogue, gate_id, settings), settings)),
        *inventory.problems,
        *inventory.uncollected,
        *lint_tests(catalogue, inventory.tests, complete=not inventory.problems),
        *lint_bodies(catalogue, inventory.tests, _sources(settings, inventory.tests)),
    ]


def _schemas(settings: Settings) -> tuple[dict[str, list[str]], list[Problem]]:
    """The artifacts that have a schema and where it stands, and every problem of each schema."""
    from phasegate.catalog.artifact_schemas import schema_problems  # noqa: PLC0415 - only `lint` needs it
    from phasegate.evidence.schemas import SchemaSet  # noqa: PLC0415

    files = SchemaSet(*settings.schemas).files
    problems = []
    for path in (path for paths in files.values() for path in paths):
        text, unread = read_document(path, settings)
        problems += unread if text is None else schema_problems(text, shown(path, settings))
    return {name: [shown(path, settings) for path in paths] for name, paths in files.items()}, problems


def _sources(settings: Settings, tests: Iterable[CollectedTest]) -> dict[str, str]:
    """The texts of the files that tests stand in, as far as they can be read."""
    files = sorted({test.file for test in tests})
    texts = {file: read_document(settings.root / file, settings)[0] for file in files}
    return {file: text for file, text in texts.items() if text is not None}


def _count(problems: list[Problem]) -> str:
    if not problems:
        return "no problems"
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
