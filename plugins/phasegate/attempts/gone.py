"""Attempts that are not there and that something names: removed by a prune, which left a receipt, or by somebody else.

The end of the chain, and each statement in it, names attempts. So the newest word of a gate cannot be taken away in
silence: what came before it would be believed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from phasegate.attempts.heads import FOLDER as HEADS
from phasegate.attempts.heads import Heads
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import Layout
from phasegate.attempts.root_id import RootId
from phasegate.attempts.strays import PRUNED, RECEIPT_NAME
from phasegate.errors import EvidenceError
from phasegate.evidence.attestation import Origin
from phasegate.evidence.dsse import EnvelopeError, opened, unverified
from phasegate.evidence.files import UnreadableError, entries, is_there, read_file, status_of

if TYPE_CHECKING:
    from securesystemslib.signer import Key

RECEIPT_TYPE: Final = "https://pypi.org/project/pytest-phasegate/prune-receipt/v1"

_Stamp = tuple[tuple[Path, int, int, int], ...]


class Gone:
    """The attempts of a runs root that are named and gone; looked for anew where its folders changed.

    Args:
        layout: Where attempts lie.
        heads: The chain that names them.
        root_id: What the runs root is.
        trusted: Gives the keys of which one must have signed a receipt; without it, or where it gives None, who
            signed is not looked at.
    """

    def __init__(
        self, layout: Layout, heads: Heads, root_id: RootId, trusted: Callable[[], Sequence[Key] | None] | None
    ) -> None:
        self._layout = layout
        self._heads = heads
        self._root_id = root_id
        self._trusted = trusted
        self._kept: tuple[_Stamp, list[ExecutionId]] | None = None

    def attempts(self) -> list[ExecutionId]:
        """The attempts that are named, gone, and pruned by nobody; in order of their names.

        Raises:
            EvidenceError: The chain cannot be read.
        """
        stamp = self._stamp()
        if self._kept is None or self._kept[0] != stamp:
            self._kept = stamp, self._look()
        return self._kept[1]

    def _stamp(self) -> _Stamp:
        """What changes whenever an attempt, a noted end or a receipt comes or goes."""
        stamps = []
        for folder in (self._layout.root / HEADS, self._layout.root / PRUNED, *self._layout.phases()):
            try:
                status = status_of(folder)
            except UnreadableError as error:
                if not error.is_missing:
                    raise
            else:
                stamps.append((folder, status.st_ino, status.st_mtime_ns, status.st_ctime_ns))
        return tuple(stamps)

    def _look(self) -> list[ExecutionId]:
        named = map(ExecutionId.parse, sorted(self._heads.all_names()))
        missing = [parsed for parsed in named if parsed is not None and not is_there(self._layout.attempt(parsed))]
        pruned = self._pruned() if missing else set()
        return [parsed for parsed in missing if str(parsed) not in pruned]

    def _pruned(self) -> set[str]:
        """The attempts of which a receipt that can be believed says that they were removed."""
        keys = self._trusted() if self._trusted is not None else None
        found: set[str] = set()
        for path in receipts(self._layout):
            try:
                data = read_file(path)
                statement = unverified(data) if keys is None else opened(data, keys).statement
                found |= (removed_by(statement, self._root_id.origin()) or {}).keys()
            except (EvidenceError, EnvelopeError):
                continue  # it proves nothing
        return found


def receipts(layout: Layout) -> list[Path]:
    """The receipts of what was pruned, in order.

    Raises:
        UnreadableError: Their folder cannot be listed.
    """
    return [entry.path for entry in entries(layout.root / PRUNED) if RECEIPT_NAME.fullmatch(entry.name)]


def removed_by(statement: Mapping[str, Any], origin: Origin | None) -> dict[str, str] | None:
    """The attempts that a receipt says were removed, with the digests of their attestations; empty without one.

    Args:
        statement: What was signed.
        origin: The runs root that it must be of; None where this one has no id.

    Returns:
        None where it is no receipt of this runs root.
    """
    predicate = statement.get("predicate")
    if statement.get("predicateType") != RECEIPT_TYPE or not isinstance(predicate, dict) or origin is None:
        return None
    if Origin(str(predicate.get("platform")), str(predicate.get("runs_root"))) != origin:
        return None
    try:
        unsigned = {str(row["execution_id"]): "" for row in predicate["removed"]}
        return unsigned | {str(row["name"]): str(row["digest"]["sha256"]) for row in statement["subject"]}
    except (KeyError, TypeError):
        return None
