"""What a stack is made of: resources that can be ensured, described and deleted, each by its name alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.clients import Clients

Attributes = dict[str, Any]
"""What is known of a resource once it exists: ids, ARNs, names."""

TAGS = {"project": "fraud-platform", "env": "dev_full", "owner": "platform owner name"}
PREFIX = "fraud-platform-dev-full"
PARAMETERS = "/fraud-platform/dev_full"
DEFAULT_ACCOUNT = "000000000000"


class AbsentNeedError(LookupError):
    """A resource asked for an attribute of another one that does not exist."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a resource works with.

    Attributes:
        clients: The account's clients.
        known: The attributes of every resource that exists already, by its address `<stack>.<name>`.
    """

    clients: Clients
    known: Mapping[str, Attributes]

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return self.clients.client(service)

    @property
    def account(self) -> str:
        """The account id."""
        return self.clients.account_id

    @property
    def region(self) -> str:
        """The region."""
        return self.clients.region

    def of(self, address: str, key: str) -> Any:
        """An attribute of another resource, which its `needs` names.

        Raises:
            AbsentNeedError: That resource does not exist.
        """
        if address not in self.known:
            raise AbsentNeedError(address)
        return self.known[address][key]

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """The ARN of a resource of this account."""
        return f"arn:aws:{service}:{self.region if regional else ''}:{self.account}:{resource}"


class Resource(Protocol):
    """One resource of a stack; found by its name, so that no state file is needed.

    Attributes:
        address: Its name within the platform, `<stack>.<name>`.
        needs: Addresses of the resources that must exist before it.
    """

    @property
    def address(self) -> str:
        """Its name within the platform."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Addresses of the resources that must exist before it."""
        ...

    def describe(self, context: Context) -> Attributes | None:
        """Its attributes as they are; None where it does not exist."""
        ...

    def create(self, context: Context) -> Attributes:
        """Creates it, with all its settings, and returns its attributes."""
        ...

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it; what holds content that must survive raises the service's own error."""
        ...


def tag_list(key: str = "Key", value: str = "Value", **extra: str) -> list[dict[str, str]]:
    """The common tags as most services take them."""
    return [{key: name, value: text} for name, text in {**TAGS, **extra}.items()]


def is_missing(error: Exception, *codes: str) -> bool:
    """Whether a ClientError says that the resource does not exist."""
    response = getattr(error, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") in codes
