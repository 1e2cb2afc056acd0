"""`phasegate verify`: what is wrong with evidence, all of it, with files and public keys alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phasegate.attempts import Archive
from phasegate.attempts.audit import Audit, Auditor
from phasegate.attempts.defects import DefectKind
from phasegate.commands.archive import RunsRoot, open_archive, unknown_attempt
from phasegate.commands.durable import load_durable
from phasegate.errors import EvidenceError, ExitCode, Problem
from phasegate.evidence.keys import KeyStore, public_key
from phasegate.printable import say, say_json
from phasegate.settings import Settings, require_settings

if TYPE_CHECKING:
    from securesystemslib.signer import Key

app = typer.Typer(help="Audit evidence: digests, chain, signatures, durable copies.")

EXIT_CODES = {
    DefectKind.INTEGRITY: ExitCode.EVIDENCE,
    DefectKind.SIGNATURE: ExitCode.SIGNATURE,
    DefectKind.DURABLE: ExitCode.DURABLE,
}


PublicKeys = Annotated[
    list[Path] | None, typer.Option("--public-key", help="Trust this key (PEM), and no other; repeatable.")
]


def trusted_keys(settings: Settings, files: Sequence[Path] | None) -> list[Key]:
    """The keys in the given files, or those that are trusted here.

    Raises:
        EvidenceError: There is none.
    """
    store = KeyStore(settings.platform)
    keys = [public_key(path) for path in files] if files else store.keys()
    if not keys:
        raise EvidenceError(
            Problem("there is no public key to trust", str(store.folder), "name one: --public-key=FILE")
        )
    return keys


@app.command()
def verify(
    target: Annotated[
        str | None, typer.Argument(help="An attempt or a phase, such as m4j_20260224T064802Z or M4; by default all.")
    ] = None,
    durable: Annotated[bool, typer.Option("--durable", help="Hold the durable copies against the local ones.")] = False,
    public_key_file: PublicKeys = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    runs_root: RunsRoot = None,
) -> None:
    """Audit evidence, and name every defect; the exit code tells the gravest kind."""
    _, archive = open_archive(runs_root)
    settings = require_settings(Path.cwd())
    keys = trusted_keys(settings, public_key_file)
    durable_copy = load_durable(settings) if durable else None
    auditor = Auditor(archive, keys, durable_copy)
    audit = auditor.audit(_wanted(archive, auditor, target))
    if not audit.attempts and not audit.defects:
        place = str(archive.layout.root)
        raise EvidenceError(Problem("there is no evidence", place, "name its folder: --runs-root=DIR"))
    _tell(audit, as_json=as_json)
    kinds = {defect.kind for defect in audit.defects}
    code = next((EXIT_CODES[kind] for kind in DefectKind if kind in kinds), ExitCode.OK)
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def _wanted(archive: Archive, auditor: Auditor, target: str | None) -> list[Path]:
    """The folders of the attempts that a target names."""
    if target is not None and (path := archive.history.find(target)) is not None:
        return [path]
    phases = [path.name for path in archive.layout.phases()]
    if target is not None and target.lower() not in phases:
        raise unknown_attempt(target)
    return [path for path in auditor.everything() if target is None or path.parent.name == target.lower()]


def _tell(audit: Audit, *, as_json: bool) -> None:
    if as_json:
        say_json(audit.as_json())
        return
    places = ["/".join(part for part in (defect.execution_id, defect.file) if part) for defect in audit.defects]
    width = max(map(len, places), default=0)
    for defect, place in zip(audit.defects, places, strict=True):
        say(f"{defect.kind.value:<9}  {place:<{width}}  {defect.fact}")
    for note in audit.notes:
        say(f"note       {note}")
    count = len(audit.attempts)
    verdict = f"{len(audit.defects)} defects" if audit.defects else "sound"
    say(f"{count} attempts verified: {verdict}")
