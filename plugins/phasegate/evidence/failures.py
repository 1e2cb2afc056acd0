"""Why evidence could not be stored durably: a closed set of reasons, told from what an S3 client says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PublishFailure(StrEnum):
    """Why something could not be stored durably."""

    DENIED = "DENIED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    CONFLICT = "CONFLICT"
    READ_BACK_DIFFERS = "READ_BACK_DIFFERS"
    MISSING_BUCKET = "MISSING_BUCKET"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Cause:
    """What became of one call to the store.

    Attributes:
        reason: Why it failed.
        remedy: What mends it.
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
_REFUSED = Cause(PublishFailure.REFUSED, "mend what the store complains of, then run the gate again")

_BY_CODE = {
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


def cause_of(error: Exception) -> Cause:
    """Why a call failed, from what the client raised.

    Args:
        error: One of `client_errors`.
    """
    from botocore import exceptions as boto  # noqa: PLC0415 - needed only where a client has been made
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    code, status = _code(error), _status(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in {401, 403}:
        return _DENIED
    if status is not None:
        return _UNAVAILABLE if status >= 500 or status == 429 else _REFUSED
    if isinstance(error, boto.FlexibleChecksumError):
        return _DIFFERS
    if isinstance(error, boto.ConnectTimeoutError | boto.ReadTimeoutError):
        return _TIMEOUT
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError | boto.IncompleteReadError | ResponseParserError):
        return _UNAVAILABLE
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return _DENIED
    return _REFUSED


def _code(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code")) if isinstance(response, dict) else None


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return status if isinstance(status, int) else None
