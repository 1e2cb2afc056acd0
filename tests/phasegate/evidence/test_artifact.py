"""A gate's artifact as a model: what it writes, what it reads back, and the schema that it makes."""

from __future__ import annotations

import json

import jsonschema
import pytest
from pydantic import ValidationError

from phasegate.api import Artifact, Count, Part, Unique

HEADER = {"phase_execution_id": "m9a_20260101T000000Z", "gate": "M9.A", "alias": None}


class Row(Part):
    name: str
    open: bool


class Snapshot(Artifact, file="m9a_snapshot.json"):
    """What was seen.

    More about it.
    """

    count: Count
    rows: tuple[Row, ...]
    names: Unique[str]
    title: str | None = None


SEEN = Snapshot(count=1, rows=(Row(name="a", open=True),), names=["a"])


def test_it_reads_back_what_it_writes_with_a_header_or_without() -> None:
    assert Snapshot.read(SEEN.payload()) == SEEN
    assert Snapshot.read(json.loads(json.dumps(SEEN.payload() | HEADER))) == SEEN


@pytest.mark.parametrize(
    "content",
    [None, [], "x", {}, SEEN.payload() | {"more": 1}, SEEN.payload() | {"count": "1"}, SEEN.payload() | {"count": -1}],
)
def test_what_is_another_thing_is_none(content) -> None:
    assert Snapshot.read(content) is None


def test_it_cannot_be_changed_nor_made_of_other_types() -> None:
    with pytest.raises(ValidationError):
        SEEN.count = 2
    with pytest.raises(ValidationError):
        Snapshot(count=True, rows=(), names=[])


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"count": 1.5}, False),
        ({"names": ["a", "a"]}, False),
        ({"rows": [{"name": "a"}]}, False),
        ({"gate": "else"}, False),
        ({"more": 1}, False),
        ({"title": "x"}, True),
    ],
)
def test_its_schema_takes_what_it_writes_and_nothing_else(change, fits) -> None:
    schema = json.loads(Snapshot.schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"] == "What was seen."
    payload = json.loads(json.dumps(SEEN.payload() | HEADER)) | change
    assert jsonschema.Draft202012Validator(schema).is_valid(payload) is fits
    payload.pop("alias")
    assert not jsonschema.Draft202012Validator(schema).is_valid(payload)
