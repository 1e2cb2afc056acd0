"""A lock between processes, held by the kernel: it falls with its holder, however the holder ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import SubstrateError

POLL_SECONDS = 0.01


@contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold a lock file exclusively.

    Args:
        path: The lock file; made if missing, never removed.
        timeout: Seconds to wait for another holder.

    Raises:
        SubstrateError: The file cannot be made, or another process holds the lock for longer.
    """
    deadline = time.monotonic() + timeout
    try:
        file = path.open("a")
    except OSError as error:
        raise SubstrateError(
            fact=f"the lock file cannot be opened: {error.strerror}",
            place=str(path),
            remedy="make the directory writable, or name another state directory",
        ) from error
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise SubstrateError(
                        fact=f"another process has held the lock for more than {timeout:g} seconds",
                        place=str(path),
                        remedy="wait for the other start to end, or end that process",
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
