"""Lambda's Invoke: the same code as behind the edge, in the same processes.

The emulator would run functions in containers, and answers as if the function had failed where there are none.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, unquote

from infra.emulator import aws_errors
from infra.emulator.aws_request import AwsRequest
from infra.emulator.dispatch import Answer, Environ
from infra.emulator.edge.control_plane import ControlPlane
from infra.emulator.edge.functions import Function
from infra.emulator.edge.invoker import Ending, Invoker
from infra.emulator.edge.messages import MAX_EVENT_BYTES
from infra.names import UNSUPPORTED

PATH: Final = re.compile(r"/20\d\d-\d\d-\d\d/functions/(?P<name>[^/]+)/(?P<form>invocations|invoke-async)/?")
DEFAULT_REGION: Final = "us-east-1"


class InvokeApi:
    """Answers Invoke and InvokeAsync.

    Args:
        control_plane: Knows functions.
        invoker: Runs them.
    """

    def __init__(self, control_plane: ControlPlane, invoker: Invoker) -> None:
        self._control_plane = control_plane
        self._invoker = invoker

    def answer(self, request: AwsRequest, account_id: str, environ: Environ, body: bytes) -> Answer | None:
        """The answer to an invocation; None where the request is none."""
        found = PATH.fullmatch(request.path) if request.service == "lambda" and request.method == "POST" else None
        if found is None:
            return None
        name = unquote(found["name"])
        qualifier = parse_qs(environ.get("QUERY_STRING", "")).get("Qualifier", [None])[0]
        region = request.region or DEFAULT_REGION
        function = self._control_plane.function(account_id, region, name, qualifier)
        if function is None:
            arn = name if name.startswith("arn:") else f"arn:aws:lambda:{region}:{account_id}:function:{name}"
            return _error(404, "ResourceNotFoundException", f"Function not found: {arn}")
        if not function.runnable:
            lacks = f"the embedded substrate does not run functions with the runtime {function.runtime!r}"
            return _error(500, UNSUPPORTED, lacks)
        if (problem := _flaw(body)) is not None:
            return problem
        how = "Event" if found["form"] == "invoke-async" else environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "")
        if how == "DryRun":
            return Answer(204, [], b"")
        if how == "Event":
            threading.Thread(target=self._run, args=(function, body), daemon=True).start()
            return Answer(202, [], b"")
        return self._run(function, body)

    def _run(self, function: Function, body: bytes) -> Answer:
        outcome = self._invoker.invoke(function, body or b"{}", str(uuid.uuid4()))
        if outcome.ending is Ending.THROTTLED:
            return _error(429, "TooManyRequestsException", "Rate Exceeded.")
        headers = [("content-type", "application/json"), ("x-amz-executed-version", "$LATEST")]
        if outcome.ending is Ending.FAILED:
            headers.append(("x-amz-function-error", "Unhandled"))
        return Answer(200, headers, outcome.payload)


def _flaw(body: bytes) -> Answer | None:
    if len(body) > MAX_EVENT_BYTES:
        return _error(413, "RequestTooLargeException", f"{len(body)} bytes exceed the limit of {MAX_EVENT_BYTES}")
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        return _error(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
    return None


def _error(status: int, code: str, message: str) -> Answer:
    headers, body = aws_errors.render("rest-json", status=status, code=code, message=message, is_head=False)
    return Answer(HTTPStatus(status), headers, body)
