"""What a stack is made of: resources that are found by name, so that no state file is needed.

A resource has attributes (what it is known by: ids, ARNs, names) and settings (how it should be). Ensuring creates
what is absent and puts settings that drifted; describing tells both; deleting tolerates absence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.clients import Clients
from infra.errors import InfraError

Attributes = dict[str, Any]
"""What a resource is known by once it exists: ids, ARNs, names."""

Settings = dict[str, Any]
"""How a resource is, or should be: plain values by the setting's name, comparable with `==`, never a secret."""

TAGS = {"project": "fraud-platform", "env": "dev_full", "owner": "platform owner name"}


class AbsentNeedError(LookupError):
    """A resource asked for an attribute of another one that does not exist."""


class FixedSettingError(InfraError, ValueError):
    """A setting drifted that can only be chosen when the resource is created."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One setting that is not as it should be.

    Attributes:
        setting: Its name.
        wanted: How it should be.
        found: How it is.
    """

    setting: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.setting} is {self.found!r}, not {self.wanted!r}"


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


@dataclass(frozen=True, slots=True)
class Resource(ABC):
    """One resource of a stack.

    Attributes:
        address: Its name within the platform, `<stack>.<name>`.
    """

    address: str

    fixed: ClassVar[tuple[str, ...]] = ()
    """The settings that only creation can give."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Addresses of the resources that must exist before it."""
        return ()

    @abstractmethod
    def describe(self, context: Context) -> Attributes | None:
        """Its attributes; None where it does not exist."""

    @abstractmethod
    def create(self, context: Context) -> Attributes:
        """Creates it with all its settings, and returns its attributes.

        Where this is cut short, the resource exists and some settings have drifted: ensuring it again fixes them.
        """

    @abstractmethod
    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it; what holds content that must survive raises the service's own error."""

    @abstractmethod
    def wanted(self, context: Context) -> Settings:
        """Its settings as they should be."""

    @abstractmethod
    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its settings as they are, under the same names."""

    @abstractmethod
    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Makes the named settings as they should be; none of them is `fixed`."""

    def drift(self, context: Context, attributes: Attributes) -> tuple[Drift, ...]:
        """Every setting that is not as it should be, by name."""
        wanted, found = self.wanted(context), self.found(context, attributes)
        return tuple(
            Drift(name, wanted[name], found.get(name)) for name in sorted(wanted) if found.get(name) != wanted[name]
        )

    def repair(self, context: Context, attributes: Attributes, drift: Collection[Drift]) -> None:
        """Puts drifted settings right.

        Raises:
            FixedSettingError: Some of them cannot be changed in place; the others are put right before.
        """
        names = [item.setting for item in drift if item.setting not in self.fixed]
        if names:
            self.put(context, attributes, names)
        stuck = [str(item) for item in drift if item.setting in self.fixed]
        if stuck:
            raise FixedSettingError(
                fact=f"what only creation can give has drifted: {'; '.join(stuck)}",
                place=self.address,
                remedy=f"take the stack {self.address.partition('.')[0]} down and bring it up again",
            )


def tags_for(purpose: str, **extra: str) -> dict[str, str]:
    """The common tags with the purpose of one resource."""
    return {**TAGS, **extra, "fp_resource": purpose}


def is_missing(error: Exception, *codes: str) -> bool:
    """Whether a ClientError says that the resource does not exist."""
    response = getattr(error, "response", None)
    return isinstance(response, dict) and response.get("Error", {}).get("Code") in codes
