"""Tables on disk: parts become Parquet on a thread of their own, and every column gets a digest of its values.

The digest of a dataset is over values, not bytes of a file: integers as u32 little-endian, words as the index into
the sorted vocabulary, constants once. It does not depend on row groups, compression, parts or threads, and
``value_digest`` finds it again from the file alone.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.contracts import WORLD_KEY, Dataset, Vocabularies, arrow_schema, batch_problems, datasets
from engine.contracts.reading import read_columns
from engine.contracts.schema import PROBE_ROWS, broken
from engine.files import durable, file_digest, writing
from engine.identity import WorldKey
from engine.states.parts import Part

_WAITING = 4
"""Parts that wait for a writer at most: enough to smooth, few enough to bound memory."""

GROUP_ROWS = 1 << 18
"""Rows of a row group: a column of them fits the cache, and what is allocated once is used again."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A published table.

    Attributes:
        dataset: Dataset id.
        rows: Its rows.
        bytes: Size of the file.
        sha256: Digest of the file, 64 hex digits.
        values_sha256: Digest of its values, 64 hex digits.
    """

    dataset: str
    rows: int
    bytes: int
    sha256: str
    values_sha256: str


def coded(dataset: Dataset) -> tuple[str, ...]:
    """Columns of words that differ from row to row."""
    return tuple(column.name for column in dataset.columns if column.vocabulary and not column.constant)


def numbered(dataset: Dataset) -> tuple[str, ...]:
    """Columns of integers that differ from row to row."""
    return tuple(column.name for column in dataset.columns if column.type == "i64" and not column.always_null)


class ValueDigest:
    """Digest over the values of a dataset, fed with consecutive rows."""

    def __init__(self, dataset: Dataset, words: Vocabularies, world: WorldKey) -> None:
        said = [f"{column.name}={column.constant}" for column in dataset.columns if column.constant]
        if dataset.world_key:
            said += [f"{name}={getattr(world, name)}" for name in WORLD_KEY]
        said += [f"{name}:{','.join(words[str(dataset.column(name).vocabulary)])}" for name in coded(dataset)]
        self._head = "\n".join([dataset.id, *said]).encode()
        self._kinds = {**dict.fromkeys(numbered(dataset), np.uint32), **dict.fromkeys(coded(dataset), np.uint8)}
        self._columns = {name: hashlib.sha256() for name in self._kinds}
        self.rows = 0

    def update(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Take more rows: integers below 2^32, words as codes."""
        for name, kind in self._kinds.items():
            values = np.ascontiguousarray(columns[name], dtype=kind)
            self._columns[name].update(values.data)
        self.rows += len(next(iter(columns.values())))

    def hexdigest(self) -> str:
        """64 hex digits."""
        digest = hashlib.sha256(self._head + f"\nrows={self.rows}\n".encode())
        for name in sorted(self._columns):
            digest.update(f"{name}={self._columns[name].hexdigest()}\n".encode())
        return digest.hexdigest()


class TableWriter:
    """Writes one dataset's parts in order, on a thread of its own unless told otherwise."""

    def __init__(
        self, path: Path, dataset: Dataset, words: Vocabularies, world: WorldKey, *, threaded: bool = True
    ) -> None:
        """Open the file.

        Args:
            path: Where, inside an aside folder.
            dataset: Its contract.
            words: Vocabularies that codes point into.
            world: The world key of its constant columns.
            threaded: False writes in the caller's thread.
        """
        self._path, self._dataset, self._words, self._world = path, dataset, words, world
        self._schema = arrow_schema(dataset)
        self._constants = _constants(dataset, self._schema, world)
        self._digest = ValueDigest(dataset, words, world)
        self._error: BaseException | None = None
        with writing(dataset.state, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pq.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[field.name for field in self._schema if pa.types.is_dictionary(field.type)],
                column_encoding=dict.fromkeys(numbered(dataset), "DELTA_BINARY_PACKED"),
                write_statistics=True,
            )
        self._queue: queue.Queue[Part | None] = queue.Queue(_WAITING)
        self._thread = (
            threading.Thread(target=self._drain, name=f"write {dataset.id}", daemon=True) if threaded else None
        )
        if self._thread is not None:
            self._thread.start()

    def put(self, part: Part) -> None:
        """Hand over the next rows; an error of the thread is raised here or at the end.

        Raises:
            EngineError: SCHEMA_INVALID, IO_WRITE_FAILED of the dataset's state.
        """
        if self._thread is None:
            self._write(part)
            return
        self._raise()
        self._queue.put(part)

    def close(self) -> TableFacts:
        """Finish the file and make it durable.

        Raises:
            EngineError: As ``put``.
        """
        self._join()
        self._raise()
        with writing(self._dataset.state, self._path):
            self._file.close()
            durable(self._path)
            return TableFacts(
                self._dataset.id,
                self._digest.rows,
                self._path.stat().st_size,
                file_digest(self._path),
                self._digest.hexdigest(),
            )

    def abandon(self) -> None:
        """Give up: the thread ends, the file is left to whoever removes the aside folder."""
        self._error = self._error or RuntimeError("abandoned")
        self._join()

    def _join(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _drain(self) -> None:
        while (part := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(part)
                except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self, part: Part) -> None:
        for start in range(0, max(part.rows, 1), GROUP_ROWS):
            columns = {name: values[start : start + GROUP_ROWS] for name, values in part.columns.items()}
            batch = self._batch(columns, min(GROUP_ROWS, part.rows - start))
            if not start:
                self._probe(batch.slice(0, PROBE_ROWS))
            with writing(self._dataset.state, self._path):
                self._file.write_batch(batch)
        self._digest.update(part.columns)

    def _probe(self, head: pa.RecordBatch) -> None:
        problem = next(batch_problems(head, self._dataset, self._words, self._world), None)
        if problem is not None:
            remedy = "a state made rows that its contract refuses: report it with the run's receipt"
            raise broken(self._path, self._dataset, *problem, remedy=remedy)

    def _batch(self, columns: Mapping[str, NDArray[Any]], rows: int) -> pa.RecordBatch:
        arrays = []
        for field in self._schema:
            values = columns.get(field.name)
            if values is None:
                arrays.append(self._constants[field.name].slice(0, rows))
            elif pa.types.is_dictionary(field.type):
                words = self._words[str(self._dataset.column(field.name).vocabulary)]
                arrays.append(pa.DictionaryArray.from_arrays(pa.array(values, pa.uint8()), pa.array(words)))
            else:
                arrays.append(pa.array(values.astype(np.int64)))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _constants(dataset: Dataset, schema: pa.Schema, world: WorldKey) -> dict[str, pa.Array]:
    """A group's rows of every column that holds one value, made once."""
    made: dict[str, pa.Array] = {}
    for field in schema:
        word = getattr(world, field.name, None)
        column = None if field.name in WORLD_KEY else dataset.column(field.name)
        if field.name == "seed":
            made[field.name] = pa.array(np.full(GROUP_ROWS, word, dtype=np.int64))
        elif column is None or column.constant:
            only = str(word) if column is None else str(column.constant)
            codes = pa.array(np.zeros(GROUP_ROWS, dtype=np.uint8))
            made[field.name] = pa.DictionaryArray.from_arrays(codes, pa.array([only]))
        elif column.always_null:
            made[field.name] = pa.nulls(GROUP_ROWS, field.type)
    return made


def value_digest(path: Path, dataset: str, words: Vocabularies, world: WorldKey) -> str:
    """Digest of a table's values, from the file alone.

    Raises:
        EngineError: As ``read_columns``.
    """
    contract = datasets()[dataset]
    digest = ValueDigest(contract, words, world)
    for columns in read_columns(path, dataset, (*numbered(contract), *coded(contract)), words):
        digest.update(columns)
    return digest.hexdigest()
