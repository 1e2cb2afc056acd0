"""The durable copies of attempts, held against the local ones: what stands under each key, and every version of it.

Each object is put once and never replaced, so one version stands under each key: another one beside it, a marker that
hides it, or a lock that ends early is somebody's work, whatever a read of the version that was receipted gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from phasegate.attempts.defects import Defect, DefectKind
from phasegate.attempts.history import invalidation
from phasegate.evidence.attestation import ATTESTATION, PHASE_ATTESTATION
from phasegate.evidence.canonical import sha256
from phasegate.evidence.files import UnreadableError, is_there, read_file
from phasegate.evidence.store import StoredVersion
from phasegate.evidence.verify import INVALIDATED, VerifiedPack
from phasegate.printable import text_of

DURABLE_REPORTS: Final = "reports"
"""Under this key, beside the attempts, sealed reports are stored."""


class DurableCopy(Protocol):
    """The durable copies, as an audit reads them."""

    def read(self, execution_id: str, name: str, version_id: str | None = None) -> bytes:
        """The bytes of an object; raises whatever keeps it from being read."""
        ...

    def lock_flaw(self, execution_id: str, name: str, version_id: str | None) -> str:
        """Why an object could be deleted or overwritten; empty where its lock holds."""
        ...

    def versions(self, execution_id: str) -> Sequence[StoredVersion]:
        """Every version of the objects of an attempt, markers of deletion included."""
        ...


def durable_defects(pack: VerifiedPack, summary_name: str, store: DurableCopy) -> Iterator[Defect]:
    """What is wrong with the durable copy of an attempt.

    Args:
        pack: The local copy.
        summary_name: File name of its summary.
        store: The durable copies.
    """
    name = pack.folder.name
    try:
        stored = store.versions(name)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being read is the defect
        fact = f"the durable copy cannot be listed: {type(error).__name__}: {text_of(error)}"
        yield Defect(name, "", DefectKind.DURABLE, fact)
        return
    rows = pack.summary.artifacts if pack.credible else ()
    published = {row.file: row.version_id for row in rows if row.read_back}
    concluding = [summary_name, ATTESTATION]
    if is_there(pack.folder / PHASE_ATTESTATION):
        concluding.append(PHASE_ATTESTATION)
    kept = {item.name for item in stored}
    # An attempt that could not be published says so itself; what of it is there nevertheless must be its own.
    owed = [*published, *(concluding if published or pack.summary.passed else ())]
    for file in dict.fromkeys([*owed, *(item for item in concluding if item in kept)]):
        versions = [item for item in stored if item.name == file]
        for fact in _facts(pack.folder, store, name, file, published.get(file), versions):
            yield Defect(name, file, DefectKind.DURABLE, fact)
    if INVALIDATED in kept and pack.summary.passed and invalidation(pack.folder) is None:
        yield Defect(
            name, INVALIDATED, DefectKind.DURABLE, "the durable copy was taken back, and the local one was not"
        )
    for surplus in sorted(kept - {*published, *concluding, INVALIDATED}):
        fact = "it lies in the durable copy, and the summary does not list it"
        yield Defect(name, surplus, DefectKind.DURABLE, fact)


def report_defects(folder: Path, objects: Mapping[str, str | None], store: DurableCopy) -> Iterator[Defect]:
    """What is wrong with the durable copy of a sealed report.

    Args:
        folder: The local copy.
        objects: What was stored: file and version.
        store: The durable copies.
    """
    place = f"{folder.parent.name}/{folder.name}"
    try:
        stored = store.versions(f"{DURABLE_REPORTS}/{folder.name}")
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being read is the defect
        fact = f"the durable copy cannot be listed: {type(error).__name__}: {text_of(error)}"
        yield Defect("", place, DefectKind.DURABLE, fact)
        return
    for file, version_id in objects.items():
        versions = [item for item in stored if item.name == file]
        for fact in _facts(folder, store, f"{DURABLE_REPORTS}/{folder.name}", file, version_id, versions):
            yield Defect("", f"{place}/{file}", DefectKind.DURABLE, fact)


def _facts(
    folder: Path,
    store: DurableCopy,
    name: str,
    file: str,
    version_id: str | None,
    stored: Sequence[StoredVersion],
) -> Iterator[str]:
    """What is wrong with one object.

    Args:
        folder: The local copy.
        store: The durable copies.
        name: The object's folder there.
        file: Its file name.
        version_id: The version that was read back; None where none is known.
        stored: What stands under its key.
    """
    yield from _shadows(version_id, stored)
    try:
        data = store.read(name, file, version_id)
        flaw = store.lock_flaw(name, file, version_id)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being read is the defect
        yield f"it cannot be read: {type(error).__name__}: {text_of(error)}"
        return
    try:
        local = read_file(folder / file)
    except UnreadableError:
        local = None  # the defects of the local copy name it
    if local is not None and sha256(local) != sha256(data):
        yield "the durable copy has other bytes than the local one"
    if flaw:
        yield flaw


def _shadows(version_id: str | None, stored: Sequence[StoredVersion]) -> Iterator[str]:
    """What stands under a key beside the one version that was put there, or over it."""
    newest = next((item for item in stored if item.is_latest), None)
    if newest is not None and newest.is_marker:
        yield "it was deleted: a marker hides its versions"
    elif newest is not None and version_id is not None and newest.version_id != version_id:
        yield f"version {newest.version_id} stands over {version_id}, which was read back"
    if len([item for item in stored if not item.is_marker]) > 1:
        yield f"{len(stored)} versions stand under its key, and it was put once"
