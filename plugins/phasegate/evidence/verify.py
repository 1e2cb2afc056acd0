"""The verification of one pack: every listed file is there, unaltered, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import (
    ATTESTATION,
    PHASE_ATTESTATION,
    Origin,
    origin_of,
    phase_sha256_of,
    previous_of,
    statement_of,
)
from phasegate.evidence.canonical import canonical, encodable, parsed, sha256
from phasegate.evidence.content import is_intact
from phasegate.evidence.dsse import EnvelopeError, EnvelopeFlaw, opened, unverified
from phasegate.evidence.files import UnreadableError, entries, read_file, read_if_there
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.stated import StatedSummary

if TYPE_CHECKING:
    from securesystemslib.signer import Key

INVALIDATED = "INVALIDATED.txt"
_MARKER = re.compile(
    r"reason: \S.*\n"
    r"invalidated_at_utc: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n"
    r"(?:superseded_by: [a-z0-9_]+_\d{8}T\d{6}Z\n)?"
)


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """A pack as it was found.

    Attributes:
        folder: The pack's folder.
        summary: What its summary says; nothing where it cannot be read.
        sha256: Digest of the summary's bytes; None where it cannot be read.
        problems: Everything that is wrong with the pack.
        credible: Whether the summary itself is sound, so that what it says of its substrate and its completeness
            can be believed even where an artifact was altered.
    """

    folder: Path
    summary: StatedSummary
    sha256: str | None
    problems: tuple[Problem, ...]
    credible: bool = True


@dataclass(frozen=True, slots=True)
class Attested:
    """What a pack that was made here owes: a signed statement about it, made in this runs root.

    Attributes:
        origin: What this runs root is; None where it has no id, so that nothing was made in it.
        keys: The keys of which one must have signed it; None where who signed it is not looked at.
    """

    origin: Origin | None
    keys: Sequence[Key] | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a pack of an earlier phase owes: to be the one that the catalogue names.

    Attributes:
        execution_id: Its name.
        sha256: Digest of its summary.
        artifacts: What its summary must list.
    """

    execution_id: str
    sha256: str
    artifacts: Collection[str]


def verify_pack(
    folder: Path, summary_name: str, owes: Attested | HandedOver, schemas: SchemaSet | None = None
) -> VerifiedPack:
    """Verifies a pack by itself: form of the summary, digests of the artifacts, no file too few or too many.

    Args:
        folder: The pack's folder.
        summary_name: File name of the summary that lists the rest.
        owes: What vouches for the pack.
        schemas: Where given, the summary must fit its schema, and so must the artifacts of a passing attempt; those
            of a blocked one may be what blocks it.
    """
    check = _Check(folder, schemas)
    try:
        names = [entry.name for entry in entries(folder)]
    except UnreadableError as error:
        check.complain("", f"its folder {error.fact}")
        return VerifiedPack(folder, StatedSummary(), None, tuple(check.problems), credible=False)
    try:
        data = read_file(folder / summary_name)
    except UnreadableError as error:
        check.complain(summary_name, f"the summary {error.fact}")
        return VerifiedPack(folder, StatedSummary(), None, tuple(check.problems), credible=False)
    content = _parse(data)
    if not isinstance(content, dict):
        check.complain(summary_name, "the summary is no JSON object")
        return VerifiedPack(folder, StatedSummary(), sha256(data), tuple(check.problems), credible=False)
    listed = check.summary(summary_name, content, data)
    summary = StatedSummary.of(content)
    if isinstance(owes, HandedOver):
        check.pin(summary_name, sha256(data), owes)
    credible = not check.problems
    for name in sorted({*owes.artifacts} - listed.keys() if isinstance(owes, HandedOver) else ()):
        check.complain(name, "the summary does not list this artifact, which the pack owes")
    for name, digest in listed.items():
        check.artifact(name, digest, passing=summary.passed)
    if isinstance(owes, Attested):
        check.attestation(summary_name, summary, sha256(data), owes)
    check.marker()
    known = {summary_name, INVALIDATED, ATTESTATION, PHASE_ATTESTATION, *listed}
    for name in names:
        if name not in known:
            check.complain(name, "the summary does not list this file")
    return VerifiedPack(folder, summary, sha256(data), tuple(check.problems), credible)


class _Check:
    """Collects what is wrong with one pack."""

    def __init__(self, folder: Path, schemas: SchemaSet | None) -> None:
        self.problems: list[Problem] = []
        self._folder = folder
        self._schemas = schemas

    def complain(self, name: str, *facts: str) -> None:
        remedy = "restore the pack from the durable store, or run its gate again"
        place = encodable(str(self._folder / name))
        self.problems.extend(Problem(encodable(fact), place, remedy) for fact in facts)

    def summary(self, name: str, summary: dict[str, Any], data: bytes) -> dict[str, str]:
        """Checks the summary by itself; returns the digests of the artifacts that it lists."""
        if not _is_canonical(summary, data):
            self.complain(name, "the summary is not in canonical form: something else wrote or edited it")
        elif not is_intact(summary, data):
            self.complain(name, "the summary was altered: its content is not what its own digest says")
        if summary.get("phase_execution_id") != self._folder.name:
            self.complain(name, f"the summary is that of {summary.get('phase_execution_id')}, not of this folder")
        self._fit(name, summary)
        listed = _listed(summary)
        if listed is None:
            self.complain(name, "its list of artifacts is malformed")
        return listed or {}

    def pin(self, name: str, digest: str, owes: HandedOver) -> None:
        """Checks that a pack that was handed over is the one that the catalogue names."""
        if self._folder.name != owes.execution_id:
            self.complain(name, f"it is not the pack that the catalogue names, which is {owes.execution_id}")
        elif digest != owes.sha256:
            self.complain(name, f"was altered: its sha256 is {digest}, the catalogue names {owes.sha256}")

    def artifact(self, name: str, digest: str, *, passing: bool) -> None:
        try:
            data = read_file(self._folder / name)
        except UnreadableError as error:
            self.complain(name, f"a listed artifact {error.fact}")
            return
        if sha256(data) != digest:
            self.complain(name, f"was altered: its sha256 is {sha256(data)}, the summary lists {digest}")
        elif passing:
            self._fit(name, _parse(data))

    def attestation(self, summary_name: str, summary: StatedSummary, digest: str, owes: Attested) -> None:
        """Checks that the statement about the pack was made here, and is the one that follows from it."""
        origin = owes.origin
        try:
            data = read_file(self._folder / ATTESTATION)
            found = unverified(data) if owes.keys is None else opened(data, owes.keys).statement
            made, phase = origin_of(found), phase_sha256_of(found)
            previous = previous_of(found)
            wanted = statement_of(summary, summary_name, digest, origin=made, previous=previous, phase_sha256=phase)
        except UnreadableError as error:
            self.complain(ATTESTATION, f"the attestation {error.fact}")
        except EnvelopeError as error:
            malformed = "is malformed: " if error.flaw is EnvelopeFlaw.MALFORMED else "proves nothing: "
            self.complain(ATTESTATION, f"the attestation {malformed}{error}")
        except KeyError:  # it counts a verifier as not evaluated that it does not have
            self.complain(ATTESTATION, "no statement follows from the summary")
        else:
            if found != wanted:
                self.complain(ATTESTATION, "the attestation is not about this pack as it stands")
            elif origin is None:
                self.complain(ATTESTATION, "it was made in a runs root that has an id, and this one has none")
            elif made != origin:
                here = f"{origin.platform} in the runs root {origin.runs_root}"
                fact = f"it was made for {made.platform} in the runs root {made.runs_root}, and this is {here}"
                self.complain(ATTESTATION, fact)
            self._phase(phase)

    def _phase(self, named: str | None) -> None:
        """Checks that the signed summary of the phase is the one that the attestation names."""
        try:
            data = read_if_there(self._folder / PHASE_ATTESTATION)
        except UnreadableError as error:
            self.complain(PHASE_ATTESTATION, f"the summary of the phase {error.fact}")
            return
        if data is None and named is not None:
            self.complain(PHASE_ATTESTATION, "the summary of the phase is missing, which the attestation names")
        elif data is not None and named is None:
            self.complain(PHASE_ATTESTATION, "the attestation names no summary of a phase")
        elif data is not None and sha256(data) != named:
            self.complain(PHASE_ATTESTATION, "it is not the summary of the phase that the attestation names")

    def marker(self) -> None:
        """Checks the form of the word that takes the pack back; nothing signs it, so its form is all there is."""
        try:
            data = read_if_there(self._folder / INVALIDATED)
        except UnreadableError as error:
            self.complain(INVALIDATED, f"the invalidation {error.fact}")
            return
        if data is not None and _MARKER.fullmatch(data.decode("utf-8", errors="replace")) is None:
            self.complain(INVALIDATED, "the invalidation does not have the form of one: something else wrote it")

    def _fit(self, name: str, payload: Any) -> None:
        if self._schemas is not None:
            messages = self._schemas.validate(name, payload)
            self.complain(name, *(f"does not fit its schema: {text}" for text in messages))


def read_summary(path: Path) -> StatedSummary:
    """A summary as it stands, unverified; one that says nothing where it cannot be read."""
    try:
        return StatedSummary.of(_parse(read_file(path)))
    except UnreadableError:
        return StatedSummary()


def _is_canonical(summary: dict[str, Any], data: bytes) -> bool:
    try:
        return canonical(summary) == data
    except EvidenceError:
        return False


def _listed(summary: dict[str, Any]) -> dict[str, str] | None:
    rows = summary.get("artifacts")
    if not isinstance(rows, list):
        return None
    listed: dict[str, str] = {}
    for row in rows:
        name, digest = (row.get("file"), row.get("sha256")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(digest, str) or name in listed or not _is_file_name(name):
            return None
        listed[name] = digest
    return listed


def _is_file_name(name: str) -> bool:
    return "\0" not in name and name not in {"", ".", ".."} and Path(name).name == name


def _parse(data: bytes) -> Any:
    try:
        return parsed(data)
    except ValueError:
        return None
