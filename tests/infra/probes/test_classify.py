"""Every exception gets one class of the closed vocabulary; what nobody knows is UNCATEGORISED."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clients import Clients, OutsideLoopbackError
from infra.errors import InfraError, Problem
from infra.names import SUBSTRATE_CODES as SUBSTRATES_OWN
from infra.probes.bounded import DeadlineError
from infra.probes.classify import classify, explain
from infra.probes.model import ErrorClass, ProbeFailure, ProbeStatus, status_of

untimed = settings(deadline=None)


def answered(code: str, status: int = 400, message: str = "said so", **headers: str) -> ClientError:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Operation")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NotFoundException", 404, ErrorClass.NOT_FOUND),
        ("ResourceNotFoundException", 400, ErrorClass.NOT_FOUND),
        ("ParameterNotFound", 400, ErrorClass.NOT_FOUND),
        ("NoSuchEntity", 404, ErrorClass.NOT_FOUND),
        ("NoSuchBucket", 404, ErrorClass.NOT_FOUND),
        ("StateMachineDoesNotExist", 400, ErrorClass.NOT_FOUND),
        ("AccessDenied", 403, ErrorClass.ACCESS_DENIED),
        ("AccessDeniedException", 400, ErrorClass.ACCESS_DENIED),
        ("KMSAccessDeniedException", 400, ErrorClass.ACCESS_DENIED),
        ("ExpiredTokenException", 400, ErrorClass.ACCESS_DENIED),
        ("SomethingNew", 403, ErrorClass.ACCESS_DENIED),
        ("SomethingNew", 401, ErrorClass.ACCESS_DENIED),
        ("ThrottlingException", 400, ErrorClass.THROTTLED),
        ("RequestThrottledException", 400, ErrorClass.THROTTLED),
        ("SlowDown", 503, ErrorClass.THROTTLED),
        ("SomethingNew", 429, ErrorClass.THROTTLED),
        ("RequestTimeout", 400, ErrorClass.TIMEOUT),
        ("RequestTimeTooSkewed", 403, ErrorClass.CLOCK_SKEWED),
        ("RequestExpired", 400, ErrorClass.CLOCK_SKEWED),
        ("ValidationException", 400, ErrorClass.INVALID_REQUEST),
        ("InvalidArn", 400, ErrorClass.INVALID_REQUEST),
        ("InternalFailure", 500, ErrorClass.SERVICE_ERROR),
        ("ServiceUnavailable", 503, ErrorClass.SERVICE_ERROR),
        ("UnsupportedByEmulator", 500, ErrorClass.UNSUPPORTED_BY_SUBSTRATE),
        ("EmulatorFailure", 500, ErrorClass.SUBSTRATE_FAILED),
        ("SomethingNew", 400, ErrorClass.UNCATEGORISED),
        ("SomethingNew", 404, ErrorClass.UNCATEGORISED),
        ("Teapot", 418, ErrorClass.UNCATEGORISED),
    ],
)
def test_a_services_code_has_its_class(code: str, status: int, expected: ErrorClass) -> None:
    assert classify(answered(code, status)) is expected
    assert classify(answered(code, status), embedded=True) is expected


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (301, "Moved Permanently", ErrorClass.BAD_STATE),
        (400, "Bad Request", ErrorClass.INVALID_REQUEST),
        (403, "Forbidden", ErrorClass.ACCESS_DENIED),
        (404, "Not Found", ErrorClass.NOT_FOUND),
        (429, "Too Many Requests", ErrorClass.THROTTLED),
    ],
)
def test_an_answer_without_a_body_is_read_by_its_status(status: int, message: str, expected: ErrorClass) -> None:
    assert classify(answered(str(status), status, message)) is expected


@pytest.mark.parametrize(
    "error",
    [
        answered("500", 500, "<!doctype html><title>oops</title>"),
        answered("500", 500, "Internal Server Error"),
        answered("404", 404, "<html>not here</html>"),
        answered("404", 404, ""),
        ResponseParserError("invalid XML received"),
    ],
)
def test_an_answer_that_is_no_services_is_the_substrates_gap_or_on_aws_the_services_error(error: Exception) -> None:
    assert classify(error, embedded=True) is ErrorClass.UNSUPPORTED_BY_SUBSTRATE
    assert classify(error) is ErrorClass.SERVICE_ERROR


def test_the_substrate_names_the_code_of_an_answer_without_a_body() -> None:
    for code, expected in (
        ("InternalError", ErrorClass.SERVICE_ERROR),
        ("UnsupportedByEmulator", ErrorClass.UNSUPPORTED_BY_SUBSTRATE),
        ("EmulatorFailure", ErrorClass.SUBSTRATE_FAILED),
    ):
        error = answered("500", 500, "Internal Server Error", **{"x-phasegate-error": code})
        assert classify(error, embedded=True) is expected


def test_every_code_in_which_the_substrate_speaks_of_itself_is_an_error() -> None:
    for code in SUBSTRATES_OWN:
        assert status_of(classify(answered(code, 500))) is ProbeStatus.ERROR


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sdk.EndpointConnectionError(endpoint_url="http://x"), ErrorClass.UNREACHABLE),
        (sdk.ConnectionClosedError(endpoint_url="http://x"), ErrorClass.UNREACHABLE),
        (sdk.SSLError(endpoint_url="http://x", error="bad"), ErrorClass.UNREACHABLE),
        (sdk.ConnectTimeoutError(endpoint_url="http://x"), ErrorClass.TIMEOUT),
        (sdk.ReadTimeoutError(endpoint_url="http://x"), ErrorClass.TIMEOUT),
        (DeadlineError("late"), ErrorClass.TIMEOUT),
        (sdk.NoCredentialsError(), ErrorClass.ACCESS_DENIED),
        (sdk.ParamValidationError(report="bad"), ErrorClass.INVALID_REQUEST),
        (OutsideLoopbackError("left", "here", "stay"), ErrorClass.UNREACHABLE),
        (HTTPError("http://x", 503, "down", {}, None), ErrorClass.SERVICE_ERROR),
        (HTTPError("http://x", 401, "who", {}, None), ErrorClass.ACCESS_DENIED),
        (HTTPError("http://x", 404, "gone", {}, None), ErrorClass.NOT_FOUND),
        (HTTPError("http://x", 418, "tea", {}, None), ErrorClass.UNCATEGORISED),
        (URLError(ConnectionRefusedError()), ErrorClass.UNREACHABLE),
        (URLError(socket.gaierror()), ErrorClass.UNREACHABLE),
        (URLError(TimeoutError()), ErrorClass.TIMEOUT),
        (URLError("no host"), ErrorClass.UNREACHABLE),
        (ssl.SSLError(), ErrorClass.UNREACHABLE),
        (ConnectionResetError(), ErrorClass.UNREACHABLE),
        (ProbeFailure(ErrorClass.BAD_STATE, "down"), ErrorClass.BAD_STATE),
        (InfraError("no client", "here", "do"), ErrorClass.UNCATEGORISED),
        (FileNotFoundError("a bundle"), ErrorClass.UNCATEGORISED),
        (KeyError("State"), ErrorClass.UNCATEGORISED),
        (RecursionError(), ErrorClass.UNCATEGORISED),
    ],
)
def test_an_exception_has_its_class(error: Exception, expected: ErrorClass) -> None:
    assert classify(error) is expected
    assert isinstance(explain(error), str)


@untimed
@given(
    code=st.text(max_size=30),
    status=st.integers(0, 999) | st.none(),
    message=st.text(max_size=60) | st.none(),
    embedded=st.booleans(),
)
def test_no_answer_is_without_a_class(code: str, status: int | None, message: str | None, embedded: bool) -> None:
    response: dict[str, Any] = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if message is not None:
        response["Error"]["Message"] = message
    error = ClientError(response, "Operation")
    assert classify(error, embedded=embedded) in ErrorClass
    assert "\n" not in explain(error)
    assert classify(ClientError({}, "Operation"), embedded=embedded) in ErrorClass


def test_explanations_say_the_call_the_code_and_the_status() -> None:
    assert explain(answered("NoSuchEntity", 404, "none such")) == "Operation: NoSuchEntity (HTTP 404): none such"
    several = InfraError(problems=[Problem("one", "here", "fix"), Problem("two", "there", "fix")])
    assert explain(several) == "here: one; there: two"
    assert explain(ValueError("odd\nthing")) == "ValueError: odd thing"


PROTOCOLS: dict[str, Callable[[Clients], Any]] = {
    "query": lambda clients: clients.client("iam").get_role(RoleName="a"),
    "rest-xml": lambda clients: clients.client("s3").head_bucket(Bucket="abc"),
    "json": lambda clients: clients.client("ssm").get_parameter(Name="a"),
    "rest-json": lambda clients: clients.client("kafka").describe_cluster_v2(ClusterArn="a"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("body", [b"<!doctype html>\n<title>500</title>", b"<html>500</html>", b""])
def test_a_page_of_html_from_the_substrate_is_its_own_error_in_every_protocol(
    answering: Any, clients_of: Callable[..., Clients], protocol: str, body: bytes
) -> None:
    answering.status, answering.body = 500, body
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which exception the SDK makes of it is beside the point
        PROTOCOLS[protocol](clients_of(answering.url))
    assert classify(caught.value, embedded=True) is ErrorClass.UNSUPPORTED_BY_SUBSTRATE
    assert "<" not in explain(caught.value)


def test_a_signature_that_is_refused_for_its_date_names_the_clock_and_says_nothing_of_the_surface() -> None:
    late = answered("SignatureDoesNotMatch", 403, "Signature expired: 20260101T000000Z is now earlier than 2026")
    early = answered("InvalidSignatureException", 400, "Signature not yet current: 20290101T000000Z")
    for error in (late, early, answered("RequestTimeTooSkewed", 403)):
        assert classify(error) is ErrorClass.CLOCK_SKEWED
        assert "clock is wrong" in explain(error)
    assert status_of(ErrorClass.CLOCK_SKEWED) is ProbeStatus.ERROR
    assert classify(answered("SignatureDoesNotMatch", 403, "check your key")) is ErrorClass.ACCESS_DENIED


def test_an_exception_whose_text_cannot_be_made_is_explained_all_the_same() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise LookupError

    assert explain(MuteError()) == "MuteError: its text raises LookupError"
