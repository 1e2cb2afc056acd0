"""Writing whole files: aside, made durable, renamed; and the errors of a disk that will not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import EngineError


@contextmanager
def writing(state: str, place: Path) -> Iterator[None]:
    """Turn a failure of the disk into the state's error.

    Raises:
        EngineError: IO_WRITE_FAILED of the state.
    """
    try:
        yield
    except OSError as error:
        raise EngineError(
            code=f"6A.{state}.IO_WRITE_FAILED",
            reason="write_failed",
            fact=f"what the state made cannot be written: {error.strerror or error}",
            place=str(error.filename or place),
            remedy="make room or grant the right to write, then run the same command again",
        ) from error


@contextmanager
def reading(state: str, place: Path) -> Iterator[None]:
    """Turn a missing or broken small file, and rows that lack what they owe, into the state's error.

    Raises:
        EngineError: IO_READ_FAILED of the state.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            code=f"6A.{state}.IO_READ_FAILED",
            reason="file_unreadable",
            fact=f"a file of the run is missing or unreadable: {type(error).__name__}: {error}",
            place=str(place),
            remedy="the run is damaged: start one of its own",
        ) from error


def read_json(text: str | bytes) -> Any:
    """The value that JSON text is.

    Raises:
        ValueError: It is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def durable(path: Path) -> None:
    """Make a written file or folder survive a crash of the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durable(path: Path, raw: bytes) -> None:
    """Write a file whose name a crash may lose, but not its bytes."""
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, raw: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_durable(aside, raw)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    durable(path.parent)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_bytes(tree: object) -> bytes:
    """Sorted keys, ASCII, one line feed at the end."""
    return (json.dumps(tree, sort_keys=True, indent=2, ensure_ascii=True) + "\n").encode()


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    """One compact ASCII object a line, keys sorted."""
    return "".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows).encode()
