"""`phasegate runs`: which attempts there are, which is authoritative, and taking one back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from phasegate.attempts import AttemptRecord
from phasegate.attempts.index import cells
from phasegate.attempts.pruning import plan
from phasegate.attempts.pruning import prune as prune_attempts
from phasegate.catalog.grammar import is_stop
from phasegate.catalog.model import Catalogue
from phasegate.commands.archive import RunsRoot, gate_id_of, open_archive, terminal, unknown_attempt
from phasegate.errors import EvidenceError, Problem, SettingsError
from phasegate.evidence.dsse import enveloped
from phasegate.evidence.keys import KeyStore
from phasegate.printable import in_one_line, say, say_json
from phasegate.settings import require_settings

app = typer.Typer(help="Attempts of gates: list, show, invalidate, prune.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    phase: Annotated[str | None, typer.Option(help="Only this phase, such as M4.")] = None,
    gate: Annotated[str | None, typer.Option(help="Only this gate, such as M4.C or m4c.")] = None,
    substrate: Annotated[str | None, typer.Option(help="Only attempts on this substrate.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    runs_root: RunsRoot = None,
) -> None:
    """List the attempts: gate, verdict, blockers, and whether each is authoritative or why not."""
    if context.invoked_subcommand is not None:
        return
    catalogue, archive = open_archive(runs_root)
    wanted = gate_id_of(catalogue, gate, "--gate") if gate is not None else None
    known = require_settings(Path.cwd()).substrates
    if substrate not in (None, *known):
        fact = f"{substrate!r} is no substrate of this project"
        raise SettingsError(Problem(fact, "--substrate", f"name one of {', '.join(known)}"))
    records = [
        record
        for record in archive.attempts(_phase(catalogue, phase))
        if (wanted is None or record.gate == wanted) and substrate in (None, record.substrate)
    ]
    if as_json:
        say_json([_as_json(record) for record in records])
        return
    if not records:
        say(f"no attempts under {archive.layout.root}")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("attempt", "gate", "target", "verdict", "blockers", "standing"):
        table.add_column(column, overflow="fold")
    for record in records:
        style = "green" if record.authoritative and record.verdict and not is_stop(record.verdict) else None
        table.add_row(*(Text(in_one_line(cell)) for cell in cells(record)), style=style)  # a reason may hold brackets
    terminal().print(table)


@app.command()
def show(
    execution_id: Annotated[str, typer.Argument(help="An attempt, such as m4c_20260224T051711Z.")],
    runs_root: RunsRoot = None,
) -> None:
    """Print the execution summary of an attempt."""
    _, archive = open_archive(runs_root)
    path = archive.history.find(execution_id)
    if path is None:
        raise unknown_attempt(execution_id)
    pack = archive.history.pack(path)
    say_json(pack.summary.everything)
    if pack.problems:
        raise EvidenceError(pack.problems)


@app.command()
def invalidate(
    execution_id: Annotated[str, typer.Argument(help="The attempt that is void.")],
    reason: Annotated[str, typer.Option(help="What makes it void.")],
    superseded_by: Annotated[str | None, typer.Option(help="The attempt that takes its place.")] = None,
    runs_root: RunsRoot = None,
) -> None:
    """Take an attempt back: it stays as audit evidence and feeds no gate any more."""
    _, archive = open_archive(runs_root)
    marker = archive.invalidate(execution_id, reason, superseded_by)
    say(f"invalidated {execution_id}: {marker}")


@app.command()
def prune(
    keep: Annotated[list[str], typer.Option(help="An attempt that must stay; repeatable.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it nothing is touched.")] = False,
    phase: Annotated[str | None, typer.Option(help="Only this phase, such as M4.")] = None,
    runs_root: RunsRoot = None,
) -> None:
    """Remove attempts that neither the keep set nor the chain needs; a dry run unless told otherwise."""
    catalogue, archive = open_archive(runs_root)
    chosen = plan(archive, keep, _phase(catalogue, phase))
    for name, why in sorted(chosen.keep.items()):
        say(f"keep          {name} ({why})")
    for record in chosen.remove:
        say(f"{'removed' if yes else 'would remove'}  {record.path}")
    if not yes or not chosen.remove:
        if chosen.remove:
            say(f"nothing was touched: {len(chosen.remove)} would go with --yes")
        return
    settings = require_settings(Path.cwd())
    signer = KeyStore(settings.platform).signer(settings.signing_key)
    receipt = prune_attempts(archive, chosen, partial(enveloped, signer=signer), datetime.now(UTC))
    if receipt is not None:
        say(f"receipt: {receipt}")


def _phase(catalogue: Catalogue, name: str | None) -> str | None:
    if name is None:
        return None
    known = sorted({gate.phase for gate in catalogue.gates.values()} | {g.phase for g in catalogue.external.values()})
    if name.upper() not in known:
        raise SettingsError(
            Problem(f"{name!r} is no phase of the catalogue", "--phase", f"name one of {', '.join(known)}")
        )
    return name.upper()


def _as_json(record: AttemptRecord) -> dict[str, object]:
    return {
        "execution_id": record.execution_id,
        "gate": record.gate,
        "alias": record.alias,
        "substrate": record.substrate,
        "target": dict(record.target),
        "verdict": record.verdict,
        "blockers": list(record.blockers),
        "waived": list(record.waived),
        "authoritative": record.authoritative,
        "standing": record.standing,
        "path": str(record.path),
    }
