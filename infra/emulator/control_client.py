"""The other side of the private path: what tests, fixtures and the command line ask of a running substrate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from infra.emulator.faults import Fault, FaultStatus
from infra.emulator.record import Record
from infra.errors import SubstrateError
from infra.json_text import read_json
from infra.names import CONTROL_PATH

TIMEOUT_SECONDS = 5.0


class Unreachable(SubstrateError):  # noqa: N818 - names the condition that callers act on
    """The substrate process does not answer."""


@dataclass(frozen=True, slots=True)
class ControlClient:
    """Calls the private path of one substrate process; each call is one short connection."""

    record: Record

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one control call and return its JSON answer.

        Raises:
            Unreachable: Nothing answers at the endpoint.
            SubstrateError: The process refuses the call.
        """
        target = urlsplit(self.record.endpoint_url)
        connection = HTTPConnection(str(target.hostname), target.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(
                method,
                CONTROL_PATH + path,
                body=None if body is None else json.dumps(body),
                headers={"x-phasegate-token": self.record.token},
            )
            response = connection.getresponse()
            answer = read_json(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise Unreachable(
                fact=f"the substrate process {self.record.pid} does not answer: {error}",
                place=self.record.endpoint_url,
                remedy="see its log beside the state file; `phasegate substrate down` and `up` make a new one",
            ) from error
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise SubstrateError(
                fact=f"the substrate refuses: {answer.get('error', response.status)}",
                place=f"{method} {self.record.endpoint_url}{CONTROL_PATH}{path}",
                remedy="read the state file anew (attach again), or fix the call",
            )
        return answer


@dataclass(frozen=True, slots=True)
class FaultControl:
    """Orders faults from a running substrate."""

    control: ControlClient

    def inject(self, fault: Fault) -> str:
        """Put a rule in force and return its id."""
        return str(self.control.call("POST", "faults", fault.to_json())["fault_id"])

    def statuses(self) -> list[FaultStatus]:
        """Every rule with how often it applied."""
        return [FaultStatus.from_json(entry) for entry in self.control.call("GET", "faults")]

    def clear(self, fault_id: str | None = None) -> int:
        """Remove one rule, or all; returns how many were there."""
        return int(self.control.call("DELETE", f"faults/{fault_id}" if fault_id else "faults")["cleared"])

    def clear_world(self, account_id: str) -> int:
        """Remove the rules of one world; returns how many were there."""
        return int(self.control.call("DELETE", f"faults/{account_id}")["cleared"])

    @contextmanager
    def injected(self, *faults: Fault) -> Iterator[list[str]]:
        """Hold rules in force for the length of a block."""
        ids: list[str] = []
        try:
            ids.extend(self.inject(fault) for fault in faults)
            yield ids
        finally:
            for fault_id in ids:
                self.clear(fault_id)


@dataclass(frozen=True, slots=True)
class WorldControl:
    """What the process remembers of its worlds: a small JSON value per account."""

    control: ControlClient

    def recorded(self) -> list[str]:
        """The accounts that have a recorded state."""
        return [str(account_id) for account_id in self.control.call("GET", "worlds")]

    def get(self, account_id: str) -> Any:
        """The recorded state of a world, or None."""
        return self.control.call("GET", f"worlds/{account_id}")["state"]

    def put(self, account_id: str, state: Any) -> None:
        """Record the state of a world."""
        self.control.call("PUT", f"worlds/{account_id}", state)

    def forget(self, account_id: str) -> None:
        """Drop the recorded state of a world; its resources stay."""
        self.control.call("DELETE", f"worlds/{account_id}")

    def fresh_account(self) -> str:
        """An account id that this process never handed out before."""
        return str(self.control.call("POST", "worlds")["account_id"])
