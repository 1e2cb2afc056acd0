"""Published tables read back: batch by batch or whole, words as dictionaries or as codes of the vocabularies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.contracts.model import Dataset, datasets
from engine.contracts.schema import broken, schema_problems, unreadable
from engine.contracts.vocabulary import Vocabularies

BATCH_ROWS = 1 << 18
"""Rows of a batch: a column of them fits the cache."""


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
        raise broken(path, dataset, *problem)
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


def row_count(path: Path, dataset: Dataset) -> int:
    """Rows of a dataset's file, by its footer; as ``open_table``."""
    with open_table(path, dataset) as file:
        return int(file.metadata.num_rows)


def read_columns(
    path: Path, dataset: str, names: tuple[str, ...], words: Vocabularies
) -> Iterator[dict[str, NDArray[Any]]]:
    """Some columns batch by batch: integers as u32, words as codes into the contract's vocabulary.

    Raises:
        EngineError: IO_READ_FAILED, SCHEMA_INVALID of the dataset's state, also for a null, a number that is no u32
            and a word that the vocabulary does not have.
    """
    contract = datasets()[dataset]
    for batch in batches(path, contract, names):
        found: dict[str, NDArray[Any]] = {}
        for name in names:
            vocabulary = contract.column(name).vocabulary
            values = batch[name]
            if values.null_count:
                raise broken(path, contract, name, f"{values.null_count} nulls")
            if vocabulary is None:
                found[name] = _numbers(path, contract, name, values.to_numpy(zero_copy_only=False))
            else:
                found[name] = _codes(path, contract, name, values, words[vocabulary])
        yield found


def read_whole(path: Path, dataset: str, names: tuple[str, ...], words: Vocabularies) -> dict[str, NDArray[Any]]:
    """Some columns whole; as ``read_columns``."""
    parts = list(read_columns(path, dataset, names, words))
    if not parts:
        contract = datasets()[dataset]
        return {name: np.empty(0, np.uint8 if contract.column(name).vocabulary else np.uint32) for name in names}
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _numbers(path: Path, contract: Dataset, name: str, values: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Ids and counts as u32; what does not fit would turn into another number."""
    if len(values) and (int(values.min()) < 0 or int(values.max()) >= 1 << 32):
        raise broken(path, contract, name, "a number lies outside 0 to 2^32 - 1")
    return values.astype(np.uint32)


def _codes(
    path: Path, contract: Dataset, name: str, values: pa.DictionaryArray, known: tuple[str, ...]
) -> NDArray[np.uint8]:
    listed = values.dictionary.to_pylist()
    unknown = [word for word in listed if word not in known]
    if unknown:
        raise broken(path, contract, name, f"word {unknown[0]!r} is none of its vocabulary")
    place = np.array([known.index(word) for word in listed], dtype=np.uint8)
    codes: NDArray[np.uint8] = place[values.indices.to_numpy(zero_copy_only=False)]
    return codes
