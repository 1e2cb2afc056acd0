"""Reading what lies in a runs root: regular files of bounded size, and folders; nothing else is opened.

Whoever can write a runs root can put a pipe, a device, a link, a file of a terabyte or a closed folder in the place
of anything. A reader here neither waits, nor runs out of memory, nor follows a link: it gets the bytes, or an error
that names what stands there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phasegate.errors import EvidenceError, Problem

MAX_BYTES: Final = 32 * 1024 * 1024
"""The largest file of evidence, in bytes: none is written larger, so none is read that is."""

_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnreadableError(EvidenceError):
    """A file or folder of evidence that cannot be read.

    Attributes:
        fact: Why, in words that follow the name of the file.
        is_missing: Whether nothing stands there at all.
    """

    def __init__(self, path: Path, fact: str, *, is_missing: bool = False) -> None:
        self.fact = fact
        self.is_missing = is_missing
        super().__init__(Problem(fact, str(path), "restore it from a copy, or make it readable"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder.

    Attributes:
        path: Its path.
        status: What the system says of it; of a link itself, not of what it leads to.
    """

    path: Path
    status: os.stat_result

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.name

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, and no link to one."""
        return stat.S_ISREG(self.status.st_mode)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file, without waiting for one that is none and without following a link.

    Raises:
        UnreadableError: It is missing and `flags` do not make it, it is no regular file, or it cannot be opened.
    """
    try:
        _check_regular(path, status_of(path).st_mode)
    except UnreadableError as error:
        if not (error.is_missing and flags & os.O_CREAT):
            raise
    try:
        # What was put there since must not be waited for either: a pipe opens at once, and a link does not.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnreadableError(path, f"cannot be opened: {error.strerror}") from error
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
    except UnreadableError:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        UnreadableError: It is missing, no regular file, larger than `MAX_BYTES`, or cannot be read.
    """
    descriptor = open_regular(path)
    with os.fdopen(descriptor, "rb") as stream:
        size = os.fstat(descriptor).st_size
        try:
            data = stream.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
        except OSError as error:
            raise UnreadableError(path, f"cannot be read: {error.strerror}") from error
    if max(size, len(data)) > MAX_BYTES:
        raise UnreadableError(path, f"has {max(size, len(data))} bytes, and evidence has {MAX_BYTES} at most")
    return data


def read_if_there(path: Path) -> bytes | None:
    """The bytes of a regular file; None where nothing stands there.

    Raises:
        UnreadableError: Something stands there, and cannot be read.
    """
    try:
        return read_file(path)
    except UnreadableError as error:
        if error.is_missing:
            return None
        raise


def entries(folder: Path) -> list[Entry]:
    """What lies in a folder, in order of the names; nothing where there is no folder.

    Raises:
        UnreadableError: Something else stands there, or it can be listed or searched only in part.
    """
    try:
        status = status_of(folder)
    except UnreadableError as error:
        if error.is_missing:
            return []
        raise
    if not stat.S_ISDIR(status.st_mode):
        raise UnreadableError(folder, f"is {_kind(status.st_mode)}, and no folder")
    found = []
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableError(folder, f"cannot be listed: {error.strerror}") from error
    for path in paths:
        try:
            found.append(Entry(path, path.lstat()))
        except FileNotFoundError:
            continue  # it left in the meantime
        except OSError as error:
            raise UnreadableError(folder, f"cannot be searched: {error.strerror}") from error
    return found


def status_of(path: Path) -> os.stat_result:
    """What the system says of what stands under a name; of a link itself, not of what it leads to.

    Raises:
        UnreadableError: Nothing stands there, or it cannot be looked at.
    """
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableError(path, "is missing", is_missing=True) from error
    except (OSError, ValueError) as error:  # a name may hold what no system takes
        raise UnreadableError(path, f"cannot be looked at: {getattr(error, 'strerror', None) or error}") from error


def is_there(path: Path) -> bool:
    """Whether anything stands under a name: also a link that leads nowhere, or what cannot be looked at."""
    try:
        status_of(path)
    except UnreadableError as error:
        return not error.is_missing
    return True


def is_folder(path: Path) -> bool:
    """Whether a folder stands under a name, or what cannot be looked at: a closed folder above hides nothing."""
    try:
        return stat.S_ISDIR(status_of(path).st_mode)
    except UnreadableError as error:
        return not error.is_missing


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnreadableError(path, f"is {_kind(mode)}, and no regular file")


def _kind(mode: int) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
