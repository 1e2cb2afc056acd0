"""`phasegate explain`: what a blocker means, who raises it, where it was seen, and what closed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from phasegate.attempts.explanation import Explanation, Sighting, explain
from phasegate.catalog.model import Catalogue
from phasegate.catalog.near import near
from phasegate.commands.archive import RunsRoot, open_archive, unknown_attempt
from phasegate.errors import Problem, SettingsError
from phasegate.printable import say, say_json

app = typer.Typer(help="Explain a blocker: meaning, raisers, sightings, what closed it.")

_SHOWN = 5


@app.command()
def explain_blocker(
    code: Annotated[str, typer.Argument(help="A blocker, such as M4E-B3, or a phase blocker, such as M4-B5.")],
    attempt: Annotated[str | None, typer.Option(help="Only what was seen in this attempt.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    runs_root: RunsRoot = None,
) -> None:
    """Explain a blocker: what it means, who raises it, what was seen, and what closed it."""
    catalogue, archive = open_archive(runs_root)
    wanted = code.upper()
    gate = next((gate for gate in catalogue.gates.values() if wanted in gate.blocker_by_code), None)
    if gate is None:
        _explain_phase_blocker(catalogue, wanted, as_json=as_json)
        return
    found = explain(archive, gate, wanted)
    sightings = list(found.sightings)
    if attempt is not None:
        if archive.history.find(attempt) is None:
            raise unknown_attempt(attempt)
        sightings = [sighting for sighting in sightings if sighting.execution_id == attempt]
    if as_json:
        shown = {sighting.execution_id for sighting in sightings}
        data = found.as_json()
        data["sightings"] = [row for row in data["sightings"] if row["execution_id"] in shown]
        say_json(data)
        return
    for line in _lines(catalogue, found, sightings, attempt):
        say(line)


def _lines(catalogue: Catalogue, found: Explanation, sightings: list[Sighting], attempt: str | None) -> Iterator[str]:
    blocker, gate = found.blocker, found.gate
    yield f"{blocker.code} [{blocker.severity.value}] {blocker.meaning}"
    yield f"  gate:      {gate.id} {gate.title}; owner: {gate.owner}"
    yield f"  activates: {blocker.rolls_up_to} {_phase_meaning(catalogue, blocker.rolls_up_to)}"
    yield f"  closed by: {blocker.remedy}"
    for number, raiser in enumerate(found.raisers):
        yield f"  {'raised by:' if not number else '          '} {raiser}"
    if not sightings:
        yield f"  seen in:   {'not ' + attempt if attempt else 'no attempt here'}"
    for sighting in sightings[:_SHOWN]:
        yield ""
        yield f"  {sighting.execution_id} on {sighting.target} ({sighting.standing})"
        yield from (f"    {line}" for seen in sighting.seen for line in seen.splitlines())
        if sighting.closed_by is None:
            yield "    still open: no later complete attempt is without it"
        else:
            yield f"    closed in {sighting.closed_by}"
            yield from (f"      changed: {what}" for what in sighting.changed)
    if len(sightings) > _SHOWN:
        yield f"\n  and in {len(sightings) - _SHOWN} earlier attempts (--json lists them all)"


def _explain_phase_blocker(catalogue: Catalogue, code: str, *, as_json: bool) -> None:
    meaning = _phase_meaning(catalogue, code)
    if not meaning:
        known = [name for gate in catalogue.gates.values() for name in gate.blocker_by_code]
        raise SettingsError(
            Problem("is no blocker of the catalogue", code, near(code, known, "`phasegate catalog show` lists them"))
        )
    codes = [
        blocker
        for gate in catalogue.gates.values()
        for blocker in gate.blocker_by_code.values()
        if blocker.rolls_up_to == code
    ]
    if as_json:
        rows = [{"code": blocker.code, "meaning": blocker.meaning} for blocker in codes]
        say_json({"code": code, "meaning": meaning, "activated_by": rows})
        return
    say(f"{code} {meaning}")
    for blocker in codes:
        say(f"  activated by {blocker.code}: {blocker.meaning}")


def _phase_meaning(catalogue: Catalogue, code: str) -> str:
    phases = catalogue.phases.values()
    return next((blocker.meaning for phase in phases for blocker in phase.blockers if blocker.code == code), "")
