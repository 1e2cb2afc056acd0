"""Reading the lanes' roles back from IAM: they exist, are trusted by whom they should, and grant no more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from infra.clients import Clients
from infra.probes.classify import classify
from infra.probes.policy import Allowance, allowances, over_reach, under_reach
from infra.stacks.resources.identity import trust_document
from infra.stacks.roles import CLUSTER, ROLE_SPECS, RoleSpec

_CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """One role as IAM has it.

    Attributes:
        handle: The handle of its ARN.
        arn: The handle's value.
        exists: Whether IAM has a role of exactly this ARN.
        drift: Every way in which it is not what its lane needs; empty where it is.
        allowed: What its inline policies allow.
    """

    handle: str
    arn: str
    exists: bool
    drift: tuple[str, ...]
    allowed: frozenset[Allowance] = frozenset()


def read_back_roles(clients: Clients, roles: Mapping[str, str]) -> dict[str, RoleFacts]:
    """Reads roles back and holds them against their specs.

    Args:
        clients: The account's clients.
        roles: The ARN of each role, by its handle.
    """
    issuer = _issuer(clients)

    def read(handle: str) -> RoleFacts:
        try:
            return _read(clients, handle, roles[handle], issuer)
        except Exception as error:  # noqa: BLE001 - what could not be read is drift, named by its class
            return RoleFacts(handle, roles[handle], exists=False, drift=(_unreadable(error),))

    if not roles:
        return {}
    with ThreadPoolExecutor(max_workers=min(_CONCURRENCY, len(roles))) as pool:
        return {facts.handle: facts for facts in pool.map(read, sorted(roles))}


def _read(clients: Clients, handle: str, arn: str, issuer: str) -> RoleFacts:
    spec = ROLE_SPECS.get(handle)
    prefix, _, name = arn.partition(":role/")
    if spec is None:
        return RoleFacts(handle, arn, exists=False, drift=("no lane defines what this role may do",))
    if not prefix.startswith("arn:aws:iam::") or not name:
        return RoleFacts(handle, arn, exists=False, drift=(f"{arn!r} is no ARN of a role",))
    iam = clients.client("iam")
    role = iam.get_role(RoleName=name.rpartition("/")[2])["Role"]
    drift = []
    if role["Arn"] != arn:
        drift.append(f"the role of this name is {role['Arn']}, not {arn}")
    if name != spec.name:
        drift.append(f"it is role {name}; its lane binds {spec.name}")
    drift += trust_drift(role["AssumeRolePolicyDocument"], spec, clients.account_id, issuer)
    attached = [
        item["PolicyArn"] for item in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    ]
    drift += managed_drift(attached, spec)
    documents = [
        iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    ]
    found, grant_drift = grants_drift(documents, spec, clients.region, clients.account_id)
    return RoleFacts(handle, arn, exists=role["Arn"] == arn, drift=(*drift, *grant_drift), allowed=frozenset(found))


def trust_drift(document: Any, spec: RoleSpec, account: str, issuer: str) -> list[str]:
    """How a role's trust differs from its spec."""
    expected = trust_document(spec, account, issuer)
    actual = json.loads(document) if isinstance(document, str) else document
    if _normal(actual) == _normal(expected):
        return []
    statements = actual.get("Statement") if isinstance(actual, dict) else None
    found = json.dumps(statements, sort_keys=True)
    wanted = json.dumps(expected["Statement"], sort_keys=True)
    return [f"its trust is {found}, its lane needs {wanted}"]


def managed_drift(attached: Sequence[str], spec: RoleSpec) -> list[str]:
    """Which managed policies are attached beyond the spec, and which are missing."""
    wanted = {f"arn:aws:iam::aws:policy/{name}" for name in spec.managed}
    return [
        *(f"managed policy {arn} is attached and its lane does not grant it" for arn in sorted({*attached} - wanted)),
        *(f"managed policy {arn} is not attached" for arn in sorted(wanted - {*attached})),
    ]


def grants_drift(
    documents: Sequence[Any], spec: RoleSpec, region: str, account: str
) -> tuple[set[Allowance], list[str]]:
    """What inline policies allow, and how that differs from the spec's grants."""
    granted = {
        Allowance(action, resource.replace("{region}", region).replace("{account}", account))
        for grant in spec.grants
        for action in grant.actions
        for resource in grant.resources
    }
    found: set[Allowance] = set()
    drift: list[str] = []
    for document in documents:
        allowed, strange = allowances(json.loads(document) if isinstance(document, str) else document)
        found |= allowed
        drift += [f"its inline policy has {what}" for what in strange]
    drift += [f"it allows {item}, which its lane does not grant" for item in over_reach(found, granted)]
    drift += [f"it lacks {item}" for item in under_reach(found, granted)]
    return found, drift


def _issuer(clients: Clients) -> str:
    """The issuer of the platform's cluster, without scheme; empty where it cannot be read."""
    try:
        found = clients.client("eks").describe_cluster(name=CLUSTER)["cluster"]
    except Exception as error:  # noqa: BLE001 - without an issuer every service-account trust counts as drift
        return f"(unknown: {classify(error).value})"
    return str(found["identity"]["oidc"]["issuer"]).removeprefix("https://")


def _unreadable(error: Exception) -> str:
    return f"it cannot be read back: {classify(error).value}: {' '.join(str(error).split())}"


def _normal(value: Any) -> Any:
    """A policy document with single values and lists of one made equal, and lists in order."""
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items() if key not in {"Sid", "Version"}}
    if isinstance(value, list):
        items = [_normal(item) for item in value]
        return items[0] if len(items) == 1 else sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value
