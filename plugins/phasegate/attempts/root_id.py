"""The id of a runs root: random, made with the first attempt, and named by every statement that is signed there.

A signed attempt of another runs root is sound by itself; copied here, it would stand for what was never seen here.
The id tells the two apart. It is no secret and proves nothing alone: what it is held against is signed.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from typing import Final

from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import Layout, sync_folder
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import ATTESTATION, Origin
from phasegate.evidence.files import entries, is_there, read_if_there

NAME: Final = ".root-id"
_ID = re.compile(r"[0-9a-f]{32}")


class RootId:
    """The id of one platform's runs root; read once and kept.

    Args:
        layout: Where attempts lie.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._path = layout.root / NAME
        self._kept: Origin | None = None

    def origin(self) -> Origin | None:
        """What every statement that was made here names; None where no attempt was opened yet.

        Raises:
            EvidenceError: The file of the id cannot be read, or holds none.
        """
        if self._kept is None:
            data = read_if_there(self._path)
            if data is not None:
                self._kept = Origin(self._layout.platform, self._parsed(data))
        return self._kept

    def ensure(self) -> Origin:
        """The same, made where there is none; of several processes at once, one wins and all use its id.

        Raises:
            EvidenceError: The id cannot be read, or it is gone and signed attempts are there.
            OSError: It cannot be written.
        """
        found = self.origin()
        if found is None:
            signed = self._signed()
            found = self.origin()  # by now another process may have made it, and committed an attempt
            if found is None and signed is not None:
                fact = f"the runs root has lost its id, and {signed} names one"
                remedy = f"restore {NAME} from a copy, or begin another runs root with --runs-root"
                raise EvidenceError(Problem(fact, str(self._path), remedy))
        if found is None:
            self._make()
            found = self.origin()
        if found is None:
            raise EvidenceError(Problem("the id of the runs root is gone again", str(self._path), "run the gate again"))
        return found

    def flaw(self) -> str:
        """What is wrong with the file of the id; empty where nothing is."""
        try:
            if self.origin() is None and self._signed() is not None:
                return "the id of the runs root is missing, which every signed attempt names"
        except EvidenceError as error:
            return error.problems[0].fact
        return ""

    def _signed(self) -> str | None:
        """An attempt that carries a signed statement; None where none does."""
        for phase in self._layout.phases():
            for entry in entries(phase):
                if ExecutionId.parse(entry.name) is not None and is_there(entry.path / ATTESTATION):
                    return entry.name
        return None

    def _parsed(self, data: bytes) -> str:
        text = data.decode("ascii", errors="replace")
        found = text.removesuffix("\n")
        if text != f"{found}\n" or _ID.fullmatch(found) is None:
            remedy = "restore it from a copy, or begin another runs root with --runs-root"
            raise EvidenceError(Problem("holds no id of a runs root", str(self._path), remedy))
        return found

    def _make(self) -> None:
        root = self._layout.root
        root.mkdir(parents=True, exist_ok=True)
        aside = root / f".{NAME}.{uuid.uuid4().hex}"
        try:
            with aside.open("xb") as stream:
                stream.write(f"{uuid.uuid4().hex}\n".encode("ascii"))
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # another process was first
                os.link(aside, self._path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(root)
