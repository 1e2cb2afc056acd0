"""`phasegate new`: the folder of a gate, written from its catalogue entry, ready to run and blocked."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from phasegate.catalog.grammar import gate_prefix
from phasegate.catalog.load import GATE_FILE
from phasegate.catalog.model import Catalogue, Gate, Verifier
from phasegate.commands.artifacts import MODELS, wanted_schemas, write_schema
from phasegate.errors import CatalogueError, PhasegateError, Problem
from phasegate.printable import say
from phasegate.project import gate_folders, load_catalogue, shown
from phasegate.settings import Settings, require_settings

app = typer.Typer(
    help="Write what a new gate starts from.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
_WIDTH = 118


@app.callback()
def _new() -> None:
    """Write what a new gate starts from."""


@app.command()
def gate(
    name: Annotated[str, typer.Argument(metavar="GATE", help="A gate that has a gate.yaml, such as M5.A or m5a.")],
) -> None:
    """Write a gate's tests, artifacts and fixtures beside its gate.yaml: they run, and block until they are written.

    What is there already is never overwritten.
    """
    settings = require_settings(Path.cwd())
    catalogue = load_catalogue(settings)
    found, folder = _find(catalogue, settings, name)
    files = dict(_files(found))
    if taken := [file for file in files if (folder / file).exists()]:
        fact = f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already"
        raise PhasegateError(Problem(fact, shown(folder, settings), "move away what is there, or write on from it"))
    written: list[Path] = []
    try:
        _write(folder, files, written)
        _write_schemas(catalogue, settings, folder, written)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            fact = f"the gate cannot be written: {error.strerror}"
            raise PhasegateError(Problem(fact, shown(folder, settings), "make the folder writable")) from error
        raise
    for path in written:
        say(f"wrote {shown(path, settings)}")
    say(f"next: write the members of each artifact in {MODELS}, then `phasegate catalog schemas`;")
    say(f"      write each check, then `pytest -m {found.prefix}`")


def _find(catalogue: Catalogue, settings: Settings, name: str) -> tuple[Gate, Path]:
    """The gate that a user means, and its folder."""
    folders = gate_folders(catalogue, settings)
    for gate_id, folder in folders.items():
        if gate_prefix(name) == gate_prefix(gate_id):
            return catalogue.gates[gate_id], folder
    remedy = f"write its catalogue entry first: {shown(settings.catalogue, settings)}/<phase>/<gate>/{GATE_FILE}"
    raise PhasegateError(Problem(f"no {GATE_FILE} describes {name}", "phasegate new gate", remedy))


def _write(folder: Path, files: Mapping[str, str], written: list[Path]) -> None:
    for file, text in files.items():
        with (folder / file).open("x", encoding="utf-8") as handle:
            written.append(folder / file)
            handle.write(text)


def _write_schemas(catalogue: Catalogue, settings: Settings, folder: Path, written: list[Path]) -> None:
    texts, problems = wanted_schemas(catalogue, settings)
    if problems:
        raise CatalogueError(problems)
    for path, text in texts.items():
        if path.is_relative_to(folder) and not path.exists():
            written.append(path)
            write_schema(path, text)


def _files(gate: Gate) -> Iterator[tuple[str, str]]:
    yield MODELS, _artifacts(gate)
    yield "checks.py", f'"""What {gate.id} judges by: plain Python, tested without a session."""\n'
    yield "conftest.py", _conftest(gate)
    yield "test_gate.py", _tests(gate)


def _artifacts(gate: Gate) -> str:
    kinds = [
        f'class {_class_name(gate, file)}(Artifact, file="{file}"):\n    """{_title(gate, file)}."""'
        for file in gate.artifacts
    ]
    head = f'"""The artifacts of {gate.id}: write the members of each."""\n\nfrom __future__ import annotations\n\n'
    return head + "from phasegate.api import Artifact\n\n\n" + "\n\n\n".join(kinds) + "\n"


def _conftest(gate: Gate) -> str:
    return f'''"""What the verifiers of {gate.id} look at."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from phasegate.api import Artifact


@pytest.fixture
def gate_artifacts() -> Iterable[Artifact]:
    """What is published; an artifact that is owed and missing blocks the gate."""
    return ()
'''


def _tests(gate: Gate) -> str:
    checks = [verifier for verifier in gate.verifiers if verifier.kind == "check"]
    imports = "from phasegate.api import GateRun, block" if checks else ""
    parts = [
        f'"""{gate.id}: {gate.title}."""',
        "from __future__ import annotations",
        f"import pytest\n\n{imports}".rstrip(),
        f'pytestmark = pytest.mark.gate("{gate.id}")',
    ]
    return "\n\n".join(parts) + "\n" + "".join(f"\n\n{_test(verifier)}" for verifier in checks)


def _test(verifier: Verifier) -> str:
    purpose = textwrap.wrap(f"{verifier.purpose[:1].upper()}{verifier.purpose[1:]}", _WIDTH - 6)
    comment = "".join(f"    # {line}\n" for line in purpose)
    name = re.sub("[^a-z0-9]+", "_", verifier.name.lower()).strip("_")
    blocks = "".join(f'    block("{code}", "this check is not written yet")\n' for code in verifier.raises)
    return f'@pytest.mark.verifier("{verifier.id}")\ndef test_{name}(gate: GateRun) -> None:\n{comment}{blocks}'


def _class_name(gate: Gate, file: str) -> str:
    words = file.removesuffix(".json").removeprefix(f"{gate.prefix}_").split("_")
    name = "".join(word.title() for word in words)
    return name if name[0].isalpha() else f"{gate.prefix.title()}{name}"


def _title(gate: Gate, file: str) -> str:
    words = file.removesuffix(".json").removeprefix(f"{gate.prefix}_").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]} of {gate.id}"
