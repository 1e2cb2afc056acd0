"""The publication of a pack: its artifacts, the receipt for them, and the summary that closes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from phasegate.evidence.canonical import canonical, sha256
from phasegate.evidence.schemas import RECEIPT_NAME
from phasegate.evidence.store import EvidenceStore, PublishError, Receipt, publish_all
from phasegate.evidence.summary import ArtifactRow, utc
from phasegate.evidence.verify import INVALIDATED


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of the publication of an attempt's artifacts.

    Attributes:
        receipt: The receipt for what was stored and read back; an artifact of the pack itself.
        receipts: The store's word for each object that it has, the receipt's own included, by file name.
        failures: What could not be stored, a fact an item.
    """

    receipt: bytes
    receipts: Mapping[str, Receipt]
    failures: tuple[str, ...]


def publish_artifacts(
    store: EvidenceStore, *, execution_id: str, gate_id: str, files: Mapping[str, bytes]
) -> Publication:
    """Stores the artifacts of an attempt and then the receipt for them; what fails is told, not raised."""
    stored, failed = publish_all(store, execution_id, files)
    receipt = canonical(
        {
            "schema": "phasegate/publication-receipt/1",
            "phase_execution_id": execution_id,
            "gate": gate_id,
            "objects": [receipt_row(item) for item in stored],
        }
    )
    own, own_failed = publish_all(store, execution_id, {RECEIPT_NAME: receipt})
    return Publication(
        receipt=receipt,
        receipts={item.name: item for item in (*stored, *own)},
        failures=tuple(dict.fromkeys(detail_of(error) for error in (*failed, *own_failed))),
    )


def publish_conclusion(
    store: EvidenceStore, execution_id: str, attestations: Mapping[str, bytes], name: str, data: bytes
) -> PublishError | None:
    """Stores what concludes an attempt: its attestations, and then its summary, which is the point of no return.

    Returns:
        What kept something from being stored; the summary is not stored then.
    """
    for files in (attestations, {name: data}):
        _, failed = publish_all(store, execution_id, files)
        if failed:
            return failed[0]
    return None


def durable_place(store: EvidenceStore, execution_id: str) -> str | None:
    """Where the durable copy of an attempt lies; None where the store cannot say it."""
    try:
        place: object = store.uri(execution_id)
    except (Exception, SystemExit):  # noqa: BLE001 - each file was asked for before; that of the whole is for people
        return None
    return place if isinstance(place, str) and place else None


def take_back(store: EvidenceStore, execution_id: str, reason: str, moment: datetime) -> None:
    """Marks the durable copy of an attempt as void.

    The store may hold a summary that says more than the local one. Nothing there is ever overwritten, so a marker
    beside it takes it back. Where even that fails the store is out of reach, and the local word counts.
    """
    text = f"reason: {' '.join(reason.split())}\ninvalidated_at_utc: {utc(moment)}\n"
    publish_all(store, execution_id, {INVALIDATED: text.encode("utf-8")})


def artifact_rows(files: Mapping[str, bytes], receipts: Mapping[str, Receipt]) -> list[ArtifactRow]:
    """The rows of a summary for the given files, in order of their names."""
    rows = []
    for name, data in sorted(files.items()):
        row = ArtifactRow(name, sha256(data), len(data))
        receipt = receipts.get(name)
        if receipt is not None:
            row = ArtifactRow(name, row.sha256, row.size, receipt.uri, receipt.version_id, read_back=True)
        rows.append(row)
    return rows


def detail_of(error: PublishError) -> str:
    """What could not be stored, where and why, in one line."""
    problem = error.problems[0]
    return f"{problem.place}: {problem.fact}"


def receipt_row(receipt: Receipt) -> dict[str, JsonValue]:
    """What a receipt says of one object."""
    return {
        "file": receipt.name,
        "uri": receipt.uri,
        "version_id": receipt.version_id,
        "sha256": receipt.sha256,
        "bytes": receipt.size,
        "read_back": True,
    }
