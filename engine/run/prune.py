"""Removing the folders of runs that nothing needs.

A run's folder is a direct child of the folder of all runs, named by 32 lower-case hex digits. Anything else there
stays, and so does a run that another one links to or was staged from. A run that something is at work in is refused.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.errors import EngineError
from engine.files import json_bytes, read_json, reading, write_whole, writing
from engine.run.layout import RECEIPT
from engine.run.receipt import sole_writer

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune would do.

    Attributes:
        root: Folder of all runs.
        keep: The runs that stay, and why.
        remove: The folders that go, by name.
    """

    root: Path
    keep: Mapping[str, str]
    remove: tuple[Path, ...]


def plan_prune(root: Path, keep: Collection[str]) -> PrunePlan:
    """What would stay and what would go.

    Args:
        root: Folder of all runs.
        keep: The runs that must stay.

    Raises:
        EngineError: 6A.S0.PRUNE_REFUSED (``no_folder``, ``empty_keep_set``, ``run_at_work``); 6A.S0.RUN_NOT_FOUND
            where the keep set names what is not there; 6A.S0.IO_READ_FAILED where a receipt cannot be read.
    """
    if not root.is_dir():
        raise _refused("no_folder", "there is no such folder", str(root), "name the folder of all runs")
    wanted = {name.strip() for name in keep} - {""}
    if not wanted:
        fact = "the keep set is empty, so every run would go"
        raise _refused("empty_keep_set", fact, "--keep", "name at least one run")
    with reading("S0", root):
        runs = {path.name: path for path in sorted(root.iterdir()) if _RUN_ID.fullmatch(path.name) and path.is_dir()}
    if unknown := sorted(wanted - runs.keys()):
        raise EngineError(
            code="6A.S0.RUN_NOT_FOUND",
            reason="unknown_keep_set",
            fact=f"there is no run {', '.join(map(ascii, unknown))}",
            place=str(root),
            remedy="name runs that lie under --runs-root",
        )
    reasons = dict.fromkeys(sorted(wanted), "named in the keep set")
    pending = list(reasons)
    while pending:
        name = pending.pop()
        for needed in _needs(runs[name], runs):
            if needed not in reasons:
                reasons[needed] = f"{name} links to it or was staged from it"
                pending.append(needed)
    gone = tuple(path for name, path in runs.items() if name not in reasons)
    busy = [path.name for path in gone if not path.is_symlink() and _is_at_work(path)]
    if busy:
        fact = f"something is at work in {', '.join(busy)}: tmp/ is not empty, or the run is being written"
        raise _refused("run_at_work", fact, str(root), "wait until it ends, or keep the run")
    return PrunePlan(root, reasons, gone)


def prune(chosen: PrunePlan, moment: datetime) -> Path | None:
    """Removes what a plan says, and leaves a receipt of what went.

    Returns:
        The receipt; None where nothing was to be removed.

    Raises:
        EngineError: 6A.S0.IO_WRITE_FAILED (``not_removed``); the receipt names what was removed, and what was not.
    """
    if not chosen.remove:
        return None
    failed, removed = {}, []
    for path in chosen.remove:
        try:
            if path.is_symlink():
                path.unlink()  # the link goes, and what it leads to stays
            else:
                shutil.rmtree(path)
            removed.append(path.name)
        except OSError as error:
            failed[path.name] = error.strerror or str(error)
    document = {
        "schema": "engine/prune-receipt/1",
        "pruned_at_utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "removed": removed,
        "failed": sorted(failed),
        "kept": dict(chosen.keep),
    }
    receipt = chosen.root / "reports" / f"prune_receipt_{moment:%Y%m%dT%H%M%S}Z.json"
    with writing("S0", receipt):
        receipt.parent.mkdir(exist_ok=True)
        write_whole(receipt, json_bytes(document))
    if failed:
        raise EngineError(
            code="6A.S0.IO_WRITE_FAILED",
            reason="not_removed",
            fact="; ".join(f"{name} cannot be removed: {why}" for name, why in failed.items()),
            place=str(chosen.root),
            remedy="remove them by hand, or fix their permissions and prune again",
        )
    return receipt


def _needs(run: Path, runs: Mapping[str, Path]) -> Iterator[str]:
    """The other runs that a run links to, or says that it was staged from."""
    path = run / RECEIPT
    receipt: object = {}
    if path.is_file():
        with reading("S0", path):
            receipt = read_json(path.read_bytes())
    source = receipt.get("staged_from_run_id") if isinstance(receipt, dict) else None
    if source in runs:
        yield str(source)
    for found in run.rglob("*"):
        if found.is_symlink():
            target = found.resolve()
            yield from (name for name, other in runs.items() if target.is_relative_to(other.resolve()))


def _is_at_work(run: Path) -> bool:
    """Whether a state left something aside in a run, or a process holds it."""
    if (run / "tmp").is_dir() and any((run / "tmp").iterdir()):
        return True
    if not (run / ".writer.lock").exists():
        return False
    try:
        with sole_writer(run):
            return False
    except EngineError as error:
        return error.reason == "second_writer"


def _refused(reason: str, fact: str, place: str, remedy: str) -> EngineError:
    return EngineError(code="6A.S0.PRUNE_REFUSED", reason=reason, fact=fact, place=place, remedy=remedy)
