"""Where attempts lie under the runs root, and how a folder or file is written so that a kill cannot tear it."""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from phasegate.attempts.ids import ExecutionId
from phasegate.catalog.grammar import is_numbered_phase, likely_phase
from phasegate.catalog.model import Catalogue
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.files import entries, open_regular

LOCK: Final = ".lock"
SESSIONS: Final = ".sessions"
STAGING: Final = ".staging"

_REMEDIES = {
    errno.ENOSPC: "free space on the disk, then run the gate again",
    errno.EDQUOT: "free space in the quota, then run the gate again",
    errno.EROFS: "choose a writable folder with --runs-root",
    errno.EACCES: "make the folder writable, or choose another with --runs-root",
    errno.EPERM: "make the folder writable, or choose another with --runs-root",
    errno.ENOTDIR: "remove the file that stands where the folder should be, or choose another --runs-root",
    errno.ENOENT: "name with --runs-root a folder in which folders can be made",
    errno.ENAMETOOLONG: "choose a shorter path with --runs-root",
    errno.ELOOP: "remove the links that lead in a circle, or choose another --runs-root",
    errno.ENOLCK: "put the runs root on a file system that has locks",
    errno.EEXIST: "remove the file that stands where the folder should be, or choose another --runs-root",
}
_OTHERWISE = "choose another folder with --runs-root, on a disk that works"


class Layout:
    """The folders of one platform's evidence.

    Args:
        runs_root: The folder under which all evidence lies.
        platform: The platform.
        catalogue: Says of which phase a gate is; without it the prefixes of gates say it, as far as they can.

    Attributes:
        root: `<runs root>/<platform>`.
        platform: The platform.

    Raises:
        EvidenceError: The system cannot look at the runs root.
    """

    def __init__(self, runs_root: Path, platform: str, catalogue: Catalogue | None = None) -> None:
        root = runs_root / platform
        with explained("look at the runs root", root):
            self.root = root.resolve() if root.is_symlink() else root
        self.platform = platform
        self._phase_of_prefix = dict(catalogue.phase_of_prefix) if catalogue is not None else {}

    def phase_of(self, execution_id: ExecutionId) -> str:
        """The phase of an attempt, such as `m4`; of a gate that is not catalogued, as its prefix reads."""
        prefix = execution_id.prefix
        return self._phase_of_prefix.get(prefix) or likely_phase(prefix)

    def is_phase(self, name: str) -> bool:
        """Whether a folder's name is that of a phase."""
        return name in self._phase_of_prefix.values() or is_numbered_phase(name)

    def phase(self, phase: str) -> Path:
        """The folder of a phase, such as `m4` (any case)."""
        return self.root / phase.lower()

    def attempt(self, execution_id: ExecutionId) -> Path:
        """Where a committed attempt lies."""
        return self.phase(self.phase_of(execution_id)) / str(execution_id)

    def staging(self, execution_id: ExecutionId) -> Path:
        """Where an attempt grows until it is committed."""
        return self.phase(self.phase_of(execution_id)) / STAGING / str(execution_id)

    def session(self, session_id: str) -> Path:
        """Where the processes of a session note the attempts that they opened."""
        return self.root / SESSIONS / session_id

    def phases(self) -> list[Path]:
        """The phase folders that exist, in order.

        Raises:
            UnreadableError: The platform's folder cannot be listed.
        """
        return [entry.path for entry in entries(self.root) if entry.is_folder and not entry.name.startswith(".")]


@contextmanager
def explained(what: str, place: Path) -> Iterator[None]:
    """Turns an OSError into an error that names the fact, the place and the remedy."""
    try:
        yield
    except EvidenceError:
        raise
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, _OTHERWISE)
        raise EvidenceError(Problem(f"cannot {what}: {error.strerror or error}", str(place), remedy)) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder against every other process that asks for it.

    Raises:
        OSError: The lock is no regular file, or the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = open_regular(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes) -> None:
    """Writes a file whole: readers, and who comes after a kill, see what was there before or the new bytes.

    The bytes are on the disk when it returns; that the name is too takes `sync_folder`.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file whole and has its name on the disk, too, when it returns."""
    write_file(path, data)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Has a folder's entries on the disk when it returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
