"""Errors in the form that an AWS client of each protocol expects, and the codes that are the substrate's own."""

from __future__ import annotations

import json
from uuid import uuid4
from xml.sax.saxutils import escape

from infra.emulator.aws_request import Protocol
from infra.names import ERROR_HEADER

FIRST_SERVER_STATUS = 500


def render(
    protocol: Protocol, *, status: int, code: str, message: str, is_head: bool = False
) -> tuple[list[tuple[str, str]], bytes]:
    """An error answer.

    Args:
        protocol: The protocol of the request.
        status: The HTTP status; tells query clients whether sender or receiver is at fault.
        code: The AWS error code, such as `AccessDenied` or `NoSuchKey`.
        message: The message beside it.
        is_head: The request was a HEAD, so the answer has no body.

    Returns:
        The headers, without a length, and the body.
    """
    request_id = str(uuid4())
    headers = [("x-amzn-RequestId", request_id), ("x-amz-request-id", request_id), (ERROR_HEADER, code)]
    if is_head:
        return headers, b""
    if protocol in ("json", "rest-json"):
        version = "application/x-amz-json-1.1" if protocol == "json" else "application/json"
        headers += [("x-amzn-errortype", code), ("Content-Type", version)]
        return headers, json.dumps({"__type": code, "message": message}).encode()
    headers.append(("Content-Type", "text/xml" if protocol != "rest-xml" else "application/xml"))
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "rest-xml":
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    elif protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    else:
        at_fault = "Receiver" if status >= FIRST_SERVER_STATUS else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{at_fault}</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
