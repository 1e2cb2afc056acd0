"""Reading a role from IAM: its trust and every policy that takes effect. Nothing here judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.clients import Clients


@dataclass(frozen=True, slots=True)
class IamRole:
    """A role as IAM has it.

    Attributes:
        name: Its name.
        arn: Its ARN.
        trust: Its trust policy.
        inline: Its inline policies, by name.
        attached: The documents of its managed policies in force, by ARN.
        boundary: The ARN of its permissions boundary; empty where it has none.
    """

    name: str
    arn: str
    trust: Any
    inline: Mapping[str, Any]
    attached: Mapping[str, Any]
    boundary: str = ""


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """The identity provider of a cluster, as the cluster and IAM have it.

    Attributes:
        issuer: The cluster's issuer, without scheme.
        audiences: The audiences that IAM's provider of this issuer accepts.
    """

    issuer: str
    audiences: tuple[str, ...]


def read_role(clients: Clients, name: str) -> IamRole:
    """Reads a role with everything that decides what it may do.

    Raises:
        ClientError: IAM does not have it, or does not say; `BotoCoreError` where it cannot be asked.
    """
    iam = clients.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    attached = [
        item["PolicyArn"]
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        for item in page["AttachedPolicies"]
    ]
    inline = [
        policy
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name)
        for policy in page["PolicyNames"]
    ]
    return IamRole(
        name=role["RoleName"],
        arn=role["Arn"],
        trust=role.get("AssumeRolePolicyDocument"),
        inline={
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in sorted(inline)
        },
        attached={arn: _managed_document(iam, arn) for arn in sorted(attached)},
        boundary=str((role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")),
    )


def read_oidc_provider(clients: Clients, cluster: str) -> OidcProvider:
    """Reads a cluster's issuer, and IAM's provider of it.

    Raises:
        ClientError: There is no such cluster or provider; `BotoCoreError` where it cannot be asked.
    """
    found = clients.client("eks").describe_cluster(name=cluster)["cluster"]
    issuer = str(found["identity"]["oidc"]["issuer"]).removeprefix("https://")
    iam = clients.client("iam")
    arn = f"arn:{iam.meta.partition}:iam::{clients.account_id}:oidc-provider/{issuer}"
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return OidcProvider(issuer, tuple(sorted(provider.get("ClientIDList", ()))))


def _managed_document(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
