"""The state directory: the user's alone, and empty again once its substrate is put down."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path
from typing import Final

from infra.emulator.record import LOCK_FILE, LOG_FILE, STATE_FILE
from infra.errors import SubstrateError

FUNCTIONS_FOLDER: Final = "functions"
"""Where deployment packages are unpacked, and what runs them."""
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600

_OF_OTHERS: Final = 0o077
_WORLD_LOCK: Final = "world-*.lock"
_WORLD: Final = re.compile(r"[0-9]{12}")


def make_private(state_dir: Path) -> None:
    """Makes a state directory that nobody else can look into, or narrows the one that is there.

    Args:
        state_dir: The directory; its parents are made too.

    Raises:
        SubstrateError: It cannot be made, or is a folder of something else that others can look into.
    """
    try:
        state_dir.parent.mkdir(parents=True, exist_ok=True)
        state_dir.mkdir(PRIVATE_FOLDER, exist_ok=True)
        if not stat.S_IMODE(state_dir.stat().st_mode) & _OF_OTHERS:
            return
        names = {entry.name for entry in state_dir.iterdir()}
        if names and not names & {STATE_FILE, LOCK_FILE}:
            raise SubstrateError(
                fact="other users can look into the state directory, and it holds what is not a substrate's",
                place=str(state_dir),
                remedy=f"name a folder of its own, or make this one private: chmod 700 {state_dir}",
            )
        state_dir.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise SubstrateError(
            fact=f"the state directory cannot be made: {error.strerror}",
            place=str(state_dir),
            remedy="make its parent writable, or name another state directory",
        ) from error


def private_file(path: str, flags: int) -> int:
    """Opens a file of the user's alone, whatever it was before; for `open`."""
    descriptor = os.open(path, flags, PRIVATE_FILE)
    os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def clean(state_dir: Path) -> None:
    """Removes what a substrate that has ended left in its state directory, and the directory if nothing else is in it.

    Call it with the lock of the directory held.

    Raises:
        SubstrateError: Something cannot be removed.
    """
    try:
        if (functions := state_dir / FUNCTIONS_FOLDER).is_dir():
            shutil.rmtree(functions)
        for world in state_dir.iterdir():
            if _WORLD.fullmatch(world.name) and world.is_dir():
                for registry in world.glob("*.md"):
                    registry.unlink()
                _remove_if_empty(world)
        for pattern in (f"{STATE_FILE}*", f"{LOG_FILE}*", _WORLD_LOCK, LOCK_FILE):
            for file in state_dir.glob(pattern):
                file.unlink(missing_ok=True)
        _remove_if_empty(state_dir)
    except OSError as error:
        raise SubstrateError(
            fact=f"what the substrate left cannot be removed: {error.strerror}",
            place=str(error.filename or state_dir),
            remedy="remove the folder by hand",
        ) from error


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
