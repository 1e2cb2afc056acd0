"""What a drill turns: a setting that can be read, set, and set back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.clients import Clients

UNSET = "UNSET"
"""How a missing reservation is written."""


@dataclass(frozen=True, slots=True)
class ReservedConcurrency:
    """The reserved concurrency of a function; zero keeps it from running at all.

    Attributes:
        clients: The account's clients.
        function: The function's name.
    """

    clients: Clients
    function: str

    @property
    def name(self) -> str:
        """What is turned, in words."""
        return f"ReservedConcurrentExecutions of {self.function}"

    @property
    def key(self) -> str:
        """Tells it apart from every other control of every account."""
        return f"{self.clients.substrate}-{self.clients.account_id}-{self.clients.region}-{self.function}"

    def read(self) -> int | None:
        """Its value now; None where nothing is reserved."""
        found: Any = self._lambda.get_function_concurrency(FunctionName=self.function)
        value = found.get("ReservedConcurrentExecutions")
        return None if value is None else int(value)

    def write(self, value: int | None) -> str:
        """Sets it, and returns the call that did."""
        if value is None:
            self._lambda.delete_function_concurrency(FunctionName=self.function)
            return "delete-function-concurrency"
        self._lambda.put_function_concurrency(FunctionName=self.function, ReservedConcurrentExecutions=value)
        return "put-function-concurrency"

    @property
    def _lambda(self) -> Any:
        return self.clients.client("lambda")


def shown(value: int | None) -> int | str:
    """A value as artifacts show it."""
    return UNSET if value is None else value
