"""Reads a project's catalogue from disk: the one place where the catalogue meets files."""

from __future__ import annotations

from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue
from phasegate.errors import CatalogueError, Problem
from phasegate.settings import Settings


def load_catalogue(settings: Settings) -> Catalogue:
    """The project's catalogue.

    Raises:
        CatalogueError: It cannot be read, or has problems; all of them are listed.
    """
    folder = settings.catalogue
    if not folder.is_dir():
        raise CatalogueError(
            Problem(
                "the catalogue's folder does not exist", str(folder), "mend [tool.phasegate] catalogue, or --catalogue"
            )
        )
    texts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        try:
            name = str(path.relative_to(settings.root)) if path.is_relative_to(settings.root) else str(path)
            texts.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError as error:
            problems.append(Problem(f"is not UTF-8 at byte {error.start}", str(path), "save it as UTF-8"))
        except OSError as error:
            problems.append(Problem(f"cannot be read: {error.strerror}", str(path), "make it a readable file"))
    catalogue, found = parse(texts) if texts or not problems else (None, [])
    problems += found
    if problems or catalogue is None:
        raise CatalogueError(problems)
    return catalogue
