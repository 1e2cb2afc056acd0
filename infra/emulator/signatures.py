"""Whether an AWS request was signed, as it stands, by who holds the secret of its access key (Signature Version 4).

The canonical form and the signature are botocore's, the signer that SDKs and the AWS CLI use themselves; here is
what a verifier does beside: which key, which headers, which clock, and which body the signature speaks for.
The rules are those of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
and, for S3's bodies in chunks, https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials as SigningCredentials

from infra.emulator.aws_request import Protocol
from infra.emulator.credentials import Credentials

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
MAX_SKEW: Final = timedelta(minutes=15)
"""How far a signature's clock may be off: what S3 says with RequestTimeTooSkewed."""
MAX_PRESIGNED_SECONDS: Final = 604_800
"""The longest that a presigned URL may hold: seven days."""

_HEADER: Final = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_SCOPE: Final = re.compile(r"(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,5}")
_CHUNK_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})\r\n")
_TRAILER_SIGNATURE: Final = b"x-amz-trailer-signature:"
_NOTHING_SHA256: Final = hashlib.sha256().hexdigest()
_UNSIGNED: Final = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_CHUNKED: Final = f"STREAMING-{ALGORITHM}-PAYLOAD"
_CHUNKED_WITH_TRAILER: Final = f"{_CHUNKED}-TRAILER"

_UNKNOWN_KEY, _MISSING, _MISMATCH, _CLOCK = "UNKNOWN_KEY", "MISSING", "MISMATCH", "CLOCK"
_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "rest-xml": {
        _MISSING: "AccessDenied",
        _UNKNOWN_KEY: "InvalidAccessKeyId",
        _MISMATCH: "SignatureDoesNotMatch",
        _CLOCK: "RequestTimeTooSkewed",
    },
    "query": {
        _MISSING: "MissingAuthenticationToken",
        _UNKNOWN_KEY: "InvalidClientTokenId",
        _MISMATCH: "SignatureDoesNotMatch",
        _CLOCK: "RequestExpired",
    },
    "json": {
        _MISSING: "MissingAuthenticationTokenException",
        _UNKNOWN_KEY: "UnrecognizedClientException",
        _MISMATCH: "InvalidSignatureException",
        _CLOCK: "InvalidSignatureException",
    },
}


class SignatureError(Exception):
    """A request is not signed as it must be.

    Attributes:
        reason: What kind of fault it is.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def code(self, protocol: Protocol) -> str:
        """The code that AWS answers with in a protocol."""
        family = {"rest-xml": "rest-xml", "query": "query", "ec2": "query"}.get(protocol, "json")
        return _CODES[family][self.reason]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of its signature.

    Attributes:
        access_key: Whose key.
        date: The day of its scope.
        region: The region of its scope.
        service: The service of its scope.
        headers: The names of the headers that it speaks for.
        value: The signature.
        moment: When it was made, in UTC.
        expires_s: For how many seconds a presigned URL holds; None for a signed header.
        token: The session token that goes with the key.
    """

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    value: str
    moment: datetime
    expires_s: int | None
    token: str | None

    @property
    def scope(self) -> str:
        """The scope of the signing key."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def timestamp(self) -> str:
        """When it was made, as it is signed."""
        return self.moment.strftime(TIME_FORMAT)

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Signature:
        """Reads the signature of a request, from its header or its query.

        Raises:
            SignatureError: There is none, or not one of this form.
        """
        authorization = environ.get("HTTP_AUTHORIZATION")
        query = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
        if authorization is not None:
            found = _HEADER.fullmatch(str(authorization))
            if found is None:
                raise SignatureError(_MISSING, f"the Authorization header is none of {ALGORITHM}")
            stated = found.groupdict() | {"date": str(environ.get("HTTP_X_AMZ_DATE", "")), "expires": None}
            stated["token"] = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        elif query.get("X-Amz-Algorithm") == ALGORITHM:
            names = {"credential": "Credential", "headers": "SignedHeaders", "signature": "Signature", "date": "Date"}
            stated = {name: query.get(f"X-Amz-{key}", "") for name, key in names.items()}
            stated |= {"expires": query.get("X-Amz-Expires", ""), "token": query.get("X-Amz-Security-Token")}
        else:
            raise SignatureError(_MISSING, f"the request is not signed with {ALGORITHM}")
        scope = _SCOPE.fullmatch(str(stated["credential"]))
        if scope is None:
            raise SignatureError(_MISSING, "the credential names no key, day, region and service")
        moment = _moment(str(stated["date"]))
        if moment.strftime("%Y%m%d") != scope["date"]:
            raise SignatureError(_MISMATCH, "the credential is of another day than the request")
        return cls(
            access_key=scope["key"],
            date=scope["date"],
            region=scope["region"],
            service=scope["service"],
            headers=tuple(str(stated["headers"]).split(";")),
            value=str(stated["signature"]),
            moment=moment,
            expires_s=None if stated["expires"] is None else _seconds(str(stated["expires"])),
            token=stated["token"],
        )


Find = Callable[[str], Credentials | None]
"""The credentials of an access key; None of one that is not accepted."""


def claimed(environ: Mapping[str, Any], find: Find) -> tuple[Signature, Credentials]:
    """Whose a request says that it is, by its head alone; `verify` tells whether it is true.

    Args:
        environ: The WSGI environment.
        find: Finds credentials.

    Raises:
        SignatureError: It says nothing, or names a key or a session that is not accepted.
    """
    signature = Signature.of(environ)
    credentials = find(signature.access_key)
    if credentials is None:
        raise SignatureError(_UNKNOWN_KEY, f"no access key {signature.access_key!r} is valid here")
    if signature.token != credentials.session_token:
        raise SignatureError(_UNKNOWN_KEY, "the session token is not the one that goes with the access key")
    return signature, credentials


def verify(environ: Mapping[str, Any], body: bytes, find: Find, now: datetime | None = None) -> None:
    """Makes sure that a request is signed by who holds the secret of its key.

    Args:
        environ: The WSGI environment; `RAW_URI` is its target as it was sent.
        body: The body as it was sent.
        find: Finds credentials.
        now: The moment to hold its clock against; by default now.

    Raises:
        SignatureError: It is not.
    """
    signature, credentials = claimed(environ, find)
    _require_headers(environ, signature)
    payload = _payload(environ, body, signature)
    expected = _expected(environ, signature, credentials, payload)
    if not hmac.compare_digest(expected.encode(), signature.value.encode()):
        raise SignatureError(_MISMATCH, "the signature is not the one that the secret of the access key makes")
    # Behind the signature, so that a clock is told to nobody else.
    _require_time(signature, now or datetime.now(UTC))
    if payload in (_CHUNKED, _CHUNKED_WITH_TRAILER):
        _require_chunks(body, signature, credentials, with_trailer=payload == _CHUNKED_WITH_TRAILER)


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError(_MISSING, "the request has no X-Amz-Date of the form YYYYMMDDTHHMMSSZ") from error


def _seconds(text: str) -> int:
    if not _SECONDS.fullmatch(text) or int(text) > MAX_PRESIGNED_SECONDS:
        raise SignatureError(_MISSING, f"X-Amz-Expires is no number from 1 to {MAX_PRESIGNED_SECONDS}")
    return int(text)


def _require_time(signature: Signature, now: datetime) -> None:
    age = now - signature.moment
    if signature.expires_s is None and abs(age) > MAX_SKEW:
        raise SignatureError(_CLOCK, f"the request was signed at {signature.timestamp}, and it is {now:{TIME_FORMAT}}")
    if signature.expires_s is not None and not -MAX_SKEW <= age <= timedelta(seconds=signature.expires_s):
        raise SignatureError(_CLOCK, "the presigned URL holds no longer, or not yet")


def _header(environ: Mapping[str, Any], name: str) -> str | None:
    key = name.upper().replace("-", "_")
    value = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
    return None if value is None else str(value)


def _require_headers(environ: Mapping[str, Any], signature: Signature) -> None:
    """The host and every header of AWS's own must be signed, else they could be exchanged."""
    own = {key[5:].replace("_", "-").lower() for key in environ if key.startswith("HTTP_X_AMZ_")} | {"host"}
    signed = {name.replace("_", "-") for name in signature.headers}
    if left_out := sorted(own - signed):
        raise SignatureError(_MISMATCH, f"headers are not signed: {', '.join(left_out)}")


def _payload(environ: Mapping[str, Any], body: bytes, signature: Signature) -> str:
    """What stands for the body in the canonical request."""
    is_s3 = signature.service == "s3"
    stated = _header(environ, "x-amz-content-sha256")
    if stated is None:
        return "UNSIGNED-PAYLOAD" if is_s3 and signature.expires_s is not None else hashlib.sha256(body).hexdigest()
    if is_s3 and (stated in _UNSIGNED or stated in (_CHUNKED, _CHUNKED_WITH_TRAILER)):
        return stated
    if not _SHA256.fullmatch(stated) or stated != hashlib.sha256(body).hexdigest():
        raise SignatureError(_MISMATCH, "X-Amz-Content-SHA256 is not the digest of the body")
    return stated


def _expected(environ: Mapping[str, Any], signature: Signature, credentials: Credentials, payload: str) -> str:
    """The signature that the secret of the key makes over what was sent."""
    target = urlsplit(str(environ["RAW_URI"]))
    query = "&".join(pair for pair in target.query.split("&") if not pair.startswith("X-Amz-Signature="))
    request = AWSRequest(
        method=str(environ["REQUEST_METHOD"]), url=urlunsplit(("http", "localhost", target.path or "/", query, ""))
    )
    headers = HTTPHeaders()
    for name in signature.headers:
        value = _header(environ, name)
        if value is None:
            raise SignatureError(_MISMATCH, f"the signed header {name!r} is missing")
        headers[name] = value
    request.context |= {"timestamp": signature.timestamp, "headers": headers, "payload": payload}
    signer_type = _S3Signer if signature.service == "s3" else _Signer
    key = SigningCredentials(credentials.access_key, credentials.secret_key)
    signer = signer_type(key, signature.service, signature.region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))


class _AsStated:
    """Signs what the client says that it signed, where botocore would choose."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """The headers that the request says are signed."""
        return request.context["headers"]

    def payload(self, request: AWSRequest) -> str:
        """What stands for the body."""
        return str(request.context["payload"])


class _Signer(_AsStated, SigV4Auth):  # type: ignore[misc]
    """The signer of every service but S3."""


class _S3Signer(_AsStated, S3SigV4Auth):  # type: ignore[misc]
    """The signer of S3, which leaves paths as they are."""


def _require_chunks(body: bytes, signature: Signature, credentials: Credentials, *, with_trailer: bool) -> None:
    """Each chunk is signed over its own bytes and the signature before it; the last one is empty."""
    key = _signing_key(signature, credentials)
    previous = signature.value
    rest, size = body, -1
    for size, stated, data, rest in _chunks(body):  # noqa: B007 - the last chunk's size and rest count below
        expected = _chunk_signature(key, signature, "PAYLOAD", previous, f"{_NOTHING_SHA256}\n{_sha256(data)}")
        if not hmac.compare_digest(expected, stated):
            raise SignatureError(_MISMATCH, "the signature of a chunk is not the one that its bytes make")
        previous = stated
    if size != 0:
        raise SignatureError(_MISMATCH, "the body does not end with a signed, empty chunk")
    if with_trailer:
        trailer, _, stated_trailer = rest.partition(_TRAILER_SIGNATURE)
        lines = b"".join(line.strip() + b"\n" for line in trailer.split(b"\r\n") if line.strip())
        expected = _chunk_signature(key, signature, "TRAILER", previous, _sha256(lines))
        if not hmac.compare_digest(expected.encode(), stated_trailer.strip()):
            raise SignatureError(_MISMATCH, "the signature of the trailer is not the one that its lines make")


def _chunks(body: bytes) -> Iterator[tuple[int, str, bytes, bytes]]:
    """The chunks of a body: size, signature, bytes, and what comes behind."""
    at, size = 0, -1
    while size != 0:
        head = _CHUNK_HEAD.match(body, at)
        if head is None:
            raise SignatureError(_MISMATCH, "the body is not in signed chunks")
        size = int(head[1], 16)
        data = body[head.end() : head.end() + size]
        at = head.end() + size
        if len(data) < size or (size and body[at : at + 2] != b"\r\n"):
            raise SignatureError(_MISMATCH, "a chunk of the body is cut short")
        at += 2 if size else 0
        yield size, head[2].decode(), data, body[at:] if size == 0 else b""


def _chunk_signature(key: bytes, signature: Signature, kind: str, previous: str, digests: str) -> str:
    text = f"{ALGORITHM}-{kind}\n{signature.timestamp}\n{signature.scope}\n{previous}\n{digests}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _signing_key(signature: Signature, credentials: Credentials) -> bytes:
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (signature.date, signature.region, signature.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
