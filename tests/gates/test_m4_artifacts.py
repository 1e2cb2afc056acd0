"""M4's artifacts are models: each reads what its gate wrote, and refuses what its schema refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jsonschema
import pytest

from phasegate.api import Artifact
from phasegate.project import gate_folders
from tests.gates.rehearsal import CATALOGUE, SETTINGS

HEADER = ("phase_execution_id", "gate", "alias")
OTHERS = (None, True, 1, -1, 1.5, "", "x", [], {}, "M4.A", {"a": 1})


def models() -> dict[str, type[Artifact]]:
    found: dict[str, type[Artifact]] = {}
    for folder in gate_folders(CATALOGUE, SETTINGS).values():
        module = import_module(".".join((folder / "artifacts").relative_to(SETTINGS.root).parts))
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Artifact)]
        found |= {kind.file: kind for kind in kinds if kind.file}
    return found


MODELS = models()
OWED = [(gate.id, name) for gate in CATALOGUE.gates.values() for name in gate.artifacts]


def parts(content: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each part, of a list its first item's alone."""
    if path:
        yield path
    items = (
        content.items() if isinstance(content, dict) else enumerate(content[:1]) if isinstance(content, list) else ()
    )
    for key, value in items:
        yield from parts(value, (*path, key))


def changes(content: Any) -> Iterator[tuple[str, Any]]:
    """Copies of an artifact, each with one part that is another, gone, or has one more in it."""
    for path in parts({name: value for name, value in content.items() if name not in HEADER}):
        for other in (*OTHERS, ...):
            changed = copy.deepcopy(content)
            around = changed
            for step in path[:-1]:
                around = around[step]
            if other is ...:
                if isinstance(around[path[-1]], dict):
                    around[path[-1]]["unforeseen"] = 1
                else:
                    del around[path[-1]]
            else:
                around[path[-1]] = other
            yield f"{path} {other!r}", changed


def test_every_artifact_has_a_model() -> None:
    assert sorted(MODELS) == sorted(name for _, name in OWED)


@pytest.mark.parametrize(("gate", "name"), OWED)
def test_a_model_writes_what_it_reads_and_refuses_what_its_schema_refuses(passed, gate, name) -> None:
    model = MODELS[name]
    (path,) = passed.runs.glob(f"dev_full/m4/{gate.replace('.', '').lower()}_*/{name}")
    content = json.loads(path.read_bytes())
    read = model.read(content)
    assert read is not None
    assert read.payload() | {key: content[key] for key in HEADER} == content
    schema = jsonschema.Draft202012Validator(json.loads(model.schema_text()))
    told = {what: (model.read(changed) is not None, schema.is_valid(changed)) for what, changed in changes(content)}
    assert {what: answers for what, answers in told.items() if len(set(answers)) > 1} == {}
    assert not all(fits for fits, _ in told.values())
