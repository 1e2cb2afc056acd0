"""The verification of one pack: every listed file is there, unaltered, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.schemas import SchemaSet

INVALIDATED = "INVALIDATED.txt"


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """A pack as it was found.

    Attributes:
        folder: The pack's folder.
        summary: The parsed summary; empty where it cannot be read.
        sha256: Digest of the summary's bytes; None where it cannot be read.
        problems: Everything that is wrong with the pack.
    """

    folder: Path
    summary: dict[str, Any]
    sha256: str | None
    problems: tuple[Problem, ...]


def verify_pack(folder: Path, summary_name: str, schemas: SchemaSet | None = None) -> VerifiedPack:
    """Verifies a pack by itself: form of the summary, digests of the artifacts, no file too few or too many.

    Args:
        folder: The pack's folder.
        summary_name: File name of the summary that lists the rest.
        schemas: Where given, summary and artifacts must fit their schemas.
    """
    problems: list[Problem] = []

    def complain(name: str, *facts: str) -> None:
        remedy = "restore the pack from the durable store, or run its gate again"
        problems.extend(Problem(fact, str(folder / name), remedy) for fact in facts)

    def fit(name: str, payload: Any) -> None:
        if schemas is not None:
            complain(name, *(f"does not fit its schema: {text}" for text in schemas.validate(name, payload)))

    data = _read(folder / summary_name)
    summary = _parse(data) if data is not None else None
    if data is None or not isinstance(summary, dict):
        complain(summary_name, "the summary is missing, unreadable or no JSON object")
        return VerifiedPack(folder, {}, sha256(data) if data is not None else None, tuple(problems))
    if not _is_canonical(summary, data):
        complain(summary_name, "the summary is not in canonical form: something else wrote or edited it")
    if summary.get("phase_execution_id") != folder.name:
        complain(summary_name, f"the summary is that of {summary.get('phase_execution_id')}, not of this folder")
    fit(summary_name, summary)
    listed = _listed(summary)
    if listed is None:
        complain(summary_name, "its list of artifacts is malformed")
        listed = {}
    for name, digest in listed.items():
        artifact = _read(folder / name)
        if artifact is None:
            complain(name, "a listed artifact is missing, or is no regular file")
        elif sha256(artifact) != digest:
            complain(name, f"was altered: its sha256 is {sha256(artifact)}, the summary lists {digest}")
        else:
            fit(name, _parse(artifact))
    known = {summary_name, INVALIDATED, *listed}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            complain(path.name, "the summary does not list this file")
    return VerifiedPack(folder, summary, sha256(data), tuple(problems))


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
        if not isinstance(name, str) or not isinstance(digest, str) or name in listed or Path(name).name != name:
            return None
        listed[name] = digest
    return listed


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
