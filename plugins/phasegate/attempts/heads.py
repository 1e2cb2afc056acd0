"""Which committed attempts no later one names yet: the ends of the chain of attestations.

Each attempt's signed statement names the ends that it found, so that no attempt can disappear unnoticed once there is
a later one. A statement is made and its attempt moved into place under one lock, so that no two follow the same one:
a branch of the chain was made elsewhere and brought here. The ends are kept as empty files, and are found anew from
the statements where those are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import Layout
from phasegate.evidence.attestation import ATTESTATION, Origin, Predecessor, origin_of, previous_of
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import EnvelopeError, unverified
from phasegate.evidence.files import UnreadableError, entries, read_file, status_of

FOLDER = ".heads"


@dataclass(frozen=True, slots=True)
class _Statement:
    """What the chain needs to know of a statement, while the file that it was read from stays what it was."""

    stamp: tuple[int, ...]
    own: Predecessor
    named: tuple[Predecessor, ...]
    origin: Origin | None


class Heads:
    """The ends of the chain of one platform; a statement is read once and kept while its file does not change.

    Args:
        layout: Where attempts lie.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.root / FOLDER
        self._statements: dict[str, _Statement] = {}

    def read(self, origin: Origin | None = None) -> list[Predecessor]:
        """The ends, sorted, from the statements of all attempts that are there.

        Args:
            origin: Where attempts must have been made; what says that it was made elsewhere is passed over, so that
                no attempt ever follows what was brought here.

        Raises:
            OSError: A folder or a statement cannot be read: which attempts end the chain is unknown then.
        """
        attempts: dict[str, Predecessor] = {}
        named: set[str] = set()
        for found in self._all():
            if None in {origin, found.origin} or found.origin == origin:
                attempts[found.own.execution_id] = found.own
                named |= {item.execution_id for item in found.named}
        return sorted(item for name, item in attempts.items() if name not in named)

    def all_names(self) -> set[str]:
        """The attempts that the kept ends or any statement name, whether they are there or not.

        Raises:
            UnreadableError: A folder or a statement cannot be read.
        """
        return {*self.names(), *(item.execution_id for found in self._all() for item in found.named)}

    def names(self) -> list[str]:
        """The ends as they are kept, whether their attempts are there or not.

        Raises:
            UnreadableError: The folder cannot be listed.
        """
        return [entry.name for entry in entries(self._folder) if ExecutionId.parse(entry.name) is not None]

    def advance(self, execution_id: str, named: Iterable[Predecessor]) -> None:
        """Makes an attempt an end, and those that it names none any more.

        Raises:
            OSError: The folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / execution_id).touch()
        for item in named:
            with suppress(FileNotFoundError):
                (self._folder / item.execution_id).unlink()

    def renew(self, gone: Iterable[str]) -> None:
        """Notes the ends anew after attempts were removed: what they named alone ends the chain again.

        Raises:
            OSError: The folder cannot be written, or one cannot be read.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for item in self.read():
            (self._folder / item.execution_id).touch()
        for name in gone:
            (self._folder / name).unlink(missing_ok=True)

    def attested(self, name: str) -> Predecessor | None:
        """A committed attempt with the digest of its attestation; None where it has none."""
        found = self._statement(name)
        return found.own if found is not None else None

    def _all(self) -> Iterator[_Statement]:
        """The statements of all attempts that are there and have one."""
        for folder in self._layout.phases():
            for entry in entries(folder):
                found = self._statement(entry.name)
                if found is not None:
                    yield found

    def _statement(self, name: str) -> _Statement | None:
        parsed = ExecutionId.parse(name)
        if parsed is None:
            return None
        path = self._layout.attempt(parsed) / ATTESTATION
        kept = self._statements.get(name)
        try:
            status = status_of(path)
            # The time of the last change of the file's own entry is there because no hand can set it back.
            stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if kept is None or kept.stamp != stamp:
                data = read_file(path)
                kept = _Statement(stamp, Predecessor(name, sha256(data)), *_named_by(data))
                self._statements[name] = kept
        except UnreadableError as error:
            if error.is_missing:
                return None
            raise
        return kept


def _named_by(data: bytes) -> tuple[tuple[Predecessor, ...], Origin | None]:
    """The attempts that an attestation names, and where it was made; neither where it cannot be read."""
    try:
        statement = unverified(data)
    except EnvelopeError:
        return (), None
    return previous_of(statement), origin_of(statement)
