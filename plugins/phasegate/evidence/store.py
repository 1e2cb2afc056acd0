"""The durable store of evidence: written once, checksummed, and read back before anyone says it is stored."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from phasegate.errors import Problem
from phasegate.evidence.canonical import sha256
from phasegate.evidence.custody import EvidenceStore, PublishError, Receipt, StoreError, failed, publish_all
from phasegate.evidence.failures import PublishFailure, cause_of, client_errors, is_taken

PART_SIZE = 8 * 1024 * 1024
_LOCK_TOLERANCE = timedelta(days=1)
"""How far the clock that set a lock may have been behind the store's."""
_PAUSES = (0.05, 0.25)
"""Seconds before the second and the third try of what failed for a moment."""

__all__ = ["EvidenceStore", "PublishError", "PublishFailure", "Receipt", "S3Store", "publish_all"]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object of an attempt, or a marker of its deletion.

    Attributes:
        name: The object's file name.
        version_id: Which version it is.
        is_latest: Whether it is what a read without a version finds.
        is_marker: Whether it is a marker, which hides the versions before it.
    """

    name: str
    version_id: str
    is_latest: bool
    is_marker: bool


class S3Store:
    """Evidence under `s3://<bucket>/<prefix>/<execution_id>/`.

    Every put is conditional on the key's absence and carries its SHA-256, which S3 verifies and keeps; every put
    is read back by version id and compared byte for byte. What fails for a moment (5xx, throttling, a lost
    connection) is tried again twice: put and read-back together change nothing when they are repeated.

    Args:
        client: A boto3 S3 client; its own retries and time-outs come on top.
        bucket: The evidence bucket.
        prefix: Key prefix of all attempts.
        retain_days: For how many days each object is locked (Object Lock, mode GOVERNANCE); None for a bucket
            without Object Lock.
        pause: Waits the given seconds between two tries.
        part_size: Objects larger than this many bytes go in parts of it; S3 wants at least 5 MiB.
    """

    def __init__(
        self,
        client: Any,
        *,
        bucket: str,
        prefix: str,
        retain_days: int | None = None,
        pause: Callable[[float], None] = time.sleep,
        part_size: int = PART_SIZE,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix.strip("/")
        self._retain_days = retain_days
        self._pause = pause
        self._part_size = part_size

    def uri(self, execution_id: str, name: str = "") -> str:
        """Where an artifact lies, or would lie."""
        return f"s3://{self._bucket}/{self._key(execution_id, name)}"

    def publish(self, execution_id: str, name: str, data: bytes) -> Receipt:
        """Stores one artifact and reads it back; see `EvidenceStore.publish`."""
        pauses = iter(_PAUSES)
        while True:
            try:
                return self._stored(execution_id, name, data)
            except PublishError:
                raise
            except Exception as error:
                seconds = next(pauses, None) if cause_of(error).transient else None
                if seconds is None:
                    raise failed(error, self.uri(execution_id, name), PublishError) from error
            self._pause(seconds)

    def supersede(self, execution_id: str, name: str, data: bytes, earlier: Callable[[bytes], bool]) -> Receipt:
        """Stores an object that takes the place of an earlier one of its kind, as a new version of its key.

        The earlier version stays. The put is conditional on the very bytes that were found, so that two writers
        never hide each other's.

        Args:
            execution_id: Where it lies below the prefix.
            name: Its file name.
            data: Its bytes.
            earlier: Whether what stands under the key is an earlier one of its kind; anything else is a conflict.

        Raises:
            PublishError: It could not be stored, did not read back, or what stands there is of another kind.
        """
        try:
            return self.publish(execution_id, name, data)
        except PublishError as error:
            if error.reason is not PublishFailure.CONFLICT:
                raise
            conflict = error
        key = self._key(execution_id, name)
        with self._telling(execution_id, name, PublishError):
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            with found["Body"] as body:
                if not earlier(body.read()):
                    raise conflict
            version_id = self._version(execution_id, name, self._put(key, data, IfMatch=found["ETag"]))
            return self._read_back(execution_id, name, data, version_id)

    def read(self, execution_id: str, name: str, version_id: str | None = None) -> bytes:
        """The bytes of an object, of one version where one is named.

        Raises:
            StoreError: It is not there, or cannot be read.
        """
        with self._telling(execution_id, name):
            _, data = self._get(execution_id, name, version_id)
            return data

    def _stored(self, execution_id: str, name: str, data: bytes) -> Receipt:
        version_id = None
        try:
            version_id = self._version(execution_id, name, self._put(self._key(execution_id, name), data))
        except client_errors() as error:
            if not is_taken(error):
                raise
        return self._read_back(execution_id, name, data, version_id)

    def _read_back(self, execution_id: str, name: str, data: bytes, written: str | None) -> Receipt:
        """Proves that the bytes stand under the key, in the version that was written, or in the one found there."""
        answer, found = self._get(execution_id, name, written)
        if found != data:
            raise self._different(execution_id, name, data, found, written=written is not None)
        version_id = self._version(execution_id, name, answer)
        if written not in (None, version_id):
            reason = PublishFailure.READ_BACK_DIFFERS
            fact = f"{reason.value}: version {written} was written, and {version_id} was read back"
            remedy = "find out what stands between the session and the bucket"
            raise PublishError(reason, Problem(fact, self.uri(execution_id, name), remedy))
        return Receipt(name, self.uri(execution_id, name), version_id, sha256(found), len(found))

    def _get(self, execution_id: str, name: str, version_id: str | None) -> tuple[Mapping[str, Any], bytes]:
        wanted = {"VersionId": version_id} if version_id else {}
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key(execution_id, name), **wanted)
        with answer["Body"] as body:
            data: bytes = body.read()
        return answer, data

    def _version(self, execution_id: str, name: str, answer: Mapping[str, Any]) -> str:
        """The version that an answer names: evidence rests on versions, which nobody can replace."""
        found = answer.get("VersionId")
        if isinstance(found, str) and found not in {"", "null"}:
            return found
        reason = PublishFailure.UNVERSIONED
        fact = f"{reason.value}: the store names no version of what it stored (VersionId {found!r})"
        raise PublishError(
            reason, Problem(fact, self.uri(execution_id, name), "switch the versioning of the bucket on")
        )

    @contextmanager
    def _telling(self, execution_id: str, name: str, kind: type[StoreError] = StoreError) -> Iterator[None]:
        """Lets nothing but errors of the store out, whatever its client raises."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise failed(error, self.uri(execution_id, name), kind) from error

    def versions(self, execution_id: str) -> list[StoredVersion]:
        """Every version of the objects of an attempt, markers of deletion included, by file name.

        Raises:
            StoreError: They cannot be listed.
        """
        prefix = self._key(execution_id, "")
        with self._telling(execution_id, ""):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
            found = [
                StoredVersion(row["Key"].removeprefix(prefix), row["VersionId"], row["IsLatest"], is_marker)
                for page in pages
                for kind, is_marker in (("Versions", False), ("DeleteMarkers", True))
                for row in page.get(kind, [])
            ]
        return sorted(found, key=lambda item: item.name)

    def lock_flaw(self, execution_id: str, name: str, version_id: str | None = None) -> str:
        """Why an object could be deleted before its time; empty where its lock holds, or where none is wanted.

        Raises:
            StoreError: It is not there, or cannot be read.
        """
        if self._retain_days is None:
            return ""
        wanted = {"VersionId": version_id} if version_id else {}
        with self._telling(execution_id, name):
            found = self._client.head_object(Bucket=self._bucket, Key=self._key(execution_id, name), **wanted)
        until = found.get("ObjectLockRetainUntilDate")
        if found.get("ObjectLockMode") not in {"GOVERNANCE", "COMPLIANCE"} or until is None:
            return "it is not locked"
        if until <= datetime.now(UTC):
            return f"its lock ran out at {until:%Y-%m-%dT%H:%M:%SZ}"
        owed = found["LastModified"] + timedelta(days=self._retain_days)
        if until < owed - _LOCK_TOLERANCE:
            return f"its lock ends at {until:%Y-%m-%dT%H:%M:%SZ}, and evidence is kept for {self._retain_days} days"
        return ""

    def _put(self, key: str, data: bytes, **condition: str) -> Mapping[str, Any]:
        condition = condition or {"IfNoneMatch": "*"}
        if len(data) > self._part_size:
            return self._put_in_parts(key, data, condition)
        answer: Mapping[str, Any] = self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=data,
            **condition,
            **self._kind(key),
            **self._lock(),
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=_checksum(data),
        )
        return answer

    def _put_in_parts(self, key: str, data: bytes, condition: Mapping[str, str]) -> Mapping[str, Any]:
        """Stores a large object part by part; what fails leaves no part behind."""
        where = {"Bucket": self._bucket, "Key": key}
        upload = self._client.create_multipart_upload(
            **where, **self._kind(key), **self._lock(), ChecksumAlgorithm="SHA256"
        )["UploadId"]
        try:
            parts = []
            for number, start in enumerate(range(0, len(data), self._part_size), start=1):
                part = data[start : start + self._part_size]
                answer = self._client.upload_part(
                    **where, UploadId=upload, PartNumber=number, Body=part, ChecksumSHA256=_checksum(part)
                )
                row = {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer.get("ChecksumSHA256")}
                parts.append({name: value for name, value in row.items() if value is not None})
            done: Mapping[str, Any] = self._client.complete_multipart_upload(
                **where, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )
        except client_errors():
            with suppress(*client_errors()):
                self._client.abort_multipart_upload(**where, UploadId=upload)
            raise
        return done

    def _kind(self, key: str) -> dict[str, str]:
        return {"ContentType": "application/json" if key.endswith(".json") else "text/plain; charset=utf-8"}

    def _lock(self) -> dict[str, Any]:
        if self._retain_days is None:
            return {}
        until = datetime.now(UTC) + timedelta(days=self._retain_days)
        return {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}

    def _different(self, execution_id: str, name: str, data: bytes, found: bytes, *, written: bool) -> PublishError:
        if written:
            reason = PublishFailure.READ_BACK_DIFFERS
            fact = f"read back {len(found)} bytes (sha256 {sha256(found)}), wrote {len(data)} ({sha256(data)})"
        else:
            reason = PublishFailure.CONFLICT
            fact = f"other bytes stand under the key already (sha256 {sha256(found)}, not {sha256(data)})"
        remedy = "find out who else writes there; nothing was overwritten"
        return PublishError(reason, Problem(f"{reason.value}: {fact}", self.uri(execution_id, name), remedy))

    def _key(self, execution_id: str, name: str) -> str:
        return "/".join(part for part in (self._prefix, execution_id, name) if part) + ("" if name else "/")


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
