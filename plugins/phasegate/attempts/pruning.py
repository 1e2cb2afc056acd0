"""Removing attempts that nothing needs, and the signed word of what was removed.

What is kept: the named attempts, the newest word of each gate, and all that these rest on. The receipt is
written before anything is removed, so a kill in between leaves no gap that nobody explains; what is still there
although a receipt names it is removed by the next call.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from phasegate.attempts.archive import Archive
from phasegate.attempts.conclusion import Attestor
from phasegate.attempts.gone import RECEIPT_TYPE
from phasegate.attempts.history import AttemptRecord
from phasegate.attempts.layout import STAGING, explained, locked, replace_file
from phasegate.attempts.strays import ASIDE, PRUNED
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import ATTESTATION, STATEMENT_TYPE, Origin
from phasegate.evidence.canonical import sha256
from phasegate.evidence.files import is_folder, read_if_there
from phasegate.evidence.summary import utc

_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune would do.

    Attributes:
        keep: The attempts that stay, and why.
        remove: The attempts that go.
    """

    keep: Mapping[str, str]
    remove: tuple[AttemptRecord, ...]


def plan(archive: Archive, keep: Collection[str], phase: str | None = None) -> PrunePlan:
    """What would stay and what would go.

    Args:
        archive: The attempts.
        keep: Names of attempts that must stay.
        phase: Only this phase; by default all.

    Raises:
        EvidenceError: The keep set is empty, or names what is not there; every such name is listed.
    """
    wanted = {name.strip() for name in keep} - {""}
    records = archive.attempts(phase)
    known = {record.execution_id: record for record in records}
    if not wanted:
        raise EvidenceError(
            Problem("the keep set is empty, so every attempt would go", "--keep", "name at least one attempt")
        )
    unknown = sorted(name for name in wanted if archive.history.find(name) is None and name not in known)
    if unknown:
        raise EvidenceError(
            [
                Problem("there is no attempt of this name", name, "name one that `phasegate runs` lists")
                for name in unknown
            ]
        )
    reasons = dict.fromkeys(sorted(wanted), "named in the keep set")
    for record in records:
        if record.authoritative:
            reasons.setdefault(record.execution_id, "authoritative")
        elif record.stale:
            reasons.setdefault(record.execution_id, "the newest word of its gate")
        elif record.standing == _RUNNING:
            reasons.setdefault(record.execution_id, "running")
    pending = list(reasons)
    while pending:
        name = pending.pop()
        path = archive.history.find(name)
        for row in archive.history.pack(path).summary.upstream if path is not None else ():
            if row.execution_id is not None and row.execution_id not in reasons:
                reasons[row.execution_id] = f"{name} rests on it"
                pending.append(row.execution_id)
    return PrunePlan(reasons, tuple(record for record in records if record.execution_id not in reasons))


def prune(archive: Archive, chosen: PrunePlan, attestor: Attestor, moment: datetime) -> Path | None:
    """Removes what a plan says, behind a signed receipt.

    Args:
        archive: The attempts.
        chosen: The plan.
        attestor: Signs the receipt.
        moment: The time, in UTC.

    Returns:
        The receipt; None where nothing was to be removed.

    Raises:
        EvidenceError: The receipt cannot be signed or written, or something cannot be removed; what was removed by
            then is in the receipt.
    """
    if not chosen.remove:
        return None
    layout = archive.layout
    place = layout.root / PRUNED / f"prune_{moment:%Y%m%dT%H%M%S}Z_{os.getpid()}.dsse.json"
    with explained("prune", layout.root), locked(layout.root):
        for record in chosen.remove:
            _inside(layout.root, record.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, attestor(_statement(chosen, moment, archive.root_id.ensure())))
        for record in chosen.remove:
            _remove(record.path)
        archive.heads.renew(record.execution_id for record in chosen.remove)
    for phase in sorted({record.path.parent.name for record in chosen.remove} - {STAGING}):
        archive.refresh_index(phase)
    return place


def _statement(chosen: PrunePlan, moment: datetime, origin: Origin) -> dict[str, Any]:
    subjects = [
        {"name": record.execution_id, "digest": {"sha256": sha256(data)}}
        for record in chosen.remove
        if (data := read_if_there(record.path / ATTESTATION)) is not None
    ]
    return {
        "_type": STATEMENT_TYPE,
        "subject": sorted(subjects, key=lambda row: str(row["name"])),
        "predicateType": RECEIPT_TYPE,
        "predicate": {
            "platform": origin.platform,
            "runs_root": origin.runs_root,
            "pruned_at_utc": utc(moment),
            "removed": [
                {"execution_id": record.execution_id, "verdict": record.verdict, "standing": record.standing}
                for record in chosen.remove
            ],
            "kept": [{"execution_id": name, "why": why} for name, why in sorted(chosen.keep.items())],
        },
    }


def _inside(root: Path, path: Path) -> None:
    """Makes sure that what is removed is a folder under the root, by no link."""
    real = path.parent.resolve()
    if path.is_symlink() or not real.is_relative_to(root.resolve()):
        raise EvidenceError(
            Problem("it leads out of the runs root, and is not followed", str(path), "remove the link by hand")
        )
    if not is_folder(path) and not is_folder(path.with_name(f"{ASIDE}{path.name}")):
        raise EvidenceError(Problem("has the name of an attempt, and is no folder", str(path), "remove it by hand"))


def _remove(path: Path) -> None:
    """Removes a folder in one step as far as others can see, and then what it holds."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    if path.exists():
        path.rename(aside)
    shutil.rmtree(aside)
