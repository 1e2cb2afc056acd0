"""Sealing a report: it becomes evidence, with the attempts that it shows named by digest and signed.

A sealed report lies in a folder of its own under the platform's root: the report, the results that it was made from,
and the statement. It is moved into its place whole.
"""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from phasegate.attempts.archive import Archive
from phasegate.attempts.conclusion import Attestor
from phasegate.attempts.durable import DURABLE_REPORTS
from phasegate.attempts.layout import explained, locked, replace_file, sync_folder, write_file
from phasegate.attempts.publication import receipt_row
from phasegate.attempts.sealed import RECEIPT, REPORT_TYPE, RESULTS, STATEMENT, standings
from phasegate.attempts.strays import REPORTS
from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.attestation import STATEMENT_TYPE, Origin
from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.files import entries, read_file
from phasegate.evidence.store import EvidenceStore, publish_all
from phasegate.evidence.summary import utc

EXECUTION_LABEL: Final = "execution_id"
"""The label of a result that names the attempt which it shows."""
_LONGEST_ID = 200
_EMBEDDED = re.compile(rb"[A-Za-z0-9+/]{32,}={0,2}")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """One attempt that a report shows.

    Attributes:
        execution_id: The attempt.
        gate: Its gate.
        verdict: Its verdict word.
        sha256: Digest of its attestation.
        standing: What it is now: `authoritative`, or why it is not.
    """

    execution_id: str
    gate: str
    verdict: str | None
    sha256: str
    standing: str


def shown_in(results: Path) -> list[str]:
    """The attempts that a folder of Allure results shows, sorted.

    Raises:
        EvidenceError: The folder or a result cannot be read, or none of them names an attempt.
    """
    found: set[str] = set()
    for path in _files(results):
        if path.name.endswith("-result.json"):
            found |= {*_labelled(path)}
    if not found:
        remedy = "run the gates with --alluredir=DIR in an empty folder, and name that"
        raise EvidenceError(Problem("no result in it names an attempt", str(results), remedy))
    return sorted(found)


def _labelled(path: Path) -> Iterator[str]:
    try:
        result = json.loads(read_file(path))
    except ValueError as error:
        fact = f"it is no result: {error}"
        raise EvidenceError(Problem(fact, str(path), "run the gates again, in an empty folder")) from error
    labels = result.get("labels") if isinstance(result, dict) else None
    for label in labels if isinstance(labels, list) else ():
        if isinstance(label, dict) and label.get("name") == EXECUTION_LABEL:
            yield str(label.get("value"))[:_LONGEST_ID]


def seal(
    archive: Archive, report: Path, results: Path, attestor: Attestor, moment: datetime
) -> tuple[Path, list[Shown]]:
    """Seals a report with the attempts that its results name.

    Args:
        archive: The attempts.
        report: The report, one file.
        results: The folder of results that it was made from.
        attestor: Signs the statement.
        moment: The time, in UTC.

    Returns:
        The folder of the sealed report, and the attempts that it shows.

    Raises:
        EvidenceError: Report or results cannot be read, the report does not show what the results say, an attempt is
            not there or does not verify, or the seal cannot be signed or written.
    """
    if report.name in {RESULTS, STATEMENT, RECEIPT}:
        raise EvidenceError(Problem("the seal has a file of this name itself", str(report), "rename the report"))
    data = read_file(report)
    attempts = [_attempt(archive, name, results) for name in shown_in(results)]
    text = _readable(data)
    missing = [attempt.execution_id for attempt in attempts if attempt.execution_id.encode() not in text]
    if missing:
        fact = f"it does not show {', '.join(missing)}, which the results do"
        raise EvidenceError(Problem(fact, str(report), f"make the report of {results} again"))
    files = {report.name: data, RESULTS: _packed(results)}
    layout = archive.layout
    place = layout.root / REPORTS / f"report_{moment:%Y%m%dT%H%M%S}Z"
    with explained("seal the report", place), locked(layout.root):
        if place.exists():
            raise EvidenceError(Problem("a report was sealed in this second", str(place), "seal it again"))
        statement = _statement(files, attempts, archive.root_id.ensure(), utc(moment))
        signed = attestor(statement)
        aside = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        aside.mkdir(parents=True)
        for name, content in {**files, STATEMENT: signed}.items():
            write_file(aside / name, content)
        sync_folder(aside)
        aside.rename(place)
        sync_folder(place.parent)
    return place, attempts


def _attempt(archive: Archive, name: str, results: Path) -> Shown:
    place = f"{results}: label {EXECUTION_LABEL}"
    path = archive.history.find(name)
    attested = archive.heads.attested(name) if path is not None else None
    if path is None or attested is None:
        remedy = "seal where the gates were run, or name the folder of their evidence: --runs-root=DIR"
        raise EvidenceError(Problem(f"{name} is no attempt that lies here", place, remedy))
    pack = archive.history.pack(path)
    if pack.problems:
        raise EvidenceError(pack.problems)
    return Shown(name, pack.summary.gate, pack.summary.verdict, attested.sha256, standings(archive, [name])[name])


def _statement(
    files: Mapping[str, bytes], attempts: Sequence[Shown], origin: Origin, moment: str
) -> dict[str, JsonValue]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": sha256(data)}} for name, data in sorted(files.items())],
        "predicateType": REPORT_TYPE,
        "predicate": {
            "platform": origin.platform,
            "runs_root": origin.runs_root,
            "sealed_at_utc": moment,
            "attempts": [
                {
                    "execution_id": item.execution_id,
                    "gate": item.gate,
                    "verdict": item.verdict,
                    "sha256": item.sha256,
                }
                for item in attempts
            ],
        },
    }


def _files(folder: Path) -> list[Path]:
    """The files of a folder of results; it has no folders, links or devices in it."""
    found = entries(folder)
    if not found:
        raise EvidenceError(Problem("there are no results", str(folder), "name the folder of --alluredir"))
    for entry in found:
        if not entry.is_file:
            raise EvidenceError(Problem("it is no file of results", str(entry.path), "remove it"))
    return [entry.path for entry in found]


def _packed(results: Path) -> bytes:
    """The results as one file, whose bytes depend on theirs alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(results):
            archive.writestr(zipfile.ZipInfo(path.name, _ZIP_TIME), read_file(path), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _readable(data: bytes) -> bytes:
    """A report's bytes, and behind them what lies in it as base64, as single-file reports carry their data."""
    embedded = (match.group() for match in _EMBEDDED.finditer(data))
    return b"\n".join([data, *(b64decode(text + b"=" * (-len(text) % 4)) for text in embedded if len(text) % 4 != 1)])


def publish(store: EvidenceStore, place: Path) -> str:
    """Stores a sealed report durably, beside the attempts, and reads it back; the receipt is written beside it.

    Returns:
        Where it lies.

    Raises:
        EvidenceError: A file of it could not be stored or did not read back; the sealed report stays as it is.
    """
    name = f"{DURABLE_REPORTS}/{place.name}"
    files = {entry.name: read_file(entry.path) for entry in entries(place) if entry.name != RECEIPT}
    receipts, failures = publish_all(store, name, files)
    if failures:
        raise EvidenceError([problem for failure in failures for problem in failure.problems])
    rows: list[JsonValue] = [receipt_row(item) for item in receipts]
    with explained("write the receipt", place / RECEIPT):
        content = {"schema": "phasegate/report-receipt/1", "report": place.name, "objects": rows}
        replace_file(place / RECEIPT, canonical(content))
    return store.uri(name)
