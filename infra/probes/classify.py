"""From an exception of the SDK to the closed vocabulary of probe failures."""

from __future__ import annotations

from infra.clients import OutsideLoopbackError
from infra.probes.model import ErrorClass, ProbeFailure

_NOT_FOUND = frozenset(
    {
        "404",
        "EntityNotFoundException",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
_DENIED = frozenset(
    {
        "401",
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "ForbiddenException",
        "InvalidClientTokenId",
        "UnauthorizedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_THROTTLED = frozenset(
    {"429", "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
_INVALID = frozenset(
    {"400", "BadRequestException", "InvalidArn", "InvalidParameterException", "ValidationError", "ValidationException"}
)
_UNSUPPORTED = "UnsupportedByEmulator"


def classify(error: BaseException) -> ErrorClass:
    """The class of a failure; what is not known here is UNCATEGORISED, never a pass."""
    from botocore import exceptions as sdk  # noqa: PLC0415 - needed only where something failed

    if isinstance(error, ProbeFailure):
        return error.error_class
    if isinstance(error, sdk.ReadTimeoutError | sdk.ConnectTimeoutError | TimeoutError):
        return ErrorClass.TIMEOUT
    if isinstance(
        error, sdk.EndpointConnectionError | sdk.ConnectionError | sdk.HTTPClientError | OutsideLoopbackError
    ):
        return ErrorClass.UNREACHABLE
    if isinstance(error, sdk.ParamValidationError):
        return ErrorClass.INVALID_REQUEST
    if isinstance(error, sdk.ClientError):
        return _of_client_error(error.response)
    return ErrorClass.UNCATEGORISED


def _of_client_error(response: dict[str, object]) -> ErrorClass:
    error = response.get("Error")
    code = str(error.get("Code")) if isinstance(error, dict) else ""
    metadata = response.get("ResponseMetadata")
    status = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else None
    if code == _UNSUPPORTED:
        return ErrorClass.UNSUPPORTED_BY_SUBSTRATE
    for known, error_class in (
        (_NOT_FOUND, ErrorClass.NOT_FOUND),
        (_DENIED, ErrorClass.ACCESS_DENIED),
        (_THROTTLED, ErrorClass.THROTTLED),
        (_INVALID, ErrorClass.INVALID_REQUEST),
    ):
        if code in known:
            return error_class
    if isinstance(status, int) and status >= 500:
        return ErrorClass.SERVICE_ERROR
    return ErrorClass.UNCATEGORISED
