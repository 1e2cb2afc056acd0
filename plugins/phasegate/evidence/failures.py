"""Why evidence could not be stored durably: a closed set of reasons, told from what an S3 client says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class PublishFailure(StrEnum):
    """Why something could not be stored durably."""

    DENIED = "DENIED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    CONFLICT = "CONFLICT"
    READ_BACK_DIFFERS = "READ_BACK_DIFFERS"
    MISSING_BUCKET = "MISSING_BUCKET"
    REFUSED = "REFUSED"
    CLOCK = "CLOCK"
    """The clock of this machine is wrong, so that nothing it signs is taken."""
    UNVERSIONED = "UNVERSIONED"
    """The store keeps no versions, so that what was read back could be replaced."""
    UNPROVEN = "UNPROVEN"
    """The store answered, and its answer does not prove that it has what it was given."""
    BROKEN = "BROKEN"
    """The store, or its client, failed in a way of its own."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What became of one call to the store.

    Attributes:
        reason: Why it failed.
        remedy: What fixes it.
        transient: Whether the same call may well succeed a moment later.
    """

    reason: PublishFailure
    remedy: str
    transient: bool = False


_WAIT = "wait until the store answers again, then run the gate again"
_DENIED = Cause(PublishFailure.DENIED, "give the session credentials with s3:PutObject and s3:GetObject on the bucket")
_MISSING = Cause(PublishFailure.MISSING_BUCKET, "create the bucket (core stack), or repin S3_EVIDENCE_BUCKET")
_UNAVAILABLE = Cause(PublishFailure.UNAVAILABLE, _WAIT, transient=True)
_TIMEOUT = Cause(PublishFailure.TIMEOUT, _WAIT)
_DIFFERS = Cause(PublishFailure.READ_BACK_DIFFERS, "find out what alters or removes objects of the bucket")
_REFUSED = Cause(PublishFailure.REFUSED, "fix what the store complains of, then run the gate again")

_CLOCK = Cause(PublishFailure.CLOCK, "set the clock of this machine (NTP), then run the gate again")
_BROKEN = Cause(PublishFailure.BROKEN, "find out what is wrong with the store's client; nothing was stored for certain")

_CLOCK_TEXT = re.compile(r"not yet current|signature expired|must be earlier|request time", re.IGNORECASE)
"""What services write where a date is the reason for which they refuse a signature."""

_OF_SIGNATURES = frozenset({"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"})
"""Codes of a signature that is refused, for its date or for its key."""

_BY_CODE = {
    "RequestTimeTooSkewed": _CLOCK,
    "RequestExpired": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "NoSuchBucket": _MISSING,
    "NoSuchKey": _DIFFERS,
    "NoSuchVersion": _DIFFERS,
    "MethodNotAllowed": _DIFFERS,  # the version that was just written is a delete marker
    "ExpiredToken": _DENIED,
    "InvalidToken": _DENIED,
    "RequestTimeout": _TIMEOUT,
    "SlowDown": _UNAVAILABLE,
    "Throttling": _UNAVAILABLE,
    "BadDigest": _UNAVAILABLE,  # damaged on the way: the next try may arrive whole
    "ConditionalRequestConflict": _UNAVAILABLE,  # somebody is writing the key: the next try sees what
}


def client_errors() -> tuple[type[Exception], ...]:
    """What a call of an S3 client may raise."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - needed only with a client
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - neither of the two, to everyone's surprise

    return (ClientError, BotoCoreError, ResponseParserError)


def is_taken(error: Exception) -> bool:
    """Whether a conditional put failed because something stands under the key already."""
    return _code(error) in {"PreconditionFailed", "412"}


def cause_of(error: BaseException) -> Cause:
    """Why a call failed, from what the client or the store raised."""
    from botocore import exceptions as boto  # noqa: PLC0415 - needed only where something failed
    from botocore.parsers import ResponseParserError  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    code, status = _code(error), _status(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code in _OF_SIGNATURES and _CLOCK_TEXT.search(_message(error)):
        return _CLOCK
    if status in {401, 403}:
        return _DENIED
    if status is not None:
        return _UNAVAILABLE if status >= 500 or status == 429 else _REFUSED
    if isinstance(error, boto.FlexibleChecksumError):
        return _DIFFERS
    if isinstance(error, boto.ConnectTimeoutError | boto.ReadTimeoutError | TimeoutError):
        return _TIMEOUT
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError | ResponseParserError):
        return _UNAVAILABLE
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return _DENIED
    if isinstance(error, boto.BotoCoreError | boto.ClientError):
        return _REFUSED
    return _UNAVAILABLE if isinstance(error, HTTPError | OSError) else _BROKEN


def _code(error: BaseException) -> str | None:
    said = _said(error)
    return None if said is None else str(said.get("Code"))


def _message(error: BaseException) -> str:
    return str((_said(error) or {}).get("Message"))


def _said(error: BaseException) -> Mapping[str, Any] | None:
    """The part of a client's error in which the service speaks."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return None
    said = response.get("Error")
    return said if isinstance(said, Mapping) else {}


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
    status = metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None
    return status if isinstance(status, int) else None
