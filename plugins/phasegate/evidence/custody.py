"""What a durable store owes to whoever gives evidence to it: a receipt that is held against the bytes, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import sha256
from phasegate.evidence.failures import PublishFailure, cause_of
from phasegate.printable import text_of

_CONCURRENCY = 8
_Error = TypeVar("_Error", bound="StoreError")


class StoreError(EvidenceError):
    """The store could not do what it was asked for.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: PublishFailure, problem: Problem) -> None:
        self.reason = reason
        super().__init__(problem)


class PublishError(StoreError):
    """Something could not be stored durably, or did not read back as it was written."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one object was stored and read back.

    Attributes:
        name: The artifact's file name.
        uri: Where it lies.
        version_id: The version that was read back; None where the store has no versions.
        sha256: Digest of the bytes read back.
        size: Their count.
    """

    name: str
    uri: str
    version_id: str | None
    sha256: str
    size: int


class EvidenceStore(Protocol):
    """A durable place for evidence packs."""

    def uri(self, execution_id: str, name: str = "") -> str:
        """Where an artifact lies, or would lie; without a name, where the attempt lies."""
        ...

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        """Stores one artifact and reads it back.

        Storing the same bytes again is a success and changes nothing; other bytes are a conflict.

        Raises:
            PublishError: It could not be stored, or did not read back as it was written.
        """
        ...


def publish_all(
    store: EvidenceStore, execution_id: str, files: Mapping[str, bytes]
) -> tuple[list[Receipt], list[PublishError]]:
    """Stores several artifacts at once; what failed does not keep the others from being tried.

    No store is believed: each receipt is held against the bytes that were sent.

    Returns:
        The receipts and the failures, each in order of the file names.
    """

    def publish(name: str) -> Receipt | PublishError:
        try:
            return _proven(store.publish(execution_id, name, files[name]), store, execution_id, name, files[name])
        except PublishError as error:
            return error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a store raises, what it was given is not stored
            return failed(error, f"{type(store).__name__}: {execution_id}/{name}", PublishError)

    if not files:
        return [], []
    with ThreadPoolExecutor(max_workers=min(_CONCURRENCY, len(files))) as pool:
        results = list(pool.map(publish, sorted(files)))
    receipts = [result for result in results if isinstance(result, Receipt)]
    return receipts, [result for result in results if isinstance(result, PublishError)]


def failed(error: BaseException, place: str, kind: type[_Error]) -> _Error:
    """The error of a store for what was raised in it."""
    cause = cause_of(error)
    fact = f"{cause.reason.value}: {type(error).__name__}: {' '.join(text_of(error).split())}"
    return kind(cause.reason, Problem(fact, place, cause.remedy))


def _proven(answer: object, store: EvidenceStore, execution_id: str, name: str, data: bytes) -> Receipt:
    """A receipt that says what it has to say of the bytes that were sent.

    Raises:
        PublishError: It does not, or the answer is none.
    """
    uri = store.uri(execution_id, name)
    if not isinstance(answer, Receipt):
        raise _unproven(f"answers {type(answer).__name__}, which is no receipt", uri)
    wanted = {"name": name, "uri": uri, "sha256": sha256(data), "size": len(data)}
    lies = [
        f"{field} is {getattr(answer, field)!r}, not {value!r}"
        for field, value in wanted.items()
        if type(getattr(answer, field)) is not type(value) or getattr(answer, field) != value
    ]
    version = answer.version_id
    if version is not None and (type(version) is not str or not version):
        lies.append(f"version_id is {version!r}, which names no version")
    if lies:
        raise _unproven(f"its receipt is not for what was sent: {'; '.join(lies)}", uri)
    return answer


def _unproven(fact: str, place: object) -> PublishError:
    reason = PublishFailure.UNPROVEN
    remedy = "fix the store: it has to read back what it stored and answer with a Receipt for it"
    return PublishError(reason, Problem(f"{reason.value}: the store {fact}", str(place), remedy))
