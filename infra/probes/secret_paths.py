"""The lanes' secret paths by their metadata alone: present, of the pinned type, readable by whom they should be.

Who may read a parameter is decided from policies, not by reading it: a role reads it where its policies in force
certainly allow `ssm:GetParameter` on it, and the roles that should are those whose specs grant that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from infra.clients import Clients
from infra.probes.bounded import run_bounded
from infra.probes.classify import classify, explain
from infra.probes.globs import covers, parse
from infra.probes.identity import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT_SECONDS, RoleFacts, granted_by
from infra.probes.policy import Allowance, permits
from infra.roles import ROLE_SPECS, RoleSpec

READ_ACTION: Final = "ssm:GetParameter"
_BATCH: Final = 10


@dataclass(frozen=True, slots=True)
class PathFacts:
    """One parameter as SSM describes it; its value is never read.

    Attributes:
        path: Its path.
        type: `String` or `SecureString`; None where it does not exist.
        error: Why it could not be described; empty where it could.
        key_id: The key that it is encrypted under, as SSM names it; None where it is not, or SSM does not tell.
        modified: When its value was written.
    """

    path: str
    type: str | None
    error: str = ""
    key_id: str | None = None
    modified: datetime | None = None


def read_secret_paths(
    clients: Clients, paths: Iterable[str], *, timeout_s: float = DEFAULT_TIMEOUT_SECONDS
) -> dict[str, PathFacts]:
    """Describes parameters, without reading any value.

    Args:
        clients: The account's clients.
        paths: Their paths.
        timeout_s: Bound of each request in seconds.
    """
    wanted = sorted(set(paths))
    batches = [wanted[start : start + _BATCH] for start in range(0, len(wanted), _BATCH)]
    if not batches:
        return {}
    ended = run_bounded(
        [partial(_described, clients, batch) for batch in batches],
        timeout_s=timeout_s,
        concurrency=DEFAULT_CONCURRENCY,
        name="parameters",
    )
    facts: dict[str, PathFacts] = {}
    for batch, end in zip(batches, ended, strict=True):
        if end.error is not None:
            error_class = classify(end.error, embedded=clients.substrate == "embedded")
            text = f"{error_class.value}: {explain(end.error)}"
            facts |= {path: PathFacts(path, None, text) for path in batch}
            continue
        described = end.value or {}
        facts |= {path: described.get(path, PathFacts(path, None)) for path in batch}
    return facts


def readers(path: str, roles: Mapping[str, RoleFacts], region: str, account: str) -> tuple[str, ...]:
    """The roles (by handle) whose policies in force certainly let them read a parameter.

    A Deny that might apply, or an Allow under a condition, is not a certain permission.
    """
    wanted = Allowance(READ_ACTION, _arn(path, region, account))
    return tuple(sorted(handle for handle, facts in roles.items() if permits(facts.statements, wanted)))


def intended_readers(
    path: str, roles: Iterable[str], region: str, account: str, specs: Mapping[str, RoleSpec] = ROLE_SPECS
) -> tuple[str, ...]:
    """The roles (by handle) whose specs grant reading a parameter.

    Args:
        path: The parameter's path.
        roles: The handles to choose from, such as those of the lane that needs it.
        region: The parameter's region.
        account: The parameter's account.
        specs: What each role may do, by its handle.
    """
    action, resource = parse(READ_ACTION.lower()), parse(_arn(path, region, account))
    return tuple(
        sorted(
            handle
            for handle in roles
            if handle in specs
            and any(
                covers([parse(item.action.lower())], action) and covers([parse(item.resource)], resource)
                for item in granted_by(specs[handle], region, account)
            )
        )
    )


def _described(clients: Clients, paths: list[str]) -> dict[str, PathFacts]:
    pages = clients.client("ssm").get_paginator("describe_parameters")
    found: list[dict[str, Any]] = [
        item
        for page in pages.paginate(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": paths}])
        for item in page["Parameters"]
    ]
    return {
        item["Name"]: PathFacts(
            item["Name"], item["Type"], key_id=item.get("KeyId"), modified=item.get("LastModifiedDate")
        )
        for item in found
    }


def _arn(path: str, region: str, account: str) -> str:
    return f"arn:aws:ssm:{region}:{account}:parameter{path}"
