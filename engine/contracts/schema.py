"""Arrow schemas of datasets, and the check that a file or a batch keeps its contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.contracts.model import WORLD_KEY, Column, Dataset
from engine.contracts.vocabulary import Vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey

PROBE_ROWS = 500
"""Rows at the head of a file that a reader holds to the contract before it trusts the rest."""

_TYPES = {"i64": pa.int64(), "f64": pa.float64(), "str": pa.string()}
_CODES = pa.dictionary(pa.uint8(), pa.string())


def arrow_schema(dataset: Dataset) -> pa.Schema:
    """Schema of a dataset: int64 ids and counts, words as dictionaries over u8 codes, the world key as constants."""
    fields = [
        pa.field(column.name, _CODES if column.vocabulary else _TYPES[column.type], nullable=column.nullable)
        for column in dataset.columns
    ]
    if dataset.world_key:
        fields += [
            pa.field("seed", pa.int64(), nullable=False),
            pa.field("manifest_fingerprint", _CODES, nullable=False),
            pa.field("parameter_hash", _CODES, nullable=False),
        ]
    return pa.schema(fields)


def probe(path: Path, dataset: Dataset, words: Vocabularies, world: WorldKey, *, rows: int = PROBE_ROWS) -> None:
    """Hold a file's schema and its first rows to the contract.

    Raises:
        EngineError: ``SCHEMA_INVALID`` of the dataset's state, naming file, column and problem; ``IO_READ_FAILED``
            where the file is truncated or no Parquet.
    """
    try:
        with pq.ParquetFile(path) as file:
            problem = next(schema_problems(file.schema_arrow, dataset), None)
            batch = next(file.iter_batches(batch_size=rows), None) if problem is None else None
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, dataset, error) from error
    if problem is None and batch is not None:
        problem = next(batch_problems(batch, dataset, words, world), None)
    if problem is not None:
        raise broken(path, dataset, *problem)


def broken(
    path: Path, dataset: Dataset, column: str, fact: str, remedy: str = "remove the file and run the state again"
) -> EngineError:
    """The error for a table that does not keep its contract."""
    return EngineError(
        code=f"6A.{dataset.state}.SCHEMA_INVALID",
        reason="contract_broken",
        fact=f"{dataset.id}: {fact}",
        place=f"{path}, column {column}",
        remedy=remedy,
        context={"dataset": dataset.id, "column": column},
    )


def unreadable(path: Path, dataset: Dataset, error: Exception) -> EngineError:
    """The error for a file that cannot be read as Parquet."""
    return EngineError(
        code=f"6A.{dataset.state}.IO_READ_FAILED",
        reason="parquet_unreadable",
        fact=f"{dataset.id} cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        place=str(path),
        remedy="the file is missing, truncated or no Parquet: remove it and run the state again",
        context={"dataset": dataset.id},
    )


def schema_problems(schema: pa.Schema, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(column, what is wrong) of a file's schema: names, order and types must be the contract's."""
    expected = arrow_schema(dataset)
    for name in expected.names:
        if name not in schema.names:
            yield name, f"column {name} is missing"
    for name in schema.names:
        if name not in expected.names:
            yield name, f"column {name} is none of the contract"
    if schema.names != expected.names and set(schema.names) == set(expected.names):
        yield schema.names[0], "the columns stand in another order than the contract's"
    for field in expected:
        if field.name in schema.names:
            found = _plain(schema.field(field.name).type)
            if found != _plain(field.type):
                yield field.name, f"column {field.name} is {found}, not {_plain(field.type)}"


def batch_problems(
    batch: pa.RecordBatch, dataset: Dataset, words: Vocabularies, world: WorldKey
) -> Iterator[tuple[str, str]]:
    """(column, what is wrong) of some rows: nulls, words outside the vocabulary, bounds, constants."""
    for column in dataset.columns:
        yield from _column_problems(batch.column(column.name), column, words)
    if dataset.world_key:
        for name in WORLD_KEY:
            found = pc.unique(batch.column(name)).to_pylist()
            if found and found != [getattr(world, name)]:
                yield name, f"{name} is {found[0]}, not {getattr(world, name)}"


def _plain(kind: pa.DataType) -> pa.DataType:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def _column_problems(values: pa.Array, column: Column, words: Vocabularies) -> Iterator[tuple[str, str]]:
    if values.null_count and not column.nullable:
        yield column.name, f"{values.null_count} nulls"
    if column.always_null and values.null_count != len(values):
        yield column.name, "a value stands where only nulls may"
    if column.vocabulary is not None:
        known = {column.constant} if column.constant else set(words[column.vocabulary])
        used = [word for word in pc.unique(values).to_pylist() if word is not None]
        for word in used:
            if word not in known:
                yield column.name, f"word {word!r} is outside vocabulary {column.vocabulary}"
    if column.minimum is not None and len(values) > values.null_count:
        least = pc.min(values).as_py()
        if least < column.minimum:
            yield column.name, f"value {least} lies below {column.minimum}"
