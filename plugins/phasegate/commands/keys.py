"""`phasegate keys`: the keys that sign and that are trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.keys import KeyStore, public_key, public_pem
from phasegate.printable import say
from phasegate.settings import require_settings

app = typer.Typer(help="Signing keys: show, export, trust, rotate.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def keys(context: typer.Context) -> None:
    """Show the signing key and the keys that are trusted."""
    if context.invoked_subcommand is not None:
        return
    settings, store = _store()
    say(f"signs with  {settings}")
    say(f"folder      {store.folder}")
    if not store.public.is_file():
        say("own key     none yet: the first attempt makes it")
    else:
        say(f"own key     {public_key(store.public).keyid}")
    for path in store.trusted_files():
        say(f"trusted     {public_key(path).keyid}  {path.name}")


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; by default it is printed.")] = None,
) -> None:
    """Write the public key, in PEM: all that an auditor needs."""
    named, store = _store()
    pem = public_pem(store.signer(named).public_key)
    if file is None:
        say(pem.decode().rstrip("\n"))
        return
    try:
        with file.open("xb") as out:
            out.write(pem)
    except OSError as error:
        raise EvidenceError(
            Problem(f"the public key cannot be written: {error.strerror}", str(file), "name a file that is not there")
        ) from error
    say(f"wrote {file}")


@app.command()
def trust(file: Annotated[Path, typer.Argument(help="A public key in PEM.")]) -> None:
    """Trust somebody's public key, beside our own."""
    _, store = _store()
    key = public_key(file)
    place = store.trusted / f"{key.keyid[:16]}.pem"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    except OSError as error:
        raise EvidenceError(
            Problem(f"the key cannot be kept: {error.strerror}", str(place), "make the folder writable")
        ) from error
    say(f"trusted {key.keyid}")


@app.command()
def rotate() -> None:
    """Retire the project's own key: what it signed stays trusted, the next attempt makes a new one."""
    _, store = _store()
    retired = store.rotate()
    say("there was no key" if retired is None else f"retired; its public half stays trusted: {retired}")


def _store() -> tuple[str, KeyStore]:
    settings = require_settings(Path.cwd())
    return settings.signing_key, KeyStore(settings.platform)
