"""What is wrong with the JSON Schema of an artifact: it cannot be used, or it would let anything pass."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from phasegate.errors import Problem

HEADER: Final = ("gate", "phase_execution_id")
"""What the framework writes at the head of every artifact, and what each schema therefore requires."""

TOO_DEEP: Final = "it is nested too deeply"
_LOCAL: Final = "#/$defs/"


def schema_problems(text: str, place: str) -> list[Problem]:
    """Every problem of one schema.

    Args:
        text: Its text.
        place: Where it stands, for messages.
    """
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - costs start-up time

    try:
        schema = read_schema(text)
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        fact = f"{error.json_path}: is not JSON Schema: {' '.join(error.message.split())[:300]}"
        return [Problem(fact, place, "fix the schema (draft 2020-12)")]
    except (ValueError, RecursionError) as error:
        why = TOO_DEEP if isinstance(error, RecursionError) else error
        return [Problem(f"the schema cannot be read: {why}", place, "fix the file")]
    return list(_trivialities(schema, place))


def _trivialities(schema: Any, place: str) -> Iterator[Problem]:
    parts = list(_parts(schema, schema, set()))
    if not any(part.get("type") == "object" for part in parts):
        yield Problem("the schema takes what is no object", place, 'write "type": "object"')
        return
    required = {name for part in parts for name in part.get("required", ())}
    if missing := [name for name in HEADER if name not in required]:
        fact = f"the schema does not require {' and '.join(missing)}, which every artifact has"
        yield Problem(fact, place, 'list them in "required", with what else the artifact owes')


def _parts(schema: Any, root: Any, seen: set[str]) -> Iterator[Mapping[str, Any]]:
    """The schemas that an artifact must fit all: the schema itself, those of its `allOf`, those that it refers to."""
    if not isinstance(schema, dict):
        return
    yield schema
    for part in schema.get("allOf", ()):
        yield from _parts(part, root, seen)
    reference = schema.get("$ref", "")
    if reference.startswith(_LOCAL) and reference not in seen:
        seen.add(reference)
        yield from _parts(root.get("$defs", {}).get(reference.removeprefix(_LOCAL)), root, seen)


def read_schema(text: str) -> Any:
    """The schema that a text is.

    Raises:
        ValueError: It is no JSON, nested too deeply, or has a key twice: of two readers each could take another value.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return dict(pairs)
