"""What a drill turns: a setting that can be read, set, and set back, and that carries the mark of who turns it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol

from infra.clients import Clients
from infra.drills.mark import Mark, MarkLostError

UNSET: Final = "UNSET"
"""How a missing reservation is written."""

MARK_ALIAS: Final = "phasegate-drill"
"""The alias of the function whose description is the mark: an operator who finds the clamp finds its reason there."""


class Control(Protocol):
    """What a drill needs of a control."""

    @property
    def clients(self) -> Clients:
        """The account's clients."""

    @property
    def name(self) -> str:
        """What is turned, in words."""

    def read(self) -> int | None:
        """Its value now; None where it has none."""

    def write(self, value: int | None) -> str:
        """Sets it, and returns the call that did."""

    def marked(self) -> tuple[Mark | None, int]:
        """The mark on it, None where there is none, and the time by the clock of AWS."""

    def mark(self, mark: Mark, replacing: Mark | None) -> Mark:
        """Writes a mark where there is none, or over the one that was seen.

        Raises:
            MarkLostError: It is no longer as it was seen.
        """

    def unmark(self) -> None:
        """Takes the mark off."""


@dataclass(frozen=True, slots=True)
class ReservedConcurrency:
    """The reserved concurrency of a function; zero keeps it from running at all.

    Its mark is an alias of the function: it is made and changed under a condition, it goes with the function, and it
    needs no permission beyond those for the function.

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

    def marked(self) -> tuple[Mark | None, int]:
        """The mark on it, None where there is none, and the time by the clock of AWS.

        Raises:
            InfraError: What stands there is no mark.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the SDK is imported by who asks AWS

        try:
            found: Any = self._lambda.get_alias(FunctionName=self.function, Name=MARK_ALIAS)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
                raise
            return None, _time_of(error.response)
        place = f"alias {MARK_ALIAS} of {self.function}"
        return Mark.read(str(found.get("Description", "")), str(found["RevisionId"]), place), _time_of(found)

    def mark(self, mark: Mark, replacing: Mark | None) -> Mark:
        """Writes a mark where there is none, or over the one that was seen.

        Raises:
            MarkLostError: It is no longer as it was seen.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415

        target = {"FunctionName": self.function, "Name": MARK_ALIAS, "Description": mark.text()}
        try:
            made: Any = (
                self._lambda.create_alias(**target, FunctionVersion="$LATEST")
                if replacing is None
                else self._lambda.update_alias(**target, RevisionId=replacing.revision)
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            gone = code == "ResourceNotFoundException" and replacing is not None
            if gone or code in ("ResourceConflictException", "PreconditionFailedException"):
                raise MarkLostError(
                    fact="somebody else holds the control by now, or gave it back",
                    place=f"alias {MARK_ALIAS} of {self.function}",
                    remedy="run the gate again once the other drill is over",
                ) from error
            raise
        return replace(mark, revision=str(made["RevisionId"]))

    def unmark(self) -> None:
        """Takes the mark off."""
        self._lambda.delete_alias(FunctionName=self.function, Name=MARK_ALIAS)

    @property
    def _lambda(self) -> Any:
        return self.clients.client("lambda")


def shown(value: int | None) -> int | str:
    """A value as artifacts show it."""
    return UNSET if value is None else value


def _time_of(answer: Any) -> int:
    """When AWS answered; machines whose own clocks differ agree on it."""
    try:
        said = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return int(parsedate_to_datetime(said).timestamp())
    except (KeyError, TypeError, ValueError):
        return int(time.time())
