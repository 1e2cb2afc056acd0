"""The attempts of one session while they grow: opened under ids of their own, or taken over from lost processes."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from phasegate.attempts.archive import Archive
from phasegate.attempts.attempt import OpenAttempt
from phasegate.attempts.conclusion import Committed
from phasegate.attempts.history import defects
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.journal import opening
from phasegate.attempts.layout import STAGING, explained
from phasegate.attempts.present import Present
from phasegate.attempts.services import Services
from phasegate.attempts.upstream import UpstreamEvidence
from phasegate.catalog.model import Gate
from phasegate.catalog.waivers import Waiver
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.files import entries
from phasegate.evidence.summary import judgement_of
from phasegate.verdict import Finding, judge

_CLOCK_TOLERANCE = timedelta(seconds=5)
_SECOND = timedelta(seconds=1)


class Staging:
    """Opens attempts, and looks up what they rest on, as one process of a session does.

    Args:
        archive: Where they are committed to.
        services: What attempts need of the session.
        session_id: Names the session; all its processes use the same.
        present: What this session's gates look at.
        waivers: The project's waivers.

    Attributes:
        archive: The archive.
        session_id: The session.
    """

    def __init__(
        self,
        archive: Archive,
        services: Services,
        *,
        session_id: str,
        present: Present,
        waivers: Sequence[Waiver] = (),
    ) -> None:
        self.archive = archive
        self.session_id = session_id
        self._services = services
        self._present = present
        self._waivers = waivers

    def waived_now(self) -> frozenset[str]:
        """The blockers that a waiver in force passes."""
        now = self._services.now() if self._waivers else None
        return frozenset(waiver.blocker for waiver in self._waivers if now is not None and waiver.holds(now))

    def check_writable(self) -> None:
        """Makes sure that evidence can be written, and its chain be read, before anything is run.

        Raises:
            EvidenceError: It cannot; the folder or file and the remedy are named.
        """
        with explained("write evidence", self.archive.layout.root):
            self.archive.layout.root.mkdir(parents=True, exist_ok=True)
            probe = self.archive.layout.root / f".probe-{uuid.uuid4().hex}"
            probe.write_bytes(b"")
            probe.unlink()
            self.archive.heads.read(self.archive.root_id.ensure())

    def prepare(self, gates: Iterable[Gate]) -> None:
        """Takes what the session's gates look at, and what judges them, before the first of them is run.

        Raises:
            SettingsError: A plugin names the target in no form that a summary could carry, or two contradict.
        """
        self._present.take(gate.id for gate in gates)

    def open(self, gate: Gate) -> OpenAttempt:
        """Opens an attempt of a gate under an id that no other attempt has or will have.

        Raises:
            EvidenceError: Its folder cannot be made.
        """
        now = self._services.now()
        with explained("open an attempt", self.archive.layout.phase(gate.phase)):
            self.archive.root_id.ensure()
            execution_id = self._reserve(gate, now)
            session = self.archive.layout.session(self.session_id)
            session.mkdir(parents=True, exist_ok=True)
            (session / str(execution_id)).write_bytes(b"")
            ahead = execution_id.time - now.replace(microsecond=0)
            note = None
            if ahead > _CLOCK_TOLERANCE:
                behind = int(ahead.total_seconds())
                note = f"the clock is {behind} s behind the gate's newest attempt; the id was moved past it"
            attempt = self._attempt(gate, execution_id, note)
            attempt.journal.append(
                opening(gate=gate.id, session=self.session_id, target=self._present.target, clock_note=note)
            )
        return attempt

    def adopt(self, execution_id: str) -> OpenAttempt:
        """Takes over the staging folder of a process that vanished.

        Raises:
            EvidenceError: There is none of that name.
        """
        parsed = ExecutionId.parse(execution_id)
        gate = self._gate_of(parsed)
        if parsed is None or gate is None or not self.archive.layout.staging(parsed).is_dir():
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
        folder = self.archive.layout.session(self.session_id)
        known = {committed.execution_id: committed for committed in own}
        for name in [entry.name for entry in entries(folder)]:
            parsed = ExecutionId.parse(name)
            gate = self._gate_of(parsed)
            if parsed is None or gate is None or name in known:
                continue
            if self.archive.layout.attempt(parsed).is_dir():
                known[name] = self._revive(parsed, gate)
            elif self.archive.layout.staging(parsed).is_dir():
                known[name] = adopt(name)
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        rank = {gate_id: position for position, gate_id in enumerate(self.archive.catalogue.gates)}
        return sorted(known.values(), key=lambda item: (rank[item.judgement.gate.id], item.execution_id))

    def upstream(self, gate_id: str) -> UpstreamEvidence:
        """The authoritative evidence of a gate; never raises for bad evidence.

        Raises:
            EvidenceError: The catalogue does not know the gate.
        """
        if gate_id not in self.archive.catalogue.gates and gate_id not in self.archive.catalogue.external:
            raise EvidenceError(Problem("is not in the catalogue", gate_id, "name a gate of the catalogue"))
        return self.archive.chain.evidence(gate_id, self._present)

    def evidence_for(self, gate: Gate, upstream: str) -> UpstreamEvidence:
        """The evidence of an upstream gate, held against what a gate requires of it."""
        edge = next((edge for edge in gate.upstream if edge.gate == upstream), None)
        return self.upstream(upstream) if edge is None else self.archive.chain.of_edge(edge, self._present)

    def _reserve(self, gate: Gate, now: datetime) -> ExecutionId:
        phase = self.archive.layout.phase(gate.phase)
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
                    self.archive.layout.staging(candidate).mkdir()
                    if not self.archive.layout.attempt(candidate).exists():
                        return candidate
                    self.archive.layout.staging(candidate).rmdir()
                candidate = ExecutionId.of(gate, candidate.time + _SECOND)
        except OverflowError as error:
            remedy = "remove the attempt of the year 9999, which stands at the end of time"
            raise _refused("no second is left after the gate's newest attempt", str(phase), remedy) from error

    def _revive(self, execution_id: ExecutionId, gate: Gate) -> Committed:
        """What another process of the session committed, read back from its pack; altered since, it is blocked."""
        path = self.archive.layout.attempt(execution_id)
        pack = self.archive.history.pack(path)
        if pack.problems:
            altered = Finding(gate.codes.evidence, "", "EVIDENCE", f"its pack does not verify: {defects(pack)}")
            return Committed(path.name, judge(gate, {}, [altered]), path, None)
        uris = [row.uri for row in pack.summary.artifacts if row.read_back and row.uri]
        unpublished = any(detail.state in {"PUBLISH", "LEAK"} for detail in pack.summary.blocker_details)
        uri = uris[0].rpartition("/")[0] + "/" if uris and not unpublished else None
        return Committed(path.name, judgement_of(gate, pack.summary), path, uri)

    def _gate_of(self, execution_id: ExecutionId | None) -> Gate | None:
        prefix = execution_id.prefix if execution_id is not None else None
        return next((gate for gate in self.archive.catalogue.gates.values() if gate.prefix == prefix), None)

    def _attempt(self, gate: Gate, execution_id: ExecutionId, note: str | None) -> OpenAttempt:
        return OpenAttempt(
            gate,
            execution_id,
            self.archive,
            services=self._services,
            present=self._present,
            waivers=self._waivers,
            clock_note=note,
        )


def _refused(fact: str, place: str, remedy: str) -> EvidenceError:
    return EvidenceError(Problem(fact, place, remedy))
