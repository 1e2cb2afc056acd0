"""The lanes' secret paths by their metadata alone: present, of the pinned type, readable by whom they should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.clients import Clients
from infra.probes.classify import classify
from infra.probes.identity import RoleFacts
from infra.probes.policy import Allowance, within

_BATCH = 10


@dataclass(frozen=True, slots=True)
class PathFacts:
    """One parameter as SSM describes it; its value is never read.

    Attributes:
        path: Its path.
        type: `String` or `SecureString`; None where it does not exist.
        error: Why it could not be described; empty where it could.
    """

    path: str
    type: str | None
    error: str = ""


def read_secret_paths(clients: Clients, paths: Iterable[str]) -> dict[str, PathFacts]:
    """Describes parameters, without reading any value.

    Args:
        clients: The account's clients.
        paths: Their paths.
    """
    wanted = sorted(set(paths))
    facts: dict[str, PathFacts] = {}
    ssm = clients.client("ssm")
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        try:
            answer = ssm.describe_parameters(
                ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": batch}], MaxResults=50
            )
        except Exception as error:  # noqa: BLE001 - what could not be described is reported so, never as present
            text = f"{classify(error).value}: {' '.join(str(error).split())}"
            facts |= {path: PathFacts(path, None, text) for path in batch}
            continue
        types = {item["Name"]: item["Type"] for item in answer["Parameters"]}
        facts |= {path: PathFacts(path, types.get(path)) for path in batch}
    return facts


def readers(path: str, roles: Mapping[str, RoleFacts], region: str, account: str) -> tuple[str, ...]:
    """The roles (by handle) whose inline policies let them read a parameter, decided from the policies alone."""
    wanted = Allowance("ssm:getparameter", f"arn:aws:ssm:{region}:{account}:parameter{path}")
    return tuple(
        sorted(handle for handle, facts in roles.items() if any(within(wanted, held) for held in facts.allowed))
    )
