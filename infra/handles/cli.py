"""`phasegate handles`: look at the registry, compare two, write a repinned copy."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.errors import InfraError, RegistryError
from infra.handles.arguments import read_settings
from infra.handles.comparison import RegistryDiff, diff
from infra.handles.files import load
from infra.handles.model import Handle, Unresolved
from infra.handles.outputs import load_outputs
from infra.handles.project import default_registry
from infra.handles.registry import Registry
from infra.handles.repinning import repin_file

if TYPE_CHECKING:
    from pydantic import JsonValue

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe and whose width nobody states."""

app = typer.Typer(
    name="handles",
    help="The handle registry: show it, compare two, write a repinned copy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RegistryOption = Annotated[
    Path | None,
    typer.Option("--registry", metavar="FILE", help="The registry; by default the one that pyproject.toml names."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these handles.")] = None,
    *,
    unresolved: Annotated[bool, typer.Option("--unresolved", help="Only handles without a usable value.")] = False,
    section: Annotated[
        str | None, typer.Option("--section", metavar="S", help="Only this section: its number, or part of its title.")
    ] = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show handles with their values, kinds, lines and sections."""
    with _told():
        loaded = _loaded(_path(registry))
        handles = _selected(loaded, names or [], section, unresolved=unresolved)
        if as_json:
            typer.echo(json.dumps(_shown(loaded, handles), indent=2))
            return
        table = _table("handle", "value", "form", "line", "section")
        for handle in handles:
            form = handle.form if handle.resolved else f"OPEN: {handle.form}"
            table.add_row(*_cells(handle.name, handle.raw or "", form, str(handle.line), handle.section))
        console = _console()
        console.print(table)
        open_count = sum(not handle.resolved for handle in handles)
        console.print(
            Text(f"{len(handles)} of {len(loaded)} handles, {open_count} open; {loaded.source} {loaded.sha256[:12]}")
        )
        for problem in loaded.contradictions():
            typer.echo(f"warning: {_visible(str(problem))}", err=True)


@app.command(name="diff")
def show_diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The first registry.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The second registry.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show what registry B has otherwise than registry A."""
    with _told():
        first, second = _loaded(before), _loaded(after)
        found = diff(first, second)
        if as_json:
            typer.echo(json.dumps(_compared(first, second, found), indent=2))
            return
        _print_diff(found)


@app.command()
def repin(
    annotation: Annotated[str, typer.Option("--annotation", metavar="TEXT", help="Why, in a few words.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The copy to write.")],
    *,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A new value; may be given many times.")
    ] = None,
    outputs: Annotated[
        Path | None,
        typer.Option("--from-outputs", metavar="FILE.json", help="Stack outputs to take values from; --set wins."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    registry: RegistryOption = None,
) -> None:
    """Write a copy of the registry with new values on the lines of the named handles.

    The registry itself is never written to.
    """
    with _told():
        if not settings and outputs is None:
            raise InfraError("nothing to repin", "handles repin", "give --set NAME=VALUE or --from-outputs FILE.json")
        path = _path(registry)
        original = _loaded(path)
        values: dict[str, JsonValue] = {} if outputs is None else load_outputs(outputs, original)
        values |= read_settings(original, settings or [])
        copy = repin_file(path, out, values, annotation, replace=force)
        _print_diff(diff(original, copy))
        typer.echo(f"wrote {out}")


@contextmanager
def _told() -> Iterator[None]:
    """Tells an error as its problems on stderr, and ends with its exit code."""
    try:
        yield
    except InfraError as error:
        for problem in error.problems:
            typer.echo(f"error: {_visible(str(problem))}", err=True)
        raise typer.Exit(error.exit_code) from error


def _path(option: Path | None) -> Path:
    return default_registry(Path.cwd()) if option is None else option


def _loaded(path: Path) -> Registry:
    """The registry of a file; a document without a handle is another file than the one that is meant."""
    found = load(path)
    if not len(found):
        raise RegistryError("holds no handle", found.source, "name the registry: --registry FILE")
    return found


def _selected(registry: Registry, names: Sequence[str], section: str | None, *, unresolved: bool) -> list[Handle]:
    problems = [registry.absence(name) for name in dict.fromkeys(names) if name not in registry]
    if problems:
        raise InfraError(problems=problems)
    handles = list(registry.handles)
    if section is not None:
        handles = [handle for handle in handles if _in_section(handle.section, section)]
        if not handles:
            raise InfraError(
                f"no section with handles is {section!r}", registry.source, "give its number, or part of its title"
            )
    if names:
        handles = [handle for handle in handles if handle.name in names]
    return [handle for handle in handles if not handle.resolved] if unresolved else handles


def _in_section(title: str, wanted: str) -> bool:
    """Tell whether a heading is the wanted section or lies in it: `7` takes `7` and `7.4`, never `17`."""
    number = title.partition(" ")[0].rstrip(".")
    wanted = wanted.strip().rstrip(".")
    if wanted.replace(".", "").isdigit():
        return number == wanted or number.startswith(f"{wanted}.")
    return wanted.lower() in title.lower()


def _shown(registry: Registry, handles: Sequence[Handle]) -> dict[str, Any]:
    return {
        "registry": registry.source,
        "sha256": registry.sha256,
        "handle_count": len(registry),
        "unresolved_count": len(registry.unresolved()),
        "handles": [_record(handle) for handle in handles],
    }


def _record(handle: Handle) -> dict[str, Any]:
    resolution = handle.resolution
    return {
        "name": handle.name,
        "value": handle.value,
        "resolved": handle.resolved,
        "form": handle.form,
        "detail": resolution.detail if isinstance(resolution, Unresolved) else None,
        "raw": handle.raw,
        "line": handle.line,
        "section": handle.section,
        "note": handle.note,
    }


def _compared(before: Registry, after: Registry, found: RegistryDiff) -> dict[str, Any]:
    return {
        "before": {"registry": before.source, "sha256": before.sha256},
        "after": {"registry": after.source, "sha256": after.sha256},
        "added": [_record(handle) for handle in found.added],
        "removed": [_record(handle) for handle in found.removed],
        "changed": [{"before": _record(change.before), "after": _record(change.after)} for change in found.changed],
        "paths_added": list(found.paths_added),
        "paths_removed": list(found.paths_removed),
    }


def _print_diff(found: RegistryDiff) -> None:
    console = _console()
    if found.empty:
        console.print(Text("the registries say the same"))
        return
    table = _table("", "handle", "before", "after")
    for change in found.changed:
        table.add_row(*_cells("changed", change.before.name, _value(change.before), _value(change.after)))
    for handle in found.added:
        table.add_row(*_cells("added", handle.name, "", _value(handle)))
    for handle in found.removed:
        table.add_row(*_cells("removed", handle.name, _value(handle), ""))
    for path in found.paths_added:
        table.add_row(*_cells("added", "secret path", "", path))
    for path in found.paths_removed:
        table.add_row(*_cells("removed", "secret path", path, ""))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # Names stay whole; long values fold onto further lines rather than lose their end.
        table.add_column(column, overflow="fold", no_wrap=column in {"handle", "line"})
    return table


def _cells(*texts: str) -> list[Text]:
    """Cells as plain text: a JSON list must not be taken for markup."""
    return [Text(_visible(text)) for text in texts]


def _value(handle: Handle) -> str:
    """The value as the registry writes it, or the word for why there is none."""
    return handle.form if handle.raw is None else handle.raw


def _visible(text: str) -> str:
    """The text with what a terminal would obey, or cannot show, written as an escape."""
    shown = "".join(mark if mark.isprintable() or mark == "\n" else ascii(mark)[1:-1] for mark in text)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _console() -> Console:
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console(highlight=False)
    return Console(highlight=False, width=PIPE_WIDTH)
