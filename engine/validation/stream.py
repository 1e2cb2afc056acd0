"""Columns of a published dataset, read in batches from its Parquet file and never held whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.contracts.model import Dataset
from engine.contracts.schema import schema_problems, unreadable
from engine.errors import EngineError

BATCH_ROWS = 1 << 20


@dataclass(slots=True)
class ColumnFacts:
    """What a pass over one column found.

    Attributes:
        nulls: Null values.
        words: Word to rows, for columns of words.
    """

    nulls: int = 0
    words: dict[str, int] = field(default_factory=dict)

    def see(self, values: pa.Array) -> None:
        """Take in some rows."""
        self.nulls += values.null_count
        if pa.types.is_dictionary(values.type):
            indices = values.indices
            if indices.null_count:
                indices = indices.drop_null()
            counts = np.bincount(indices.to_numpy(zero_copy_only=False), minlength=len(values.dictionary))
            for word, count in zip(values.dictionary.to_pylist(), counts.tolist(), strict=True):
                if count:
                    self.words[word] = self.words.get(word, 0) + count
        elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            for entry in pc.value_counts(values.drop_null()).to_pylist():
                self.words[entry["values"]] = self.words.get(entry["values"], 0) + entry["counts"]


def open_table(path: Path, dataset: Dataset) -> pq.ParquetFile:
    """A dataset's file, its words read as dictionaries.

    Raises:
        EngineError: IO_READ_FAILED where it is missing, truncated or no Parquet; SCHEMA_INVALID where its columns
            are not the contract's.
    """
    words = [column.name for column in dataset.columns if column.vocabulary]
    try:
        present = set(pq.read_schema(path).names)
        file = pq.ParquetFile(path, read_dictionary=[word for word in words if word in present], memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, dataset, error) from error
    problem = next(schema_problems(file.schema_arrow, dataset), None)
    if problem is not None:
        raise EngineError(
            code=f"6A.{dataset.state}.SCHEMA_INVALID",
            reason="contract_broken",
            fact=f"{dataset.id}: {problem[1]}",
            place=f"{path}, column {problem[0]}",
            remedy="remove the file and run the state again",
        )
    return file


def batches(path: Path, dataset: Dataset, columns: tuple[str, ...]) -> Iterator[Mapping[str, pa.Array]]:
    """Some columns in batches of at most ``BATCH_ROWS`` rows.

    Raises:
        EngineError: As ``open_table``, and IO_READ_FAILED where a page cannot be decoded.
    """
    with open_table(path, dataset) as file:
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns), use_threads=False):
                yield {name: batch.column(name) for name in columns}
        except (OSError, pa.ArrowException) as error:
            raise unreadable(path, dataset, error) from error


def integers(values: pa.Array) -> NDArray[np.int64]:
    """Values of an integer column without its nulls."""
    if values.null_count:
        values = values.drop_null()
    numbers: NDArray[np.int64] = values.to_numpy(zero_copy_only=False)
    return numbers
