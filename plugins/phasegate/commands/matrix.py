"""`phasegate matrix`: the legs of a pipeline, computed from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from phasegate.catalog.legs import Leg, legs_of
from phasegate.printable import say, say_json
from phasegate.project import load_catalogue
from phasegate.settings import require_settings

app = typer.Typer(help="The legs of a pipeline, computed from the catalogue.")


@app.command()
def matrix(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as `fromJSON` of GitHub takes a matrix.")] = False,
) -> None:
    """Print the legs: a phase each, with its gates and what it rests on, in the order in which they run."""
    settings = require_settings(Path.cwd())
    legs = legs_of(load_catalogue(settings), settings.runs_on)
    if as_json:
        say_json({"include": [leg.as_json() for leg in legs]})
        return
    for leg in legs:
        for line in _lines(leg):
            say(line)


def _lines(leg: Leg) -> Iterator[str]:
    yield f"{leg.phase.id}  {leg.phase.title}"
    yield f"  pytest -m {leg.marker}; runs on {leg.runs_on}{_list('; needs', leg.needs)}"
    if leg.upstream or leg.handed:
        handed = tuple(f"{phase} (handed over)" for phase in leg.handed)
        yield f"  rests on {', '.join((*leg.upstream, *handed))}"
    for gate in leg.gates:
        upstream = _list("  rests on", tuple(edge.gate for edge in gate.upstream))
        yield f"  {gate.id}  {gate.title}{upstream}{'  planned: it holds' if gate.planned else ''}"


def _list(words: str, names: tuple[str, ...]) -> str:
    return f"{words} {', '.join(names)}" if names else ""
