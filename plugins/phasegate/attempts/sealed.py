"""Sealed reports, looked at again: whether one was changed, and whether what it shows is still what counts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from phasegate.attempts.archive import Archive
from phasegate.attempts.defects import Defect, DefectKind
from phasegate.attempts.durable import DurableCopy, report_defects
from phasegate.attempts.history import AUTHORITATIVE
from phasegate.attempts.ids import ExecutionId
from phasegate.attempts.layout import Layout
from phasegate.attempts.strays import REPORT_NAME, REPORTS
from phasegate.evidence.attestation import VERIFIER_ID, Origin
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import EnvelopeError, EnvelopeFlaw, opened
from phasegate.evidence.files import UnreadableError, entries, read_file

if TYPE_CHECKING:
    from securesystemslib.signer import Key

STATEMENT: Final = "report.dsse.json"
"""File name of the signed statement about a report."""
RESULTS: Final = "results.zip"
"""File name of the results that a report was made from."""
RECEIPT: Final = "publication_receipt.json"
"""File name of the word on what of it was stored durably, which no statement covers."""
REPORT_TYPE: Final = f"{VERIFIER_ID}/report/v1"


@dataclass(frozen=True, slots=True)
class ReportFindings:
    """What is said of the sealed reports of a runs root.

    Attributes:
        defects: What is wrong.
        notes: What a reader should know.
    """

    defects: tuple[Defect, ...]
    notes: tuple[str, ...]


def sealed_reports(layout: Layout) -> list[Path]:
    """The folders of sealed reports, in order.

    Raises:
        UnreadableError: They cannot be listed.
    """
    return [entry.path for entry in entries(layout.root / REPORTS) if REPORT_NAME.fullmatch(entry.name)]


def examine(
    archive: Archive,
    keys: Sequence[Key],
    origin: Origin | None,
    pruned: Mapping[str, str],
    store: DurableCopy | None = None,
) -> ReportFindings:
    """Holds every sealed report against its statement, and against the attempts that it shows.

    Args:
        archive: The attempts.
        keys: The public keys that are trusted.
        origin: What the runs root is; None where it has no id.
        pruned: The attempts that a receipt says were removed, with the digests of their attestations.
        store: The durable copies to hold the local ones against; None where only files are looked at.

    Raises:
        UnreadableError: The reports cannot be listed.
    """
    defects: list[Defect] = []
    notes: list[str] = []
    for folder in sealed_reports(archive.layout):
        place = f"{REPORTS}/{folder.name}"
        try:
            statement = opened(read_file(folder / STATEMENT), keys).statement
            files = {entry.name: read_file(entry.path) for entry in entries(folder)}
        except UnreadableError as error:
            name = Path(error.problems[0].place).name
            defects.append(Defect("", f"{place}/{name}", DefectKind.INTEGRITY, f"the sealed report {error.fact}"))
            continue
        except EnvelopeError as error:
            malformed = error.flaw is EnvelopeFlaw.MALFORMED
            kind = DefectKind.INTEGRITY if malformed else DefectKind.SIGNATURE
            defects.append(Defect("", f"{place}/{STATEMENT}", kind, str(error)))
            continue
        if not _is_ours(statement, origin):
            fact = "it seals no report of this runs root"
            defects.append(Defect("", f"{place}/{STATEMENT}", DefectKind.INTEGRITY, fact))
            continue
        defects += _altered(place, files, statement)
        if store is not None and RECEIPT in files:
            defects += report_defects(folder, _stored(files), store)
        elif store is not None:
            notes.append(f"{place} was not stored durably")
        named = _named(statement)
        now = standings(archive, named)
        for name, digest in named.items():
            attested = archive.heads.attested(name) if archive.history.find(name) is not None else None
            if attested is None and pruned.get(name) == digest:
                notes.append(f"{place} shows {name}, which was pruned")
            elif attested is None:
                defects.append(Defect(name, "", DefectKind.INTEGRITY, f"attempt {name} is gone, which {place} shows"))
            elif attested.sha256 != digest:
                fact = f"it shows {name}, and that is not the attempt that lies here"
                defects.append(Defect("", place, DefectKind.INTEGRITY, fact))
            elif now[name] != AUTHORITATIVE:
                notes.append(f"{place} shows {name}, which is not authoritative any more: {now[name]}")
    return ReportFindings(tuple(defects), tuple(notes))


def _is_ours(statement: Mapping[str, Any], origin: Origin | None) -> bool:
    predicate = statement.get("predicate")
    if statement.get("predicateType") != REPORT_TYPE or not isinstance(predicate, dict):
        return False
    return Origin(str(predicate.get("platform")), str(predicate.get("runs_root"))) == origin


def _altered(place: str, files: Mapping[str, bytes], statement: Mapping[str, Any]) -> Iterator[Defect]:
    subjects = statement.get("subject")
    wanted = {
        str(row.get("name")): row.get("digest")
        for row in (subjects if isinstance(subjects, list) else ())
        if isinstance(row, dict)
    }
    for name in sorted(wanted.keys() | files.keys() - {STATEMENT, RECEIPT}):
        if name not in files:
            fact = "the sealed report lacks this file"
        elif name not in wanted:
            fact = "the seal does not name this file"
        elif wanted[name] != {"sha256": sha256(files[name])}:
            fact = f"was altered: its sha256 is {sha256(files[name])}, the seal names another"
        else:
            continue
        yield Defect("", f"{place}/{name}", DefectKind.INTEGRITY, fact)


def _stored(files: Mapping[str, bytes]) -> dict[str, str | None]:
    """The objects that a receipt names, with their versions; what it does not name, each file owes."""
    try:
        rows = json.loads(files[RECEIPT])["objects"]
        versions = {str(row["file"]): str(row["version_id"]) for row in rows}
    except (ValueError, KeyError, TypeError):
        versions = {}
    return {name: versions.get(name) for name in files if name != RECEIPT}


def _named(statement: Mapping[str, Any]) -> dict[str, str]:
    predicate = statement.get("predicate")
    rows = predicate.get("attempts") if isinstance(predicate, dict) else None
    return {
        str(row.get("execution_id")): str(row.get("sha256"))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
    }


def standings(archive: Archive, names: Collection[str]) -> dict[str, str]:
    """What each attempt is now; one that is not listed is gone."""
    parsed = {name: ExecutionId.parse(name) for name in names}
    phases = {archive.layout.phase_of(each) for each in parsed.values() if each is not None}
    records = {record.execution_id: record for phase in sorted(phases) for record in archive.attempts(phase)}
    return {name: records[name].standing if name in records else "gone" for name in names}
