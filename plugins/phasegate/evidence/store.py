"""The durable store of evidence: written once, checksummed, and read back before anyone says it is stored."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from phasegate.errors import EvidenceError, Problem
from phasegate.evidence.canonical import sha256

_CONCURRENCY = 8
_DENIED = frozenset({"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_CONFLICT = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict"})


class PublishFailure(StrEnum):
    """Why something could not be stored durably."""

    DENIED = "DENIED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    CONFLICT = "CONFLICT"
    READ_BACK_DIFFERS = "READ_BACK_DIFFERS"
    MISSING_BUCKET = "MISSING_BUCKET"
    REFUSED = "REFUSED"


class PublishError(EvidenceError):
    """Something could not be stored durably, or did not read back as it was written.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: PublishFailure, problem: Problem) -> None:
        self.reason = reason
        super().__init__(problem)


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

    Returns:
        The receipts and the failures, each in order of the file names.
    """

    def publish(name: str) -> Receipt | PublishError:
        try:
            return store.publish(execution_id, name, files[name])
        except PublishError as error:
            return error

    if not files:
        return [], []
    with ThreadPoolExecutor(max_workers=min(_CONCURRENCY, len(files))) as pool:
        results = list(pool.map(publish, sorted(files)))
    receipts = [result for result in results if isinstance(result, Receipt)]
    return receipts, [result for result in results if isinstance(result, PublishError)]


class S3Store:
    """Evidence under `s3://<bucket>/<prefix>/<execution_id>/`.

    Every put is conditional on the key's absence and carries its SHA-256, which S3 verifies and keeps; every put
    is read back by version id and compared byte for byte.

    Args:
        client: A boto3 S3 client. Its retry configuration is the only retrying there is.
        bucket: The evidence bucket.
        prefix: Key prefix of all attempts, without slashes at its ends.
    """

    def __init__(self, client: Any, *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix.strip("/")

    def uri(self, execution_id: str, name: str = "") -> str:
        """Where an artifact lies, or would lie."""
        return f"s3://{self._bucket}/{self._key(execution_id, name)}"

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        """Stores one artifact and reads it back; see `EvidenceStore.publish`."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - needed only with a client

        key = self._key(execution_id, name)
        version_id: str | None = None
        try:
            version_id = self._put(key, data)
        except ClientError as error:
            if _code(error) not in _CONFLICT:
                raise self._failure(key, error) from error
        except BotoCoreError as error:
            raise self._failure(key, error) from error
        try:
            return self._read_back(execution_id, name, data, version_id)
        except (ClientError, BotoCoreError) as error:
            raise self._failure(key, error) from error

    def _put(self, key: str, data: bytes) -> str | None:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        answer = self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=data,
            IfNoneMatch="*",
            ContentType="application/json" if key.endswith(".json") else "text/plain; charset=utf-8",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
        )
        version: str | None = answer.get("VersionId")
        return version

    def _read_back(self, execution_id: str, name: str, data: bytes, version_id: str | None) -> Receipt:
        key = self._key(execution_id, name)
        wanted = {"VersionId": version_id} if version_id else {}
        answer = self._client.get_object(Bucket=self._bucket, Key=key, **wanted)
        with answer["Body"] as body:
            found = body.read()
        if found != data:
            present = version_id is None
            reason = PublishFailure.CONFLICT if present else PublishFailure.READ_BACK_DIFFERS
            fact = (
                f"other bytes stand under the key already (sha256 {sha256(found)}, not {sha256(data)})"
                if present
                else f"read back {len(found)} bytes (sha256 {sha256(found)}), wrote {len(data)} ({sha256(data)})"
            )
            raise PublishError(
                reason,
                Problem(fact, self.uri(execution_id, name), "find out who else writes there; nothing was overwritten"),
            )
        return Receipt(
            name=name,
            uri=self.uri(execution_id, name),
            version_id=answer.get("VersionId", version_id),
            sha256=sha256(found),
            size=len(found),
        )

    def _key(self, execution_id: str, name: str) -> str:
        return "/".join(part for part in (self._prefix, execution_id, name) if part) + ("" if name else "/")

    def _failure(self, key: str, error: Exception) -> PublishError:
        from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError  # noqa: PLC0415

        place = f"s3://{self._bucket}/{key}"
        code = _code(error)
        if code in _DENIED:
            reason, remedy = PublishFailure.DENIED, "grant the session s3:PutObject and s3:GetObject on the bucket"
        elif code in {"NoSuchBucket", "404"}:
            reason, remedy = (
                PublishFailure.MISSING_BUCKET,
                "create the bucket (core stack), or repin S3_EVIDENCE_BUCKET",
            )
        elif isinstance(error, ConnectTimeoutError | ReadTimeoutError):
            reason, remedy = PublishFailure.TIMEOUT, "wait until the store answers again, then run the gate again"
        elif code is None or code.startswith("5") or code in {"InternalError", "ServiceUnavailable", "SlowDown"}:
            reason, remedy = PublishFailure.UNAVAILABLE, "wait until the store answers again, then run the gate again"
        else:
            reason, remedy = PublishFailure.REFUSED, "mend what the store complains of, then run the gate again"
        return PublishError(reason, Problem(f"{reason.value}: {' '.join(str(error).split())}", place, remedy))


def _code(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code")) if isinstance(response, dict) else None
