"""Remembers a fault that is in force, so that even a killed process leaves word of what it has to undo."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.errors import InfraError


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that was injected and, as far as is known, not taken back.

    Attributes:
        execution_id: The attempt that injected it.
        prestate: The control's value before; None where it had none.
        injected: The value that it was set to.
    """

    execution_id: str
    prestate: int | None
    injected: int


class Ledger:
    """One entry for each control that a drill holds turned.

    Args:
        folder: Where the entries lie; it is made when the first one is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, key: str, fault: OpenFault) -> None:
        """Writes an entry down, on the disk, before the fault is injected.

        Raises:
            InfraError: It cannot be written; nothing may be injected then.
        """
        path = self._path(key)
        entry = {"execution_id": fault.execution_id, "prestate": fault.prestate, "injected": fault.injected}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(".new")
            with aside.open("w", encoding="utf-8") as file:
                json.dump(entry, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:
            raise InfraError(
                f"the drill's ledger cannot be written: {error.strerror}", str(path), "make its folder writable"
            ) from error

    def close(self, key: str) -> None:
        """Strikes an entry out, once what it names is undone and read back."""
        self._path(key).unlink(missing_ok=True)

    def pending(self, key: str) -> OpenFault | None:
        """The entry of a control, left by an attempt that did not come to its rollback.

        Raises:
            InfraError: There is one, and it cannot be read.
        """
        path = self._path(key)
        try:
            entry: Any = json.loads(path.read_text(encoding="utf-8"))
            prestate = entry["prestate"]
            return OpenFault(
                str(entry["execution_id"]), None if prestate is None else int(prestate), int(entry["injected"])
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InfraError(
                f"what an earlier drill left open cannot be read: {error}",
                str(path),
                "restore the control by hand, then remove the file",
            ) from error

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"
