"""Reads a project's catalogue and its verifiers' sources from disk: the one place where the catalogue meets files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from phasegate.catalog.load import GATE_FILE, parse
from phasegate.catalog.model import Catalogue
from phasegate.catalog.waivers import Waiver, parse_waivers
from phasegate.errors import CatalogueError, Problem
from phasegate.settings import Settings

PHASE_FILE = "phase.yaml"
MAX_BYTES = 16 * 1024 * 1024
"""The largest document that is read."""


def load_catalogue(settings: Settings) -> Catalogue:
    """The project's catalogue.

    Raises:
        CatalogueError: It cannot be read, or has problems; all of them are listed.
    """
    texts, unread = _texts(settings)
    catalogue, problems = parse(texts, complete=not unread)
    problems = unread + problems
    if problems or catalogue is None:
        raise CatalogueError(problems)
    if catalogue.platform != settings.platform:
        fact = f"the platform is {settings.platform!r}, and that of the catalogue is {catalogue.platform!r}"
        place = f"{settings.root / 'pyproject.toml'}: [tool.phasegate] platform"
        raise CatalogueError(Problem(fact, place, "write the same name in both"))
    return catalogue


def gate_folders(catalogue: Catalogue, settings: Settings) -> dict[str, Path]:
    """The gates that have a folder of their own: whose document is a `gate.yaml`; each with that folder."""
    documents = {
        gate_id: settings.root / catalogue.places[gate_id].rsplit(":", maxsplit=2)[0] for gate_id in catalogue.gates
    }
    return {gate_id: path.parent for gate_id, path in documents.items() if path.name == GATE_FILE}


def home_of(catalogue: Catalogue, gate_id: str, settings: Settings) -> Path:
    """The folder of a gate's schemas."""
    return gate_folders(catalogue, settings).get(gate_id, settings.catalogue) / "schemas"


def load_waivers(settings: Settings, catalogue: Catalogue) -> tuple[Waiver, ...]:
    """The project's waivers; none where it has no `waivers/` in its catalogue's folder.

    Raises:
        CatalogueError: They cannot be read, or have problems; all of them are listed.
    """
    folder = settings.catalogue / "waivers"
    try:
        paths = _documents(folder)
    except FileNotFoundError:
        return ()
    except OSError as error:
        fact = f"the folder of waivers cannot be read: {error.strerror}"
        raise CatalogueError(
            Problem(fact, shown(folder, settings), "make it a readable folder, or remove it")
        ) from error
    texts, unread = _read_all(paths, settings)
    waivers, problems = parse_waivers(texts, catalogue, datetime.now(UTC))
    if unread or problems:
        raise CatalogueError(unread + problems)
    return waivers


def shown(path: Path, settings: Settings) -> str:
    """A path as messages name it: relative to the project where it lies inside."""
    return path.relative_to(settings.root).as_posix() if path.is_relative_to(settings.root) else str(path)


def sources(folders: Iterable[Path]) -> Iterator[Path]:
    """All Python files of folders, those of hidden and linked folders included; a file stands for itself."""
    seen: set[Path] = set()
    for start in folders:
        if start.is_file():
            yield start
        for parent, below, names in os.walk(start, followlinks=True):
            folder = Path(parent)
            if folder.resolve() in seen:
                below.clear()
                continue
            seen.add(folder.resolve())
            yield from (path for name in names if name.endswith(".py") and (path := folder / name).is_file())


def _texts(settings: Settings) -> tuple[list[tuple[str, str]], list[Problem]]:
    """Name and text of each document that can be read, and a problem for each that cannot."""
    folder = settings.catalogue
    try:
        paths = [*_documents(folder), *_homes(folder)]
    except FileNotFoundError:
        fact, remedy = "the catalogue's folder does not exist", "fix [tool.phasegate] catalogue, or --catalogue"
        raise CatalogueError(Problem(fact, str(folder), remedy)) from None
    except OSError as error:
        fact = f"the catalogue's folder cannot be read: {error.strerror}"
        raise CatalogueError(Problem(fact, str(folder), "make it a readable folder")) from error
    if not paths:
        fact = "the catalogue's folder holds no document"
        raise CatalogueError(Problem(fact, str(folder), f"write a {PHASE_FILE} for each phase below it"))
    return _read_all(paths, settings)


def _documents(folder: Path) -> list[Path]:
    """The YAML documents of a folder.

    Raises:
        OSError: It is absent, no folder, or cannot be read.
    """
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def _homes(folder: Path) -> list[Path]:
    """The documents that phases and gates have in folders of their own below the catalogue's, whatever they are."""
    return sorted(path for name in (PHASE_FILE, GATE_FILE) for path in folder.rglob(name) if path.parent != folder)


def _read_all(paths: Sequence[Path], settings: Settings) -> tuple[list[tuple[str, str]], list[Problem]]:
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for path in paths:
        text, unread = read_document(path, settings)
        problems += unread
        if text is not None:
            texts.append((shown(path, settings), text))
    return texts, problems


def read_document(path: Path, settings: Settings) -> tuple[str | None, list[Problem]]:
    """The text of a file of the project, or None and what is wrong with it.

    A pipe or a device would never end, and what is larger than any document is none.
    """
    name = shown(path, settings)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "Is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
            return None, [Problem(f"cannot be read: {kind}", name, "make it a readable file")]
        if status.st_size > MAX_BYTES:
            return None, [Problem(f"is larger than {MAX_BYTES // 1024**2} MiB", name, "name the right file")]
        return path.read_bytes().decode("utf-8"), []
    except UnicodeDecodeError as error:
        return None, [Problem(f"is not UTF-8 at byte {error.start}", name, "save it as UTF-8")]
    except OSError as error:
        return None, [Problem(f"cannot be read: {error.strerror}", name, "make it a readable file")]
