"""One event at the ingress, and what proves that its correlation was kept: the echo and the log record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from infra.http import HttpResponse
from infra.probes.boundary_log import LogLines, find_record
from infra.probes.ingress import Ingress, json_object
from infra.probes.run_scope import FIELDS, HEADERS, Correlation, RunIdentity, differences


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one event.

    Attributes:
        answer: What the ingress answered.
        echo: The correlation that the answer carries.
        log: The lines of the handler's log that name the event's trace; None where nothing was admitted.
        flaws: What of the correlation was lost, and where; empty where echo and log prove it whole.
    """

    answer: HttpResponse
    echo: Mapping[str, Any]
    log: LogLines | None
    flaws: tuple[str, ...]

    @property
    def admitted(self) -> bool:
        """Whether the ingress admitted it."""
        return self.answer.status == HTTPStatus.ACCEPTED


def admit(ingress: Ingress, identity: RunIdentity, sent: Correlation, function: str) -> Admission:
    """Pushes an event that carries all fields and headers; where it is admitted, looks for its proofs.

    Args:
        ingress: The ingress.
        identity: The run.
        sent: What the event carries.
        function: The handler, whose log is looked at.

    Raises:
        ProbeFailure: A handle has no value, or what answers does not speak HTTP.
        Exception: What network and services raise.
    """
    answer = ingress.ingest(sent.event(identity), sent.headers)
    if answer.status != HTTPStatus.ACCEPTED:
        return Admission(answer, {}, None, (f"HTTP {answer.status}: nothing was admitted",))
    found = json_object(answer).get("correlation_echo")
    echo = found if isinstance(found, dict) else {}
    log = find_record(ingress.clients, function, sent.trace_id)
    flaws = [f"echo: {flaw}" for flaw in differences(sent.fields, echo, FIELDS)]
    if log.record is None:
        flaws.append(f"log: {log.group} has no correlation record of the trace")
    else:
        fields = differences(sent.fields, log.record.get("correlation_echo"), FIELDS)
        headers = differences(sent.headers, log.record.get("correlation_headers"), HEADERS)
        flaws += [f"log: {flaw}" for flaw in (*fields, *headers)]
    return Admission(answer, echo, log, tuple(flaws))
