"""`phasegate legs`: runs the legs of a pipeline, hands evidence on, and judges the whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from phasegate.catalog.legs import legs_of
from phasegate.catalog.near import near
from phasegate.commands.leg_results import Ended, Flaw, exit_code_of, flaws_of_jobs
from phasegate.commands.leg_runs import Pipeline
from phasegate.errors import EvidenceError, ExitCode, Problem, SettingsError
from phasegate.evidence.files import read_file
from phasegate.printable import say
from phasegate.project import load_catalogue
from phasegate.settings import require_settings

app = typer.Typer(
    help="Run a pipeline's legs, hand evidence on, and judge the whole.", no_args_is_help=True, add_completion=False
)

Folder = Annotated[Path, typer.Option("--legs", help="The folder with a folder for each leg.", metavar="DIR")]
Arguments = Annotated[list[str] | None, typer.Argument(help="What pytest is told, behind `--`.", metavar="-- ARGS")]


@app.command()
def run(
    phase: Annotated[str, typer.Argument(help="The leg, such as M4.")], legs: Folder, arguments: Arguments = None
) -> None:
    """Run one leg: verify the evidence that the leg before it left, run the gates on it, write the result.

    Exits with 0 where every gate of the phase advanced in this leg.
    """
    pipeline = _pipeline(legs)
    leg = next((leg for leg in pipeline.legs if leg.phase.id == phase.upper()), None)
    if leg is None:
        known = [each.phase.id for each in pipeline.legs]
        raise SettingsError(Problem("is no leg of this project", phase, near(phase.upper(), known, "see the matrix")))
    result = pipeline.run(leg, arguments or ())
    say(f"leg {result.phase}: {result.result.value}{result.why and f': {result.why}'}")
    if result.result is not Ended.SUCCESS:
        raise typer.Exit(result.exit_code or ExitCode.INCOMPLETE)


@app.command("all")
def run_all(legs: Folder, arguments: Arguments = None) -> None:
    """Run every leg here, one behind the other and each in a process of its own, then check them."""
    pipeline = _pipeline(legs)
    if legs.exists() and any(legs.iterdir()):
        raise EvidenceError(Problem("the folder is not empty", str(legs), "name another with --legs=DIR, or remove it"))
    extra = ["--", *arguments] if arguments else []
    for leg in pipeline.legs:
        command = [sys.executable, "-m", "phasegate", "legs", "run", leg.phase.id, f"--legs={pipeline.root}", *extra]
        say(f"leg {leg.phase.id}: {leg.phase.title}")
        sys.stdout.flush()
        subprocess.run(command, check=False)  # what became of it stands in its result
    _judge(pipeline, [])


@app.command()
def check(
    legs: Folder,
    jobs: Annotated[
        Path | None, typer.Option("--jobs", help="What GitHub says of the jobs: its `needs`, as JSON.", metavar="FILE")
    ] = None,
) -> None:
    """Say whether each leg that the catalogue names was run and ended well, and whether its evidence verifies.

    Exits with 0 only then: a leg that failed, was cancelled or skipped, is missing, or that nobody knows is a failure.
    """
    flaws = list(flaws_of_jobs(read_file(jobs), str(jobs))) if jobs is not None else []
    _judge(_pipeline(legs), flaws)


def _judge(pipeline: Pipeline, flaws: list[Flaw]) -> None:
    flaws += pipeline.flaws()
    for flaw in flaws:
        say(str(flaw.problem))
    count = len(pipeline.legs)
    say(f"{count} legs: {f'{len(flaws)} problems' if flaws else 'all advance'}")
    if flaws:
        raise typer.Exit(exit_code_of(flaws))


def _pipeline(folder: Path) -> Pipeline:
    settings = require_settings(Path.cwd())
    catalogue = load_catalogue(settings)
    return Pipeline(settings, catalogue, legs_of(catalogue, settings.runs_on), folder.absolute())
