"""The JSON Schema of a catalogue document, for editors: completion, hints and checks while one types."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from phasegate.catalog import model
from phasegate.catalog.derive import DERIVED

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): ")


def catalogue_schema() -> dict[str, Any]:
    """The schema, in draft 2020-12, with what the models' docstrings say of each key."""
    schema = model.PhaseDocument.model_json_schema()
    records: dict[str, Any] = {**schema.get("$defs", {}), model.PhaseDocument.__name__: schema}
    for name, record in records.items():
        if "required" in record:
            record["required"] = [key for key in record["required"] if key not in DERIVED.get(name, ())]
        described = getattr(model, name)
        record["description"] = _summary(described)
        for key, text in _attributes(described):
            if key in record.get("properties", {}):
                record["properties"][key]["description"] = text
    return {"$schema": DIALECT, **schema, "title": "phasegate catalogue"}


def catalogue_schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(catalogue_schema(), indent=2, ensure_ascii=False) + "\n"


def _summary(described: type) -> str:
    return " ".join((inspect.getdoc(described) or "").split("\n\n", maxsplit=1)[0].split())


def _attributes(described: type) -> Iterator[tuple[str, str]]:
    """Name and description of each attribute that a docstring in Google style lists."""
    _, _, section = (inspect.getdoc(described) or "").partition("Attributes:\n")
    name, words = "", list[str]()
    for line in section.splitlines():
        match = _ATTRIBUTE.match(line)
        if match is not None:
            if name:
                yield name, " ".join(words)
            name, words = match[1], []
            line = line[match.end() :]  # noqa: PLW2901 - the rest of the line is the first of the description
        elif not line.startswith(" "):
            break
        words.append(line.strip())
    if name:
        yield name, " ".join(words)
