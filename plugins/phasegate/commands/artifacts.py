"""The JSON Schemas that a gate's artifact models make: written into its folder, and held against what lies there."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from phasegate.catalog.model import Catalogue
from phasegate.errors import PhasegateError, Problem
from phasegate.evidence.artifact import Artifact
from phasegate.project import gate_folders, shown
from phasegate.settings import Settings

MODELS = "artifacts.py"
"""The module of a gate's folder whose models are its artifacts."""


def wanted_schemas(catalogue: Catalogue, settings: Settings) -> tuple[dict[Path, str], list[Problem]]:
    """The text that each schema of a modelled artifact has to have, and what is wrong with the models."""
    texts: dict[Path, str] = {}
    problems: list[Problem] = []
    for gate_id, folder in gate_folders(catalogue, settings).items():
        path = folder / MODELS
        if not path.is_file():
            continue
        try:
            models = _models(path, settings.root)
            texts |= {_file(folder, model): model.schema_text() for model in models}
        except Exception as error:  # noqa: BLE001 - it is the project's code, which may raise anything
            fact = f"cannot be imported: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            problems.append(Problem(fact, shown(path, settings), "fix the module"))
            continue
        owed = catalogue.gates[gate_id].artifacts
        problems += [
            Problem(
                f"{model.__name__} is {model.file}, which {gate_id} does not owe",
                shown(path, settings),
                f"{gate_id} owes {', '.join(owed)}",
            )
            for model in models
            if model.file not in owed
        ]
    return texts, problems


def drifted(texts: dict[Path, str], settings: Settings) -> list[Problem]:
    """The schemas that are not what the models make."""
    return [
        Problem(
            "is not the schema that the models beside it make", shown(path, settings), "run `phasegate catalog schemas`"
        )
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def write_schema(path: Path, text: str) -> None:
    """Writes a schema.

    Raises:
        PhasegateError: It cannot be written.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fact = f"the schema cannot be written: {error.strerror}"
        raise PhasegateError(Problem(fact, str(path), "name a file in a writable folder")) from error


def _file(folder: Path, model: type[Artifact]) -> Path:
    return folder / "schemas" / f"{model.file.removesuffix('.json')}.schema.json"


def _models(path: Path, root: Path) -> list[type[Artifact]]:
    """The artifacts that a module defines; it is imported as a test of the gate would import it."""
    with _importable(root):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        module = sys.modules.get(name) or _imported(name, path)
        found = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Artifact)]
        return [each for each in found if each.__module__ == name and each.file]


def _imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks annotations up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
