"""The verification of one pack: every listed file is there, unaltered, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION, previous_of, statement_of
from phasegate.evidence.canonical import canonical, encodable, parsed, sha256
from phasegate.evidence.content import is_intact
from phasegate.evidence.dsse import EnvelopeError, unverified
from phasegate.evidence.schemas import SchemaSet

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
        summary: The parsed summary; empty where it cannot be read.
        sha256: Digest of the summary's bytes; None where it cannot be read.
        problems: Everything that is wrong with the pack.
        credible: Whether the summary itself is sound, so that what it says of its substrate and its completeness
            can be believed even where an artifact was altered.
    """

    folder: Path
    summary: dict[str, Any]
    sha256: str | None
    problems: tuple[Problem, ...]
    credible: bool = True


def verify_pack(
    folder: Path,
    summary_name: str,
    schemas: SchemaSet | None = None,
    *,
    owes: Collection[str] = (),
    attested: bool = False,
) -> VerifiedPack:
    """Verifies a pack by itself: form of the summary, digests of the artifacts, no file too few or too many.

    Args:
        folder: The pack's folder.
        summary_name: File name of the summary that lists the rest.
        schemas: Where given, the summary must fit its schema, and so must the artifacts of a passing attempt; those
            of a blocked one may be what blocks it.
        owes: Artifacts that the summary must list.
        attested: Whether a signed statement about the pack must lie in it and say what the pack says. Who signed it
            is not looked at here: a gate needs no key to find that something was altered.
    """
    check = _Check(folder, schemas)
    if folder.is_symlink():
        check.complain("", "the pack's folder is a symbolic link")
    data = _read(folder / summary_name)
    summary = _parse(data) if data is not None else None
    if data is None or not isinstance(summary, dict):
        check.complain(summary_name, "the summary is missing, unreadable or no JSON object")
        digest = sha256(data) if data is not None else None
        return VerifiedPack(folder, {}, digest, tuple(check.problems), credible=False)
    listed = check.summary(summary_name, summary, data)
    credible = not check.problems
    for name in sorted(set(owes) - listed.keys()):
        check.complain(name, "the summary does not list this artifact, which the pack owes")
    for name, digest in listed.items():
        check.artifact(name, digest, passing=summary.get("overall_pass") is True)
    if attested:
        check.attestation(summary_name, summary, sha256(data))
    check.marker()
    check.nothing_else_than({summary_name, INVALIDATED, ATTESTATION, PHASE_ATTESTATION, *listed})
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

    def artifact(self, name: str, digest: str, *, passing: bool) -> None:
        data = _read(self._folder / name)
        if data is None:
            self.complain(name, "a listed artifact is missing, or is no regular file")
        elif sha256(data) != digest:
            self.complain(name, f"was altered: its sha256 is {sha256(data)}, the summary lists {digest}")
        elif passing:
            self._fit(name, _parse(data))

    def attestation(self, summary_name: str, summary: dict[str, Any], digest: str) -> None:
        """Checks that the statement about the pack is the one that follows from it."""
        data = _read(self._folder / ATTESTATION)
        if data is None:
            self.complain(ATTESTATION, "the attestation is missing, or is no regular file")
            return
        try:
            found = unverified(data)
            wanted = statement_of(summary, summary_name, digest, previous_of(found))
        except EnvelopeError as error:
            self.complain(ATTESTATION, f"the attestation is malformed: {error}")
        except (KeyError, TypeError, AttributeError):
            self.complain(ATTESTATION, "no statement follows from the summary")
        else:
            if found != wanted:
                self.complain(ATTESTATION, "the attestation is not about this pack as it stands")

    def marker(self) -> None:
        """Checks the form of the word that takes the pack back; nothing signs it, so its form is all there is."""
        path = self._folder / INVALIDATED
        if not path.exists() and not path.is_symlink():
            return
        data = _read(path)
        if data is None:
            self.complain(INVALIDATED, "the invalidation is no regular file, or cannot be read")
        elif _MARKER.fullmatch(data.decode("utf-8", errors="replace")) is None:
            self.complain(INVALIDATED, "the invalidation does not have the form of one: something else wrote it")

    def nothing_else_than(self, known: Collection[str]) -> None:
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except OSError as error:
            self.complain("", f"the pack's folder cannot be listed: {error.strerror}")
            return
        for name in names:
            if name not in known:
                self.complain(name, "the summary does not list this file")

    def _fit(self, name: str, payload: Any) -> None:
        if self._schemas is not None:
            messages = self._schemas.validate(name, payload)
            self.complain(name, *(f"does not fit its schema: {text}" for text in messages))


def read_summary(path: Path) -> dict[str, Any]:
    """A summary as it stands, unverified; empty where it cannot be read or is no JSON object."""
    data = _read(path)
    summary = _parse(data) if data is not None else None
    return summary if isinstance(summary, dict) else {}


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


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except (OSError, ValueError):
        return None


def _parse(data: bytes) -> Any:
    try:
        return parsed(data)
    except ValueError:
        return None
