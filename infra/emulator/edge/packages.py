"""Deployment packages on disk: unpacked for the processes that run them, and gone with the last of these."""

from __future__ import annotations

import shutil
import threading
import uuid
import zipfile
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Final

from infra.emulator.edge.functions import Function

MAX_UNPACKED_BYTES: Final = 262_144_000
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 250 MB, unzipped."""


class PackageError(Exception):
    """A deployment package that cannot be unpacked."""


class CodeRoots:
    """The folders that deployed code runs in, one for each package of an account.

    Args:
        folder: Where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: Counter[Path] = Counter()
        self._lock = threading.Lock()

    def acquire(self, function: Function) -> Path:
        """The folder that holds a function's code, for one more process.

        Raises:
            PackageError: Its package cannot be unpacked; nothing of it is left.
        """
        root = self._folder / function.account_id / function.code_sha256
        with self._lock:
            if not self._users[root]:
                _unpack(function.code, root)
            self._users[root] += 1
        return root

    def release(self, root: Path) -> None:
        """Tells that a process has ended; the folder goes with the last of them."""
        with self._lock:
            self._users[root] -= 1
            if not self._users[root]:
                del self._users[root]
                shutil.rmtree(root, ignore_errors=True)


def _unpack(code: bytes, root: Path) -> None:
    aside = root.with_name(f".{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(BytesIO(code)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size >= MAX_UNPACKED_BYTES:
                raise PackageError(f"unzipped size must be smaller than {MAX_UNPACKED_BYTES} bytes, and is {size}")
            aside.mkdir(parents=True)
            archive.extractall(aside)  # reads no more of an entry than the size that it states
        aside.rename(root)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, ValueError, EOFError) as error:
        # An archive can break in as many ways as it has parts: encryption, compression, names, the disk.
        raise PackageError(f"the deployment package cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
