"""What lies among evidence and belongs to no attempt: an auditor must see it, whoever put it there.

Where only phasegate writes, anything else is a defect. What a kill left half done, an attempt that was never
committed, and a platform's own hidden notes beside the phases are told and not accused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phasegate.attempts.heads import FOLDER as HEADS
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.index import NAME as INDEX
from phasegate.attempts.layout import LOCK, SESSIONS, STAGING, Layout
from phasegate.evidence.canonical import encodable

PRUNED: Final = ".pruned"
"""Where receipts of what was pruned lie, under the platform's root."""
ASIDE: Final = ".pruned-"
"""What an attempt's folder is called while a prune removes it; the attempt's name follows."""

_PHASE = re.compile(r"m\d+")
_HALF_WRITTEN = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}")
_PROBE = re.compile(r"\.probe-[0-9a-f]{32}")
_CUT_SHORT = "a write or a prune that was cut short left it; no attempt rests on it"
_UNKNOWN = "no attempt accounts for it"


@dataclass(frozen=True, slots=True)
class Stray:
    """One thing that belongs to no attempt.

    Attributes:
        place: Its path below the platform's root.
        fact: What it is.
        harmless: Whether it is only to be told.
    """

    place: str
    fact: str
    harmless: bool = False


def strays(layout: Layout) -> Iterator[Stray]:
    """Everything under a platform's root that no attempt accounts for, in order."""
    for path in _entries(layout.root):
        name = path.name
        if name in {HEADS, PRUNED, SESSIONS}:
            yield from _unless(path, name, Path.is_dir, "a folder")
        elif name == LOCK:
            yield from _unless(path, name, Path.is_file, "a file")
        elif _PHASE.fullmatch(name):
            yield from _unless(path, name, Path.is_dir, "a folder") or _of_phase(path)
        elif _PROBE.fullmatch(name):
            yield _stray(name, _CUT_SHORT, harmless=True)
        elif not name.startswith("."):
            yield _stray(name, _UNKNOWN)
        elif not _is_empty_folder(path):
            yield _stray(name, "it lies beside the evidence, and no attempt accounts for it", harmless=True)


def _of_phase(folder: Path) -> Iterator[Stray]:
    for path in _entries(folder):
        place = f"{folder.name}/{path.name}"
        parsed = ExecutionId.parse(path.name)
        if path.name == INDEX:
            yield from _unless(path, place, Path.is_file, "a file")
        elif path.name == STAGING:
            yield from _unless(path, place, Path.is_dir, "a folder") or _of_staging(path, place)
        elif _is_cut_short(path.name):
            yield _stray(place, _CUT_SHORT, harmless=True)
        elif parsed is None:
            yield _stray(place, _UNKNOWN)
        elif parsed.phase != folder.name:
            yield _stray(place, f"an attempt of {parsed.phase} does not belong here")
        elif not path.is_dir():
            yield _stray(place, "it has the name of an attempt, and is no folder")


def _of_staging(folder: Path, place: str) -> Iterator[Stray]:
    for path in _entries(folder):
        if ExecutionId.parse(path.name) is not None and path.is_dir() and not path.is_symlink():
            yield _stray(f"{place}/{path.name}", "it was opened, and is not committed", harmless=True)
        elif _is_cut_short(path.name):
            yield _stray(f"{place}/{path.name}", _CUT_SHORT, harmless=True)
        else:
            yield _stray(f"{place}/{path.name}", _UNKNOWN)


def _is_cut_short(name: str) -> bool:
    half = _HALF_WRITTEN.fullmatch(name)
    named = half["name"] if half is not None else name.removeprefix(ASIDE) if name.startswith(ASIDE) else ""
    return (half is not None and named == INDEX) or ExecutionId.parse(named) is not None


def _unless(path: Path, place: str, is_kind: Callable[[Path], bool], kind: str) -> list[Stray]:
    """What bears a name of ours must be of our kind, and lead nowhere else."""
    sound = is_kind(path) and not path.is_symlink()
    return [] if sound else [_stray(place, f"it is not {kind} of phasegate's own")]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _stray(place: str, fact: str, *, harmless: bool = False) -> Stray:
    return Stray(encodable(place), fact, harmless)
