"""`phasegate report`: reports as evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from phasegate.attempts.history import AUTHORITATIVE
from phasegate.attempts.sealing import publish, seal
from phasegate.commands.archive import RunsRoot, open_archive
from phasegate.commands.durable import load_publishing
from phasegate.evidence.dsse import enveloped
from phasegate.evidence.keys import KeyStore
from phasegate.printable import say
from phasegate.settings import require_settings

app = typer.Typer(help="Reports as evidence.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Reports as evidence."""


@app.command("seal")
def seal_report(
    report: Annotated[Path, typer.Argument(help="The report, one file.")],
    results: Annotated[Path, typer.Option("--results", help="The folder of Allure results that it was made from.")],
    durable: Annotated[bool, typer.Option("--durable", help="Store it beside the durable evidence, too.")] = False,
    runs_root: RunsRoot = None,
) -> None:
    """Make a report evidence: it is kept with its results and a signed statement on the attempts that it shows.

    `phasegate verify` names a sealed report that was changed, and one that shows an attempt which counts no more.
    """
    _, archive = open_archive(runs_root)
    settings = require_settings(Path.cwd())
    store = load_publishing(settings) if durable else None
    signer = KeyStore(settings.platform).signer(settings.signing_key)
    place, attempts = seal(archive, report, results, partial(enveloped, signer=signer), datetime.now(UTC))
    for attempt in attempts:
        standing = "" if attempt.standing == AUTHORITATIVE else f"  ({attempt.standing})"
        say(f"{attempt.execution_id}  {attempt.gate}  {attempt.verdict}{standing}")
    say(f"sealed: {place}")
    if store is not None:
        say(f"stored: {publish(store, place)}")
