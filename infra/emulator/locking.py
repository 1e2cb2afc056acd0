"""A lock between processes, held by the kernel: it falls with its holder, however the holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.emulator.state_dir import private_file
from infra.errors import SubstrateError

POLL_SECONDS = 0.01


@contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold a lock file exclusively.

    Args:
        path: The lock file; made if missing. Its holder may remove it: who waited for it makes it anew.
        timeout: Seconds to wait for another holder.

    Raises:
        SubstrateError: The file cannot be made, its file system has no locks, or another process holds the lock for
            longer.
    """
    deadline = time.monotonic() + timeout
    while True:
        with _opened(path) as file:
            _lock(file, path, deadline, timeout)
            if _is_in_place(file, path):
                yield
                return


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(0o700, exist_ok=True)
        return open(path, "a", opener=private_file)
    except OSError as error:
        raise SubstrateError(
            fact=f"the lock file cannot be opened: {error.strerror}",
            place=str(path),
            remedy="make the directory writable, or name another state directory",
        ) from error


def _lock(file: IO[str], path: Path, deadline: float, timeout: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise SubstrateError(
                    fact=f"another process has held the lock for more than {timeout:g} seconds",
                    place=str(path),
                    remedy="wait for the other start to end, or end that process",
                ) from None
            time.sleep(POLL_SECONDS)
        except OSError as error:  # a file system without locks, such as NFS whose lock service is down
            raise SubstrateError(
                fact=f"the lock cannot be taken: {error.strerror or error}",
                place=str(path),
                remedy="name a state directory on a file system with locks; over NFS, start its lock service",
            ) from error
        else:
            return


def _is_in_place(file: IO[str], path: Path) -> bool:
    """Whether the locked file is still the one under its name, and not one that its holder removed."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
