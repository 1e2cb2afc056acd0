"""The attempts of one platform, as one process of a session works with them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from phasegate.attempts.attempt import OpenAttempt
from phasegate.attempts.conclusion import ChainEnd, Committed
from phasegate.attempts.gone import Gone
from phasegate.attempts.heads import Heads
from phasegate.attempts.history import AttemptRecord, History, Trusted, defects, invalidation
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.index import write_index
from phasegate.attempts.journal import opening
from phasegate.attempts.layout import STAGING, Layout, explained, locked, replace_file, sync_folder, write_file
from phasegate.attempts.present import Present
from phasegate.attempts.root_id import RootId
from phasegate.attempts.upstream import Chain, UpstreamEvidence
from phasegate.catalog.model import Catalogue, Gate
from phasegate.catalog.waivers import Waiver
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import encodable
from phasegate.evidence.files import entries, is_there, read_file
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.summary import judgement_of, utc
from phasegate.evidence.verify import INVALIDATED
from phasegate.verdict import Finding, judge

_CLOCK_TOLERANCE = timedelta(seconds=5)
_SECOND = timedelta(seconds=1)
_LISTED = "name one that `phasegate runs` lists"


class Workspace:
    """Opens attempts, reads the history, and looks evidence up.

    Args:
        runs_root: The folder under which all evidence lies.
        platform: The platform; evidence lies in a folder of its name.
        catalogue: The catalogue that verdicts are computed from.
        schemas: The schemas that artifacts must fit.
        session_id: Names the session; all its processes use the same.
        clock: Tells the time, in UTC.
        waivers: The project's waivers.
        present: What this session's gates look at; None where no gate is run, and attempts are only listed.
        trusted: Gives the keys that gates trust; without it, who signed an attempt is not looked at.
    """

    def __init__(
        self,
        *,
        runs_root: Path,
        platform: str,
        catalogue: Catalogue,
        schemas: SchemaSet,
        session_id: str,
        clock: Callable[[], datetime],
        waivers: Sequence[Waiver] = (),
        present: Present | None = None,
        trusted: Trusted | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.session_id = session_id
        self.layout = Layout(runs_root, platform, catalogue)
        self.root_id = RootId(self.layout)
        self.history = History(self.layout, catalogue, schemas, self.root_id, trusted)
        self.heads = Heads(self.layout)
        self._schemas = schemas
        self._present = present
        self._clock = clock
        self._waivers = waivers
        self._chain = Chain(self.history, catalogue, Gone(self.layout, self.heads, self.root_id, trusted))

    def waived_now(self) -> frozenset[str]:
        """The blockers that a waiver in force passes."""
        now = self._clock() if self._waivers else None
        return frozenset(waiver.blocker for waiver in self._waivers if now is not None and waiver.holds(now))

    def check_writable(self) -> None:
        """Makes sure that evidence can be written, and its chain be read, before anything is run.

        Raises:
            EvidenceError: It cannot; the folder or file and the remedy are named.
        """
        with explained("write evidence", self.layout.root):
            self.layout.root.mkdir(parents=True, exist_ok=True)
            probe = self.layout.root / f".probe-{uuid.uuid4().hex}"
            probe.write_bytes(b"")
            probe.unlink()
            self.heads.read(self.root_id.ensure())

    def prepare(self, gates: Iterable[Gate]) -> None:
        """Takes what the session's gates look at, and what judges them, before the first of them is run.

        Raises:
            SettingsError: A plugin names the target in no form that a summary could carry, or two contradict.
        """
        self._now.take(gate.id for gate in gates)

    @property
    def _now(self) -> Present:
        if self._present is None:
            raise _refused("no session runs here", str(self.layout.root), "run gates with pytest")
        return self._present

    def open(self, gate: Gate) -> OpenAttempt:
        """Opens an attempt of a gate under an id that no other attempt has or will have.

        Raises:
            EvidenceError: Its folder cannot be made.
        """
        now = self._clock()
        with explained("open an attempt", self.layout.phase(gate.phase)):
            self.root_id.ensure()
            execution_id = self._reserve(gate, now)
            session = self.layout.session(self.session_id)
            session.mkdir(parents=True, exist_ok=True)
            (session / str(execution_id)).write_bytes(b"")
            ahead = execution_id.time - now.replace(microsecond=0)
            note = None
            if ahead > _CLOCK_TOLERANCE:
                behind = int(ahead.total_seconds())
                note = f"the clock is {behind} s behind the gate's newest attempt; the id was moved past it"
            attempt = self._attempt(gate, execution_id, note)
            attempt.journal.append(
                opening(gate=gate.id, session=self.session_id, target=self._now.target, clock_note=note)
            )
        return attempt

    def adopt(self, execution_id: str) -> OpenAttempt:
        """Takes over the staging folder of a process that vanished.

        Raises:
            EvidenceError: There is none of that name.
        """
        parsed = ExecutionId.parse(execution_id)
        gate = self._gate_of(parsed)
        if parsed is None or gate is None or not self.layout.staging(parsed).is_dir():
            remedy = "name one that `phasegate runs` lists as running or abandoned"
            raise _refused("is no open attempt", execution_id, remedy)
        attempt = self._attempt(gate, parsed, None)
        attempt.restore()
        return attempt

    def collect_session(self, own: Sequence[Committed], adopt: Callable[[str], Committed]) -> list[Committed]:
        """Every attempt that the session's processes opened, committed; those of lost processes are adopted.

        Args:
            own: What this process committed itself.
            adopt: Commits the staging folder of a lost process.

        Returns:
            The attempts in chain order.
        """
        folder = self.layout.session(self.session_id)
        known = {committed.execution_id: committed for committed in own}
        for name in [entry.name for entry in entries(folder)]:
            parsed = ExecutionId.parse(name)
            gate = self._gate_of(parsed)
            if parsed is None or gate is None or name in known:
                continue
            if self.layout.attempt(parsed).is_dir():
                known[name] = self._revive(parsed, gate)
            elif self.layout.staging(parsed).is_dir():
                known[name] = adopt(name)
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        rank = {gate_id: position for position, gate_id in enumerate(self.catalogue.gates)}
        return sorted(known.values(), key=lambda item: (rank[item.judgement.gate.id], item.execution_id))

    def upstream(self, gate_id: str) -> UpstreamEvidence:
        """The authoritative evidence of a gate; never raises for bad evidence.

        Raises:
            EvidenceError: The catalogue does not know the gate.
        """
        if gate_id not in self.catalogue.gates and gate_id not in self.catalogue.external:
            raise EvidenceError(Problem("is not in the catalogue", gate_id, "name a gate of the catalogue"))
        return self._chain.evidence(gate_id, self._now)

    def evidence(self, gate_id: str, present: Present) -> UpstreamEvidence:
        """The authoritative evidence of a gate, held against what a caller outside of a session knows to stand now."""
        return self._chain.evidence(gate_id, present)

    def evidence_for(self, gate: Gate, upstream: str) -> UpstreamEvidence:
        """The evidence of an upstream gate, held against what a gate requires of it."""
        edge = next((edge for edge in gate.upstream if edge.gate == upstream), None)
        return self.upstream(upstream) if edge is None else self._chain.of_edge(edge, self._now)

    def attempts(self, phase: str | None = None) -> list[AttemptRecord]:
        """Every attempt, by phase and id; what is sound itself but rests on what is not, or not any more, is marked so.

        Attempts are held against one another here, and not against what stands now outside of them.
        """
        return [
            self._in_the_chain(record) if record.authoritative else record for record in self.history.attempts(phase)
        ]

    def _in_the_chain(self, record: AttemptRecord) -> AttemptRecord:
        broken, changed = self._chain.standing(self.history.pack(record.path))
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

    def _reserve(self, gate: Gate, now: datetime) -> ExecutionId:
        phase = self.layout.phase(gate.phase)
        staging = phase / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        candidate = ExecutionId.of(gate, now)
        taken = [
            parsed.time
            for folder in (phase, staging)
            for entry in entries(folder)
            if (parsed := ExecutionId.parse(entry.name)) is not None and parsed.prefix == gate.prefix
        ]
        try:
            if taken and candidate.time <= max(taken):
                candidate = ExecutionId.of(gate, max(taken) + _SECOND)
            while True:
                with suppress(FileExistsError):
                    self.layout.staging(candidate).mkdir()
                    if not self.layout.attempt(candidate).exists():
                        return candidate
                    self.layout.staging(candidate).rmdir()
                candidate = ExecutionId.of(gate, candidate.time + _SECOND)
        except OverflowError as error:
            remedy = "remove the attempt of the year 9999, which stands at the end of time"
            raise _refused("no second is left after the gate's newest attempt", str(phase), remedy) from error

    def _revive(self, execution_id: ExecutionId, gate: Gate) -> Committed:
        """What another process of the session committed, read back from its pack; altered since, it is blocked."""
        path = self.layout.attempt(execution_id)
        pack = self.history.pack(path)
        if pack.problems:
            altered = Finding(gate.codes.evidence, "", "EVIDENCE", f"its pack does not verify: {defects(pack)}")
            return Committed(path.name, judge(gate, {}, [altered]), path, None)
        uris = [row["uri"] for row in pack.summary["artifacts"] if row["read_back"]]
        unpublished = any(detail["state"] in {"PUBLISH", "LEAK"} for detail in pack.summary["blocker_details"])
        uri = uris[0].rpartition("/")[0] + "/" if uris and not unpublished else None
        return Committed(path.name, judgement_of(gate, pack.summary), path, uri)

    def _gate_of(self, execution_id: ExecutionId | None) -> Gate | None:
        prefix = execution_id.prefix if execution_id is not None else None
        return next((gate for gate in self.catalogue.gates.values() if gate.prefix == prefix), None)

    def _attempt(self, gate: Gate, execution_id: ExecutionId, note: str | None) -> OpenAttempt:
        return OpenAttempt(
            gate=gate,
            execution_id=execution_id,
            end=ChainEnd(self.layout, self.root_id, self.heads, self.catalogue.closes_phase(gate)),
            chain=self._chain,
            schemas=self._schemas,
            present=self._now,
            catalogue_sha256=self.catalogue.sha256,
            waivers=self._waivers,
            clock=self._clock,
            clock_note=note,
        )


def _refused(fact: str, place: str, remedy: str) -> EvidenceError:
    return EvidenceError(Problem(fact, place, remedy))


def _one_line(text: str) -> str:
    """A text of one line that no terminal takes for a command."""
    return "".join(character for character in encodable(" ".join(text.split())) if character.isprintable())
