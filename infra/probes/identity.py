"""Holding the lanes' roles against their specs: they exist, are trusted by whom they should, and grant no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from infra.clients import Clients
from infra.lanes import role_arn_flaw
from infra.probes.bounded import Ended, run_bounded
from infra.probes.classify import classify, explain
from infra.probes.iam_roles import IamRole, OidcProvider, read_oidc_provider, read_role
from infra.probes.model import ErrorClass
from infra.probes.policy import Allowance, Statement, over_reach, read_statements, under_reach
from infra.probes.trust import trust_drift
from infra.roles import AUDIENCE, CLUSTER, ROLE_SPECS, RoleSpec, trust_document

DEFAULT_TIMEOUT_SECONDS: Final = 15.0
DEFAULT_CONCURRENCY: Final = 8


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """One role as IAM has it.

    Attributes:
        handle: The handle of its ARN.
        arn: The handle's value.
        exists: Whether IAM has a role of exactly this ARN.
        drift: Every way in which it is not what its lane needs; empty where it is.
        statements: Every statement of its policies in force, inline and managed.
    """

    handle: str
    arn: str
    exists: bool
    drift: tuple[str, ...]
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a role's spec refers to.

    Attributes:
        region: The region of its resources.
        account: The account of role and resources.
        provider: The cluster's identity provider; None where it cannot be read.
        provider_flaw: Why it cannot be read.
    """

    region: str
    account: str
    provider: OidcProvider | None
    provider_flaw: str = ""


def read_back_roles(
    clients: Clients,
    roles: Mapping[str, str],
    *,
    specs: Mapping[str, RoleSpec] = ROLE_SPECS,
    timeout_s: float = DEFAULT_TIMEOUT_SECONDS,
    concurrency: int = DEFAULT_CONCURRENCY,
) -> dict[str, RoleFacts]:
    """Reads roles back and holds them against their specs. What cannot be read is drift.

    Args:
        clients: The account's clients.
        roles: The ARN of each role, by its handle.
        specs: What each role must be, by its handle.
        timeout_s: Bound of each role in seconds.
        concurrency: How many are read at once.

    Returns:
        The facts of each role by its handle, in order of the handles.
    """
    handles = sorted(roles)
    readable = [handle for handle in handles if handle in specs and not role_arn_flaw(roles[handle])]
    tasks = [partial(read_role, clients, roles[handle].rpartition("/")[2]) for handle in readable]
    needs_provider = any(specs[handle].web_identity is not None for handle in readable)
    ended = run_bounded(tasks, timeout_s=timeout_s, concurrency=concurrency, name="role")
    read = dict(zip(readable, ended, strict=True))
    around = _surroundings(clients, timeout_s, needs_provider=needs_provider)
    embedded = clients.substrate == "embedded"
    return {
        handle: _facts(handle, roles[handle], specs.get(handle), read.get(handle), around, embedded=embedded)
        for handle in handles
    }


def role_drift(role: IamRole, spec: RoleSpec, around: Surroundings) -> tuple[str, ...]:
    """Every way in which a role is not what its spec says, with the statement at fault.

    Args:
        role: The role as IAM has it.
        spec: What it must be.
        around: What the spec refers to.
    """
    partition = role.arn.split(":")[1]
    wanted = {f"arn:{partition}:iam::aws:policy/{name}" for name in spec.managed}
    granted = granted_by(spec, around.region, around.account)
    # A managed policy of the spec is AWS's own text: the spec grants it by name, so its statements are no excess.
    own, flaws = _read(_inline(role) | {_managed(arn): doc for arn, doc in role.attached.items() if arn not in wanted})
    given, given_flaws = _read({_managed(arn): doc for arn, doc in role.attached.items() if arn in wanted})
    drift = [] if role.name == spec.name else [f"it is role {role.name}; its lane binds {spec.name}"]
    drift += _trust(role, spec, around)
    drift += [
        f"managed policy {arn} is attached and its lane does not grant it" for arn in sorted({*role.attached} - wanted)
    ]
    drift += [f"managed policy {arn} is not attached" for arn in sorted(wanted - {*role.attached})]
    if role.boundary:
        drift.append(f"permissions boundary {role.boundary} limits it; its lane has none")
    drift += [f"it cannot be compared: {flaw}" for flaw in (*flaws, *given_flaws)]
    drift += [f"it allows {what}, which its lane does not grant" for what in over_reach(own, granted)]
    drift += [f"it lacks {what}" for what in under_reach((*own, *given), granted)]
    return tuple(drift)


def granted_by(spec: RoleSpec, region: str, account: str) -> list[Allowance]:
    """What a spec's inline policy grants."""
    return [
        Allowance(action, resource.replace("{region}", region).replace("{account}", account))
        for grant in spec.grants
        for action in grant.actions
        for resource in grant.resources
    ]


def _facts(
    handle: str,
    arn: str,
    spec: RoleSpec | None,
    end: Ended[IamRole] | None,
    around: Surroundings,
    *,
    embedded: bool,
) -> RoleFacts:
    if spec is None:
        return RoleFacts(handle, arn, exists=False, drift=("no lane defines what this role may do",))
    if end is None:
        return RoleFacts(handle, arn, exists=False, drift=(f"its handle {role_arn_flaw(arn)}",))
    if end.value is None:
        return RoleFacts(handle, arn, exists=False, drift=(_unreadable(end.error, embedded=embedded),))
    role = end.value
    other = () if role.arn == arn else (f"the role of this name is {role.arn}, not {arn}",)
    statements, _ = _read(_inline(role) | {_managed(name): document for name, document in role.attached.items()})
    return RoleFacts(
        handle, arn, exists=not other, drift=(*other, *role_drift(role, spec, around)), statements=statements
    )


def _read(policies: Mapping[str, Any]) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
    """The statements of policies, by what messages call each, and what in them cannot be read."""
    read = [read_statements(origin, document) for origin, document in policies.items()]
    return (
        tuple(statement for statements, _ in read for statement in statements),
        tuple(flaw for _, flaws in read for flaw in flaws),
    )


def _inline(role: IamRole) -> dict[str, Any]:
    return {f"inline policy {name}": document for name, document in role.inline.items()}


def _managed(arn: str) -> str:
    return f"managed policy {arn}"


def _trust(role: IamRole, spec: RoleSpec, around: Surroundings) -> list[str]:
    if spec.web_identity is None:
        return trust_drift(role.trust, trust_document(spec, around.account))
    if around.provider is None:
        return [f"its trust cannot be checked: {around.provider_flaw}"]
    drift = trust_drift(role.trust, trust_document(spec, around.account, around.provider.issuer))
    if AUDIENCE not in around.provider.audiences:
        drift.append(f"the cluster's identity provider does not accept the audience {AUDIENCE}")
    return drift


def _surroundings(clients: Clients, timeout_s: float, *, needs_provider: bool) -> Surroundings:
    if not needs_provider:
        return Surroundings(clients.region, clients.account_id, None)
    (end,) = run_bounded([partial(read_oidc_provider, clients, CLUSTER)], timeout_s=timeout_s, concurrency=1)
    flaw = ""
    if end.error is not None:
        error_class = classify(end.error, embedded=clients.substrate == "embedded")
        flaw = f"the identity provider of cluster {CLUSTER}: {error_class.value}: {explain(end.error)}"
    return Surroundings(clients.region, clients.account_id, end.value, flaw)


def _unreadable(error: Exception | None, *, embedded: bool) -> str:
    if error is None:
        return f"it cannot be read back: {ErrorClass.UNCATEGORISED.value}: nothing was answered"
    return f"it cannot be read back: {classify(error, embedded=embedded).value}: {explain(error)}"
