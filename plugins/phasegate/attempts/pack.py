"""The files of an open attempt: what was recorded, and a staging folder that holds that and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from phasegate.attempts.journal import NAME as JOURNAL
from phasegate.attempts.layout import write_file
from phasegate.errors import EvidenceError
from phasegate.evidence.canonical import canonical, parsed
from phasegate.evidence.files import UnreadableError, read_file


class Pack:
    """The artifacts of an attempt, in memory and in its staging folder.

    The bytes in memory count: they are what is scanned, published and listed, whatever happens to the folder.

    Args:
        folder: The staging folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, bytes] = {}

    @property
    def files(self) -> Mapping[str, bytes]:
        """The artifacts by file name, in order of their names."""
        return MappingProxyType(dict(sorted(self._files.items())))

    def put(self, name: str, data: bytes) -> None:
        """Adds an artifact.

        Raises:
            OSError: It cannot be written.
        """
        write_file(self.folder / name, data)
        self._files[name] = data

    def drop(self, name: str) -> None:
        """Takes an artifact away, from the folder too."""
        _remove(self.folder / name)
        self._files.pop(name, None)

    def restore(self, names: Collection[str]) -> None:
        """Takes over what a process that vanished left in the folder, and clears away what it left half done."""
        for path in sorted(self.folder.iterdir()):
            data = _content(path) if path.name in names else None
            if data is not None and _is_canonical(data):
                self._files[path.name] = data
            elif path.name != JOURNAL:
                _remove(path)

    def settle(self) -> list[str]:
        """Puts the folder right where something else changed it.

        Returns:
            What was changed, a fact an item.

        Raises:
            OSError: The folder cannot be put right.
        """
        facts = []
        for name, data in self.files.items():
            path = self.folder / name
            if _content(path) != data:
                facts.append(f"{name} was altered while the attempt was open")
                _remove(path)
                write_file(path, data)
        for path in sorted(self.folder.iterdir()):
            if path.name not in self._files and path.name != JOURNAL:
                if not path.name.startswith("."):  # what a torn write left of ours is no news
                    facts.append(f"{path.name!r} lay in the pack, and the evidence contract does not name it")
                _remove(path)
        return facts


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except UnreadableError:
        return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_canonical(data: bytes) -> bool:
    try:
        return canonical(parsed(data)) == data
    except (ValueError, EvidenceError):
        return False
