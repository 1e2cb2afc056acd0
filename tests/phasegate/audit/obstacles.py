"""What can stand in the place of evidence and is none: things to wait for, to run out of memory at, or closed doors."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

HUGE: Final = 1 << 40
"""A terabyte: as a sparse file it takes no room, and no memory holds it."""
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_CAPABILITIES_V3 = 0x20080522


class Hung(BaseException):
    """A verification that did not end in its time; nothing that catches errors takes it for one."""


def _socket(path: Path) -> None:
    """A socket; its own path is short, for a system takes no long one."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(HUGE)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


OBSTACLES: Final[dict[str, Callable[[Path], None]]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "terabyte": _huge,
    "folder": Path.mkdir,
    "link loop": _loop,
    "link to a device": _device,
}
NO_FOLDERS: Final = {name: put for name, put in OBSTACLES.items() if name != "folder"}


def obstruct(path: Path, kind: str) -> None:
    """Puts an obstacle in the place of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    OBSTACLES[kind](path)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends what takes longer, also where it waits for a pipe.

    Raises:
        Hung: It took longer.
    """

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def held_to_permissions() -> Iterator[None]:
    """Holds this thread to the permissions of files, as anybody but root is."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    kept = (ctypes.c_uint32 * 6)()
    if libc.capget(header, kept) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    held = (ctypes.c_uint32 * 6)(*kept)
    held[0] &= ~((1 << _DAC_OVERRIDE) | (1 << _DAC_READ_SEARCH))
    if libc.capset(header, held) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        libc.capset(header, kept)


@contextmanager
def closed(folder: Path, mode: int) -> Iterator[None]:
    """Takes permissions of a folder or file away from everybody, for as long as it lasts."""
    before = folder.stat().st_mode
    folder.chmod(mode)
    try:
        with held_to_permissions():
            yield
    finally:
        folder.chmod(before)
