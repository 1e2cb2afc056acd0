"""Registries on disk: read whole within a limit, written beside and moved into place."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

from infra.errors import RegistryError
from infra.handles.registry import Registry, parse

MAX_BYTES = 16 * 1024 * 1024
"""The largest file that is read; dev_full's registry has some twenty-four kilobytes."""


def load(path: Path) -> Registry:
    """Read a registry file; its `source` is the file's name.

    Raises:
        RegistryError: It is missing, no regular file, unreadable, too large, or not UTF-8.
    """
    return parse(read_text(path), path.name)


def read_text(path: Path) -> str:
    """The text of a registry file with its line endings and byte order mark as they are.

    Raises:
        RegistryError: It is missing, no regular file, unreadable, too large, or not UTF-8.
    """
    data = _read_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RegistryError(
            f"is not UTF-8: {error.reason} at byte {error.start}", f"{path}:{line}", "save the file as UTF-8"
        ) from error


def write_copy(text: str, out: Path, *, original: Path, replace: bool = False) -> None:
    """Write a registry's text to a file of its own: whole or not at all, and never over the original.

    Args:
        text: The document; its line endings are written as they are.
        out: The new file.
        original: The file that the text comes from.
        replace: Whether a file that stands at `out` already may be replaced.

    Raises:
        RegistryError: `out` is the original, by whatever name, or exists and may not be replaced, or cannot be
            written.
    """
    if out.exists():
        if original.exists() and out.samefile(original):
            raise RegistryError(
                "is the registry itself, which a repin never touches", str(out), "name another file for the copy"
            )
        if not replace:
            raise RegistryError("exists already", str(out), "name a new file, or say that it may be replaced")
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            aside.write_bytes(text.encode("utf-8"))
            aside.replace(out)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise RegistryError(
            f"cannot be written: {error.strerror or error}", str(out), "name a writable place with room for it"
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a directory, or a pipe that would never end
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise RegistryError(f"is {kind}", str(path), "name the registry's Markdown file")
        if status.st_size <= MAX_BYTES:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) <= MAX_BYTES:
                return data
    except FileNotFoundError as error:
        raise RegistryError(
            "does not exist", str(path), "name the registry's file, or set registry in [tool.phasegate]"
        ) from error
    except OSError as error:
        raise RegistryError(
            f"cannot be read: {error.strerror or error}", str(path), "make the file readable"
        ) from error
    raise RegistryError(
        f"is too large for a registry: more than {MAX_BYTES // 1024**2} MiB",
        str(path),
        "name the registry's Markdown file; this is probably another one",
    )
