"""What an AWS request says about itself: whose it is, for which service, in which protocol, which operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs

Protocol = Literal["ec2", "query", "json", "rest-json", "rest-xml"]

# SigV4: `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, SignedHeaders=…`
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]*)/([^/]+)/aws4_request")
# The same scope in a presigned URL, and SigV2, which names the key alone.
_PRESIGNED = re.compile(r"([^/]+)/\d{8}/([^/]*)/([^/]+)/aws4_request")
_SIGV2 = re.compile(r"AWS ([^:\s]+):")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_FORM = "application/x-www-form-urlencoded"


def is_account_id(text: str) -> bool:
    """Tell whether a text is twelve ASCII digits."""
    return _ACCOUNT_ID.fullmatch(text) is not None


def access_key_of(authorization: str | None, presigned: str | None = None) -> str | None:
    """The access key of a request.

    Args:
        authorization: The Authorization header.
        presigned: The query parameter X-Amz-Credential.
    """
    if authorization is not None:
        found = _CREDENTIAL.search(authorization) or _SIGV2.match(authorization)
        return found[1] if found else None
    if presigned is not None and (scope := _PRESIGNED.fullmatch(presigned)):
        return scope[1]
    return None


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """One request to the emulated AWS.

    Attributes:
        method: HTTP method.
        path: Decoded path, without the query.
        access_key: The caller's key; None if the request is not signed.
        region: The region that the request is signed for; None if it is not signed.
        service: The signing name (`s3`, `kafka`, `states`, `apigateway`, …); `s3` if the request is not signed.
        protocol: The wire protocol, which is also the form in which an error must be answered.
        operation: The operation where the request names it (JSON and query protocols); None for REST.
    """

    method: str
    path: str
    access_key: str | None
    region: str | None
    service: str
    protocol: Protocol
    operation: str | None

    @classmethod
    def parse(cls, environ: Mapping[str, Any], body: bytes) -> AwsRequest:
        """Read a WSGI request whose body has been read already."""
        authorization = environ.get("HTTP_AUTHORIZATION")
        query = parse_qs(environ.get("QUERY_STRING", ""))
        presigned = query.get("X-Amz-Credential", [None])[0]
        scope = None
        if authorization is not None:
            scope = _CREDENTIAL.search(authorization)
        elif presigned is not None:
            scope = _PRESIGNED.fullmatch(presigned)
        service = scope[3].lower() if scope else "s3"

        target = environ.get("HTTP_X_AMZ_TARGET")
        operation: str | None = None
        protocol: Protocol
        if target:
            protocol, operation = "json", target.rsplit(".", 1)[-1]
        elif service == "s3":
            protocol = "rest-xml"
        elif "Action" in query or environ.get("CONTENT_TYPE", "").startswith(_FORM):
            protocol = "ec2" if service == "ec2" else "query"
            actions = query.get("Action") or parse_qs(body.decode("utf-8", "replace")).get("Action")
            operation = actions[0] if actions else None
        else:
            protocol = "rest-json"
        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", "/"),
            access_key=access_key_of(authorization, presigned) or query.get("AWSAccessKeyId", [None])[0],
            region=scope[2] if scope else None,
            service=service,
            protocol=protocol,
            operation=operation,
        )
