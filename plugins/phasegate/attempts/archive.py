"""The attempts of one platform as they lie in their places: which there are, which count, and taking one back."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from phasegate.attempts.gone import Gone
from phasegate.attempts.heads import Heads
from phasegate.attempts.history import AttemptRecord, History, Trusted, invalidation
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.index import write_index
from phasegate.attempts.layout import Layout, explained, locked, replace_file, sync_folder, write_file
from phasegate.attempts.present import Present
from phasegate.attempts.root_id import RootId
from phasegate.attempts.upstream import Chain, UpstreamEvidence
from phasegate.catalog.model import Catalogue
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import encodable
from phasegate.evidence.files import is_there, read_file
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.summary import utc
from phasegate.evidence.verify import INVALIDATED

_LISTED = "name one that `phasegate runs` lists"


class Archive:
    """Reads the committed attempts of a platform, and keeps what is said of them beside them.

    Args:
        runs_root: The folder under which all evidence lies.
        platform: The platform; evidence lies in a folder of its name.
        catalogue: The catalogue that verdicts are computed from.
        schemas: The schemas that artifacts must fit.
        clock: Tells the time, in UTC.
        trusted: Gives the keys that gates trust; without it, who signed an attempt is not looked at.

    Attributes:
        catalogue: The catalogue.
        schemas: The schemas.
        layout: Where attempts lie.
        root_id: What this runs root is.
        history: The attempts, each verified.
        heads: The ends of the chain of statements.
        chain: What each attempt rests on.
    """

    def __init__(
        self,
        *,
        runs_root: Path,
        platform: str,
        catalogue: Catalogue,
        schemas: SchemaSet,
        clock: Callable[[], datetime],
        trusted: Trusted | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.schemas = schemas
        self.layout = Layout(runs_root, platform, catalogue)
        self.root_id = RootId(self.layout)
        self.history = History(self.layout, catalogue, schemas, self.root_id, trusted)
        self.heads = Heads(self.layout)
        self.chain = Chain(self.history, catalogue, Gone(self.layout, self.heads, self.root_id, trusted))
        self._clock = clock

    def evidence(self, gate_id: str, present: Present) -> UpstreamEvidence:
        """The authoritative evidence of a gate, held against what a caller outside of a session knows to stand now."""
        return self.chain.evidence(gate_id, present)

    def attempts(self, phase: str | None = None) -> list[AttemptRecord]:
        """Every attempt, by phase and id; what is sound itself but rests on what is not, or not any more, is marked so.

        Attempts are held against one another here, and not against what stands now outside of them.
        """
        return [
            self._in_the_chain(record) if record.authoritative else record for record in self.history.attempts(phase)
        ]

    def _in_the_chain(self, record: AttemptRecord) -> AttemptRecord:
        broken, changed = self.chain.standing(self.history.pack(record.path))
        if broken:
            return replace(record, standing=f"unsound: {broken}")
        if changed:
            return replace(record, standing=f"stale: {'; '.join(changed)}", stale=True)
        return record

    def refresh_index(self, phase: str) -> None:
        """Writes the index of a phase anew from its folders.

        Raises:
            EvidenceError: It cannot be written.
        """
        folder = self.layout.phase(phase)
        with explained("write the run index", folder), locked(self.layout.root):
            write_index(folder, self.attempts(phase))

    def invalidate(self, execution_id: str, reason: str, superseded_by: str | None = None) -> Path:
        """Takes an attempt back: it stays as it is and is never authoritative again.

        Returns:
            The marker.

        Raises:
            EvidenceError: There is no such attempt, it is invalidated already, or no reason is given.
        """
        path = self.history.find(execution_id)
        if path is None:
            raise _refused("there is no committed attempt of this name", execution_id, _LISTED)
        if not reason.strip():
            raise _refused("an invalidation needs a reason", execution_id, "say in --reason what made the attempt void")
        if superseded_by is not None:
            self._check_successor(execution_id, superseded_by)
        marker = path / INVALIDATED
        with explained("invalidate the attempt", marker), locked(self.layout.root):
            known = invalidation(path)
            if known is not None:
                raise _refused(f"it is invalidated already: {known}", execution_id, "nothing is left to do")
            lines = [f"reason: {_one_line(reason)}", f"invalidated_at_utc: {utc(self._clock())}"]
            if superseded_by is not None:
                lines.append(f"superseded_by: {superseded_by}")
            replace_file(marker, ("\n".join(lines) + "\n").encode("utf-8"))
        self.refresh_index(path.parent.name)
        return marker

    def install_pack(self, source: Path) -> Path:
        """Copies a pack that was handed over into its place, whole; what is there already stays, and is judged there.

        Raises:
            EvidenceError: The pack is not the one that the catalogue names.
        """
        parsed = ExecutionId.parse(source.name)
        if parsed is None:
            raise EvidenceError(Problem("its folder's name is no execution id", str(source), "rename the folder"))
        pack = self.history.pack(source)
        if pack.problems:
            raise EvidenceError(pack.problems)
        place = self.layout.attempt(parsed)
        with explained("install a pack", place), locked(self.layout.root):
            if is_there(place):
                return place
            place.parent.mkdir(parents=True, exist_ok=True)
            aside = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
            try:
                aside.mkdir()
                for path in sorted(source.iterdir()):
                    write_file(aside / path.name, read_file(path))
                sync_folder(aside)
                aside.rename(place)
            except BaseException:
                shutil.rmtree(aside, ignore_errors=True)
                raise
            sync_folder(place.parent)
        return place

    def _check_successor(self, execution_id: str, superseded_by: str) -> None:
        successor = self.history.find(superseded_by)
        fact = ""
        if successor is None:
            fact = f"superseding attempt {superseded_by} does not exist"
        elif superseded_by == execution_id:
            fact = "an attempt does not supersede itself"
        elif superseded_by.partition("_")[0] != execution_id.partition("_")[0]:
            fact = f"superseding attempt {superseded_by} is of another gate"
        elif (reason := invalidation(successor)) is not None:
            fact = f"superseding attempt {superseded_by} is invalidated itself: {reason}"
        if fact:
            raise _refused(fact, execution_id, "name a committed attempt of the same gate")


def _refused(fact: str, place: str, remedy: str) -> EvidenceError:
    return EvidenceError(Problem(fact, place, remedy))


def _one_line(text: str) -> str:
    """A text of one line that no terminal takes for a command."""
    return "".join(character for character in encodable(" ".join(text.split())) if character.isprintable())
