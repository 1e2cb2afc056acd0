"""The handler's own record of an admitted event, found in its log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from infra.clients import Clients
from infra.json_text import read_json

EVENT: Final = "ig_ingest_boundary"
POLL_SECONDS: Final = 0.1
WITHIN_SECONDS: Final = 5.0
"""How long a record may take from the handler to the log; on AWS more, see `AWS_WITHIN_SECONDS`."""
AWS_WITHIN_SECONDS: Final = 60.0
LOOKBACK_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class LogLines:
    """Lines of a function's log that name a trace.

    Attributes:
        group: The log group.
        lines: The lines, as they stand there.
        record: The boundary record among them; None where there is none.
    """

    group: str
    lines: tuple[str, ...]
    record: dict[str, Any] | None


def find_record(clients: Clients, function: str, trace_id: str, within_s: float | None = None) -> LogLines:
    """Looks for the boundary record of a trace, until it is there or the time is over.

    Args:
        clients: The account's clients.
        function: The function's name.
        trace_id: The trace.
        within_s: How long to look, in seconds; by default as long as the substrate may take.

    Raises:
        Exception: What the service raises, but for a log group that does not exist: that is no record.
    """
    usual = AWS_WITHIN_SECONDS if clients.substrate == "aws" else WITHIN_SECONDS
    deadline = time.monotonic() + (usual if within_s is None else within_s)
    group = f"/aws/lambda/{function}"
    while True:
        lines = tuple(_lines(clients, group, trace_id))
        record = next((found for line in lines if (found := _record(line, trace_id)) is not None), None)
        if record is not None or time.monotonic() >= deadline:
            return LogLines(group, lines, record)
        time.sleep(POLL_SECONDS)


def _lines(clients: Clients, group: str, trace_id: str) -> Iterator[str]:
    logs = clients.client("logs")
    since = int(time.time() * 1_000) - LOOKBACK_MS
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'"{trace_id}"', startTime=since
    )
    try:
        for page in pages:
            for event in page.get("events", []):
                message = str(event.get("message", ""))
                if trace_id in message:
                    yield message
    except logs.exceptions.ResourceNotFoundException:
        return


def _record(line: str, trace_id: str) -> dict[str, Any] | None:
    try:
        value = read_json(line)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("event") != EVENT:
        return None
    echo = value.get("correlation_echo")
    return value if isinstance(echo, dict) and echo.get("trace_id") == trace_id else None
