"""Executions of the run orchestrator: one is started, and what it was given is read back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from infra.clients import Clients
from infra.json_text import read_json
from infra.probes.answers import same
from infra.probes.model import ErrorClass, Look, ProbeFailure
from infra.probes.run_scope import differences
from infra.probes.surfaces import machine_arn

POLL_SECONDS: Final = 0.05
END_SECONDS: Final = 8.0
"""How long a pass-through machine may take."""


class Execution:
    """One execution, started by one probe and read back by another.

    Args:
        name: Its name; the same name with the same input is the same execution.
        given: What its input carries.
    """

    def __init__(self, name: str, given: Mapping[str, str]) -> None:
        self.name = name
        self.given = given
        self.arn: str | None = None
        self.observed: dict[str, Any] = {}
        self.status: str | None = None

    def start(self, look: Look) -> str:
        """Starts it."""
        started = look.clients.client("stepfunctions").start_execution(
            stateMachineArn=machine_arn(look), name=self.name, input=json.dumps(self.given, sort_keys=True)
        )
        self.arn = str(started["executionArn"])
        return "accepted"

    def read_back(self, look: Look) -> str:
        """Waits for its end, and holds its input against what it was given."""
        if self.arn is None:
            raise ProbeFailure(ErrorClass.NOT_FOUND, "the execution was not accepted, so nothing can be read back")
        found = wait_for_end(look.clients, self.arn)
        self.status = str(found.get("status"))
        self.observed = _object(found.get("input"))
        wrong = differences(self.given, self.observed, sorted(self.given))
        if wrong:
            raise ProbeFailure(ErrorClass.BAD_STATE, f"its input does not carry what it was given: {', '.join(wrong)}")
        if self.status != "SUCCEEDED":
            raise ProbeFailure(ErrorClass.BAD_STATE, f"it ended {self.status}: {found.get('cause', 'no cause given')}")
        return f"SUCCEEDED, {len(self.given)} values read back"

    def history_length(self, clients: Clients) -> int:
        """How many events its history has."""
        if self.arn is None:
            return 0
        found = clients.client("stepfunctions").get_execution_history(executionArn=self.arn)
        return len(found.get("events", []))


def wait_for_end(clients: Clients, arn: str, within_s: float = END_SECONDS) -> Mapping[str, Any]:
    """The description of an execution that ended; of one that did not, the last one.

    Args:
        clients: The account's clients.
        arn: The execution.
        within_s: How long to wait, in seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        found: Mapping[str, Any] = clients.client("stepfunctions").describe_execution(executionArn=arn)
        same(found.get("executionArn"), arn)
        if found.get("status") != "RUNNING" or time.monotonic() >= deadline:
            return found
        time.sleep(POLL_SECONDS)


def _object(text: object) -> dict[str, Any]:
    try:
        value = read_json(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
