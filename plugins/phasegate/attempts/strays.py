"""What lies among evidence and belongs to no attempt: an auditor must see it, whoever put it there.

Where only phasegate writes, anything else is a defect. What a kill left half done, an attempt that was never
committed, and a platform's own hidden notes beside the phases are told and not accused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from phasegate.attempts.heads import FOLDER as HEADS
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.index import NAME as INDEX
from phasegate.attempts.layout import LOCK, SESSIONS, STAGING, Layout
from phasegate.attempts.root_id import NAME as ROOT_ID
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import encodable
from phasegate.evidence.files import Entry, UnreadableError, entries

PRUNED: Final = ".pruned"
"""Where receipts of what was pruned lie, under the platform's root."""
RECEIPT_NAME: Final = re.compile(r"prune_\d{8}T\d{6}Z_\d+\.dsse\.json")
"""What a receipt is called."""
REPORTS: Final = ".reports"
"""Where sealed reports lie, under the platform's root."""
REPORT_NAME: Final = re.compile(r"report_\d{8}T\d{6}Z")
"""What the folder of one is called."""
ASIDE: Final = ".pruned-"
"""What an attempt's folder is called while a prune removes it; the attempt's name follows."""

_SESSION = re.compile(r"[0-9a-f]{32}")
_SESSION_NOTE = re.compile(r"[a-z_]+\.json")
_HALF_WRITTEN = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}")
_PROBE = re.compile(r"\.probe-[0-9a-f]{32}")
_CUT_SHORT = "a write or a prune that was cut short left it; no attempt rests on it"
_UNKNOWN = "no attempt accounts for it"
_LISTED_BESIDE = 5


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
    folders = {HEADS: _of_heads, PRUNED: _of_pruned, REPORTS: _of_reports, SESSIONS: _of_sessions}
    for entry in _entries(layout.root, ""):
        if isinstance(entry, Stray):
            yield entry
        elif entry.name in folders:
            yield from _of_folder(entry, entry.name, folders[entry.name])
        elif layout.is_phase(entry.name):
            yield from _of_folder(entry, entry.name, partial(_of_phase, layout))
        elif entry.name in {LOCK, ROOT_ID}:
            yield from _unless_file(entry, entry.name, empty=entry.name == LOCK)
        elif entry.is_file and _is_left_by(entry, {ROOT_ID}):
            yield _stray(entry.name, _CUT_SHORT, harmless=True)
        elif entry.name.startswith("."):
            yield from _hidden(entry)
        else:
            yield _stray(entry.name, _UNKNOWN)
    yield from _beside(layout)


def _of_phase(layout: Layout, entry: Entry, place: str) -> Iterator[Stray]:
    parsed = ExecutionId.parse(entry.name)
    if entry.name == INDEX:
        yield from _unless_file(entry, place)
    elif entry.name == STAGING:
        yield from _of_folder(entry, place, _of_staging)
    elif _is_left_by(entry, {INDEX}):
        yield _stray(place, _CUT_SHORT, harmless=True)
    elif parsed is None:
        yield _stray(place, _UNKNOWN)
    elif (phase := layout.phase_of(parsed)) != entry.path.parent.name:
        yield _stray(place, f"an attempt of {phase} does not belong here")


def _of_staging(entry: Entry, place: str) -> Iterator[Stray]:
    if ExecutionId.parse(entry.name) is not None and entry.is_folder:
        yield _stray(place, "it was opened, and is not committed", harmless=True)
    elif _is_left_by(entry, set()):
        yield _stray(place, _CUT_SHORT, harmless=True)
    else:
        yield _stray(place, _UNKNOWN)


def _of_heads(entry: Entry, place: str) -> Iterator[Stray]:
    if ExecutionId.parse(entry.name) is None:
        yield _stray(place, _UNKNOWN)
    else:
        yield from _unless_file(entry, place, empty=True)


def _of_pruned(entry: Entry, place: str) -> Iterator[Stray]:
    half = _HALF_WRITTEN.fullmatch(entry.name)
    if half is not None and RECEIPT_NAME.fullmatch(half["name"]) and entry.is_file:
        yield _stray(place, _CUT_SHORT, harmless=True)
    elif RECEIPT_NAME.fullmatch(entry.name) is None:
        yield _stray(place, _UNKNOWN)


def _of_reports(entry: Entry, place: str) -> Iterator[Stray]:
    half = _HALF_WRITTEN.fullmatch(entry.name)
    if half is not None and REPORT_NAME.fullmatch(half["name"]) and entry.is_folder:
        yield _stray(place, _CUT_SHORT, harmless=True)
    elif REPORT_NAME.fullmatch(entry.name) is None or not entry.is_folder:
        yield _stray(place, _UNKNOWN)


def _of_sessions(entry: Entry, place: str) -> Iterator[Stray]:
    if _SESSION.fullmatch(entry.name) is None:
        yield _stray(place, _UNKNOWN)
    else:
        yield from _of_folder(entry, place, _of_session)


def _of_session(entry: Entry, place: str) -> Iterator[Stray]:
    if ExecutionId.parse(entry.name) is not None:
        yield from _unless_file(entry, place, empty=True)
        return
    half = _HALF_WRITTEN.fullmatch(entry.name)
    if not entry.is_file or _SESSION_NOTE.fullmatch(half["name"] if half else entry.name) is None:
        yield _stray(place, _UNKNOWN)


def _hidden(entry: Entry) -> Iterator[Stray]:
    """A platform's own hidden file or folder beside the phases; no attempt may hide in it."""
    if entry.is_folder:
        pending, found = [entry], 0
        while pending:
            folder = pending.pop()
            place = folder.path.relative_to(entry.path.parent).as_posix()
            for item in _entries(folder.path, place):
                if isinstance(item, Stray):
                    yield item
                    continue
                found += 1
                below = f"{place}/{item.name}"
                if _is_evidence(item):
                    yield _stray(below, "evidence is hidden here, and no attempt accounts for it")
                elif item.is_folder:
                    pending.append(item)
        if not found:
            return
    elif _PROBE.fullmatch(entry.name) and entry.is_file and not entry.status.st_size:
        yield _stray(entry.name, _CUT_SHORT, harmless=True)
        return
    yield _stray(entry.name, "it lies beside the evidence, and no attempt accounts for it", harmless=True)


def _is_evidence(entry: Entry) -> bool:
    """Whether something has the name of an attempt or of what only attempts hold."""
    if entry.is_folder:
        return ExecutionId.parse(entry.name) is not None
    return entry.name in {ATTESTATION, PHASE_ATTESTATION} or entry.name.endswith("_execution_summary.json")


def _beside(layout: Layout) -> Iterator[Stray]:
    """What lies beside the platform's folder and is no folder of another platform."""
    found = [
        item.name
        for item in _entries(layout.root.parent, "")
        if isinstance(item, Entry) and item.path != layout.root and not _is_platform(item)
    ]
    if found:
        more = len(found) - _LISTED_BESIDE
        named = ", ".join(found[:_LISTED_BESIDE]) + (f" and {more} more" if more > 0 else "")
        yield _stray("..", f"beside the platform's folder lies what belongs to no platform: {named}", harmless=True)


def _is_platform(entry: Entry) -> bool:
    names = {item.name for item in _entries(entry.path, "") if isinstance(item, Entry)} if entry.is_folder else set()
    return bool(names & {ROOT_ID, HEADS})


def _is_left_by(entry: Entry, files: set[str]) -> bool:
    """Whether a write of one of the files, or of an attempt, was cut short, or a prune of one."""
    half = _HALF_WRITTEN.fullmatch(entry.name)
    named = half["name"] if half is not None else entry.name.removeprefix(ASIDE) if entry.name.startswith(ASIDE) else ""
    return (half is not None and named in files) or ExecutionId.parse(named) is not None


def _of_folder(entry: Entry, place: str, of_each: Callable[[Entry, str], Iterator[Stray]]) -> Iterator[Stray]:
    """What bears the name of a folder of ours must be one, and lead nowhere else; then what lies in it."""
    for item in _entries(entry.path, place):
        if isinstance(item, Stray):
            yield item
        else:
            yield from of_each(item, f"{place}/{item.name}")


def _unless_file(entry: Entry, place: str, *, empty: bool = False) -> Iterator[Stray]:
    """What bears the name of a file of ours must be one, and hold nothing where we write nothing."""
    if not entry.is_file:
        yield _stray(place, "it is not a file of phasegate's own")
    elif empty and entry.status.st_size:
        yield _stray(place, "it holds something, and phasegate writes nothing there")


def _entries(folder: Path, place: str) -> list[Entry] | list[Stray]:
    """What lies in a folder; or that it cannot be listed."""
    try:
        return entries(folder)
    except UnreadableError as error:
        return [_stray(place or folder.name, error.fact)]


def _stray(place: str, fact: str, *, harmless: bool = False) -> Stray:
    return Stray(encodable(place), encodable(fact), harmless)
