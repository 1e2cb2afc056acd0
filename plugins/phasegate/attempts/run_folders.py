"""Removing run folders of a data engine that nothing needs.

A run folder is a direct child of its root, named by 32 lower-case hex digits. Anything else there stays. Unlike the
tool that it takes the place of, it refuses an empty keep set, a name that is not there, a run that others link to or
were staged from, and a run that something is at work in; and what it could not remove is an error.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from phasegate.attempts.layout import explained, replace_file
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import canonical, parsed
from phasegate.evidence.files import read_if_there
from phasegate.evidence.summary import utc

RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
RECEIPT: Final = "run_receipt.json"


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """What a prune of run folders would do.

    Attributes:
        root: Their root.
        keep: The runs that stay, and why.
        remove: The folders that go, by name.
    """

    root: Path
    keep: Mapping[str, str]
    remove: tuple[Path, ...]


def plan_folders(root: Path, keep: Collection[str]) -> FolderPlan:
    """What would stay and what would go.

    Args:
        root: The root of the run folders.
        keep: The runs that must stay.

    Raises:
        EvidenceError: The root is no folder, the keep set is empty or names what is not there, or a run that would
            go is at work; every problem is listed.
    """
    if not root.is_dir():
        raise EvidenceError(Problem("is no folder", str(root), "name the root of the run folders"))
    wanted = {name.strip() for name in keep} - {""}
    if not wanted:
        raise EvidenceError(Problem("the keep set is empty, so every run would go", "--keep", "name at least one run"))
    with explained("list run folders", root):
        runs = {path.name: path for path in sorted(root.iterdir()) if RUN_ID.fullmatch(path.name) and path.is_dir()}
    unknown = [
        Problem("there is no run of this name", str(root / name), "read the list of runs, and name one of it")
        for name in sorted(wanted - runs.keys())
    ]
    if unknown:
        raise EvidenceError(unknown)
    reasons = dict.fromkeys(sorted(wanted), "named in the keep set")
    pending = list(reasons)
    while pending:
        name = pending.pop()
        for needed in _needs(runs[name], runs):
            if needed not in reasons:
                reasons[needed] = f"{name} links to it or was staged from it"
                pending.append(needed)
    gone = tuple(path for name, path in runs.items() if name not in reasons)
    busy = [
        Problem("something is at work in this run: its tmp/ is not empty", str(path), "wait, or keep it")
        for path in gone
        if not path.is_symlink() and (path / "tmp").is_dir() and any((path / "tmp").iterdir())
    ]
    if busy:
        raise EvidenceError(busy)
    return FolderPlan(root, reasons, gone)


def prune_folders(chosen: FolderPlan, moment: datetime) -> Path | None:
    """Removes what a plan says, and leaves a receipt of what went.

    Returns:
        The receipt; None where nothing was to be removed.

    Raises:
        EvidenceError: Something could not be removed; the receipt names what was.
    """
    if not chosen.remove:
        return None
    problems, removed = [], []
    for path in chosen.remove:
        try:
            if path.is_symlink():
                path.unlink()  # the link goes, and what it leads to stays
            else:
                shutil.rmtree(path)
            removed.append(path.name)
        except OSError as error:
            fact = f"it cannot be removed: {error.strerror or error}"
            problems.append(Problem(fact, str(path), "remove it by hand, or fix its permissions and prune again"))
    document: dict[str, Any] = {
        "schema": "phasegate/prune-receipt/1",
        "pruned_at_utc": utc(moment),
        "removed": [*removed],
        "failed": [Path(problem.place).name for problem in problems],
        "kept": dict(chosen.keep),
    }
    receipt = chosen.root / "reports" / f"prune_receipt_{moment:%Y%m%dT%H%M%S}Z.json"
    with explained("write the receipt", receipt):
        receipt.parent.mkdir(exist_ok=True)
        replace_file(receipt, canonical(document, name="receipt"))
    if problems:
        raise EvidenceError(problems)
    return receipt


def _needs(run: Path, runs: Mapping[str, Path]) -> Iterator[str]:
    """The other runs that a run links to, or says that it was staged from."""
    try:
        receipt = parsed(read_if_there(run / RECEIPT) or b"{}")
    except ValueError as error:
        remedy = "restore it, or keep every run that this one may have been staged from"
        raise EvidenceError(Problem(f"is no JSON: {error}", str(run / RECEIPT), remedy)) from error
    source = receipt.get("staged_from_run_id") if isinstance(receipt, dict) else None
    if source in runs:
        yield str(source)
    for path in run.rglob("*"):
        if path.is_symlink():
            target = path.resolve()
            yield from (name for name, other in runs.items() if target.is_relative_to(other.resolve()))
