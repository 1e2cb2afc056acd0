"""From an exception to the closed vocabulary of probe failures, and to a line that may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http.client import responses
from socket import gaierror
from ssl import SSLError
from typing import Any, Final
from urllib.error import HTTPError, URLError

from infra.aws_endpoints import NotAwsError
from infra.clients import OutsideLoopbackError
from infra.errors import InfraError
from infra.names import ERROR_HEADER, FAILED, UNSUPPORTED
from infra.probes.model import ErrorClass, ProbeFailure
from infra.probes.redaction import one_line

_OF_SUBSTRATE: Final[Mapping[str, ErrorClass]] = {
    UNSUPPORTED: ErrorClass.UNSUPPORTED_BY_SUBSTRATE,
    FAILED: ErrorClass.SUBSTRATE_FAILED,
}
"""The codes in which the embedded substrate speaks of itself; no AWS service has them."""

_DENIED: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "ForbiddenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequestsException",
    }
)
_TIMED_OUT: Final = frozenset({"RequestTimeout", "RequestTimeoutException"})
_CLOCK: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_OF_SIGNATURES: Final = frozenset({"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"})
_CLOCK_TEXT: Final = re.compile(r"not yet current|signature expired|must be earlier|request time", re.IGNORECASE)
"""What services write where a date is the reason for which they refuse a signature."""
_INVALID: Final = frozenset(
    {
        "BadRequestException",
        "InvalidArn",
        "InvalidName",
        "InvalidParameter",
        "InvalidParameterCombination",
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "InvalidRequest",
        "InvalidRequestException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)
_NOT_FOUND: Final = re.compile(r"NoSuch[A-Z]\w*|\w*NotFound(?:Exception|Fault)?|\w+DoesNotExist(?:Exception)?")
_DENIED_FORM: Final = re.compile(r"\w*AccessDenied(?:Exception)?")
_THROTTLED_FORM: Final = re.compile(r"\w*Throttl\w*")

_BY_STATUS: Final[Mapping[int, ErrorClass]] = {
    301: ErrorClass.BAD_STATE,
    307: ErrorClass.BAD_STATE,
    400: ErrorClass.INVALID_REQUEST,
    401: ErrorClass.ACCESS_DENIED,
    403: ErrorClass.ACCESS_DENIED,
    404: ErrorClass.NOT_FOUND,
    408: ErrorClass.TIMEOUT,
    429: ErrorClass.THROTTLED,
    504: ErrorClass.TIMEOUT,
}


def classify(error: BaseException, *, embedded: bool = False) -> ErrorClass:
    """The class of a failure; what is not known here is UNCATEGORISED, never a pass.

    Args:
        error: What was raised by a check, the SDK or an HTTP call.
        embedded: Whether the embedded substrate was asked. There, an answer that is no service's (a page of HTML,
            a bare status) is a gap of the substrate; on AWS it is an error of the service.
    """
    from botocore import exceptions as sdk  # noqa: PLC0415 - needed only where something failed
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    if isinstance(error, ProbeFailure):
        return error.error_class
    if isinstance(error, sdk.ClientError):
        return _of_client_error(error.response, embedded=embedded)
    if isinstance(error, HTTPError):
        return _of_http_status(error.code)
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return classify(error.reason, embedded=embedded)
    if isinstance(error, ResponseParserError):
        return _no_services_answer(embedded=embedded)
    if isinstance(error, sdk.ReadTimeoutError | sdk.ConnectTimeoutError | TimeoutError):
        return ErrorClass.TIMEOUT
    if isinstance(
        error, sdk.NoCredentialsError | sdk.PartialCredentialsError | sdk.CredentialRetrievalError | sdk.SSOError
    ):
        return ErrorClass.ACCESS_DENIED
    if isinstance(error, sdk.ParamValidationError):
        return ErrorClass.INVALID_REQUEST
    if isinstance(error, sdk.ConnectionError | sdk.HTTPClientError | OutsideLoopbackError | NotAwsError):
        return ErrorClass.UNREACHABLE
    if isinstance(error, ConnectionError | gaierror | SSLError | URLError):
        return ErrorClass.UNREACHABLE
    return ErrorClass.UNCATEGORISED


def explain(error: BaseException, secrets: Iterable[tuple[str, str]] = ()) -> str:
    """What a failure says, on one short line that may be shown.

    Args:
        error: What was raised.
        secrets: Secret values that were read, as pairs of name and value.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - needed only where something failed

    if isinstance(error, ProbeFailure):
        text = str(error)
    elif isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        text = f"{error.operation_name}: {said.get('Code')} (HTTP {status}): {said.get('Message')}"
        if classify(error) is ErrorClass.CLOCK_SKEWED:
            text = f"this machine's clock is wrong, set it (NTP): {text}"
    elif isinstance(error, InfraError):
        text = "; ".join(f"{problem.place}: {problem.fact}" for problem in error.problems)
    else:
        text = f"{type(error).__name__}: {_text_of(error)}"
    return one_line(text, secrets)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - an exception may raise anything while it is put into words
        return f"its text raises {type(failure).__name__}"


def _of_client_error(response: Mapping[str, Any], *, embedded: bool) -> ErrorClass:
    metadata = response.get("ResponseMetadata") or {}
    said = response.get("Error") or {}
    code, status = str(said.get("Code", "")), int(metadata.get("HTTPStatusCode") or 0)
    if not _is_name(code):
        # An answer without a body, or without one that the service could have written.
        code = str((metadata.get("HTTPHeaders") or {}).get(ERROR_HEADER, ""))
        if not _is_name(code):
            bare = said.get("Message") == responses.get(status)
            usual = _BY_STATUS.get(status) if bare else None
            return usual or _no_services_answer(embedded=embedded)
    if code in _CLOCK or (code in _OF_SIGNATURES and _CLOCK_TEXT.search(str(said.get("Message")))):
        return ErrorClass.CLOCK_SKEWED
    return _of_code(code, status)


def _of_code(code: str, status: int) -> ErrorClass:
    if code in _OF_SUBSTRATE:
        return _OF_SUBSTRATE[code]
    if code in _DENIED or _DENIED_FORM.fullmatch(code) or status in {401, 403}:
        return ErrorClass.ACCESS_DENIED
    if code in _THROTTLED or _THROTTLED_FORM.fullmatch(code) or status == 429:
        return ErrorClass.THROTTLED
    if _NOT_FOUND.fullmatch(code):
        return ErrorClass.NOT_FOUND
    if code in _TIMED_OUT:
        return ErrorClass.TIMEOUT
    if code in _INVALID:
        return ErrorClass.INVALID_REQUEST
    if status >= 500:
        return ErrorClass.SERVICE_ERROR
    return ErrorClass.UNCATEGORISED


def _of_http_status(status: int) -> ErrorClass:
    known = _BY_STATUS.get(status)
    return known or (ErrorClass.SERVICE_ERROR if status >= 500 else ErrorClass.UNCATEGORISED)


def _no_services_answer(*, embedded: bool) -> ErrorClass:
    return ErrorClass.UNSUPPORTED_BY_SUBSTRATE if embedded else ErrorClass.SERVICE_ERROR


def _is_name(code: str) -> bool:
    return bool(code) and not code.isdigit() and code != "Unknown"
