"""Roles with their trust and policies, and the identity provider of the cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.stacks.resource import Attributes, Context, is_missing, tag_list
from infra.stacks.roles import RoleSpec

AUDIENCE = "sts.amazonaws.com"
_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role, as its spec has it.

    Attributes:
        provider: Address of the OIDC provider, for a role of a service account.
    """

    address: str
    spec: RoleSpec
    provider: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The identity provider, where its trust names one."""
        return (self.provider,) if self.provider is not None else ()

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN."""
        try:
            found = context.client("iam").get_role(RoleName=self.spec.name)["Role"]
        except ClientError as error:
            if is_missing(error, "NoSuchEntity"):
                return None
            raise
        return {"arn": found["Arn"], "name": self.spec.name}

    def create(self, context: Context) -> Attributes:
        """Creates it with trust, managed policies and inline policy."""
        iam = context.client("iam")
        issuer = context.of(self.provider, "issuer") if self.provider is not None else ""
        created = iam.create_role(
            RoleName=self.spec.name,
            AssumeRolePolicyDocument=json.dumps(trust_document(self.spec, context.account, issuer)),
            Tags=tag_list(fp_resource="role"),
        )["Role"]
        for name in self.spec.managed:
            iam.attach_role_policy(RoleName=self.spec.name, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
        if self.spec.grants:
            document = policy_document(self.spec, context.region, context.account)
            iam.put_role_policy(
                RoleName=self.spec.name, PolicyName=self.spec.policy, PolicyDocument=json.dumps(document)
            )
        return {"arn": created["Arn"], "name": self.spec.name}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes its policies away and deletes it."""
        iam = context.client("iam")
        name = attributes["name"]
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """The identity provider through which the cluster's service accounts assume roles."""

    address: str
    cluster: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The cluster whose issuer it is."""
        return (self.cluster,)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and the issuer without scheme."""
        issuer = self._issuer(context)
        arn = f"arn:aws:iam::{context.account}:oidc-provider/{issuer}"
        listed = context.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return {"arn": arn, "issuer": issuer} if any(item["Arn"] == arn for item in listed) else None

    def create(self, context: Context) -> Attributes:
        """Creates it for the audience of STS."""
        issuer = self._issuer(context)
        created = context.client("iam").create_open_id_connect_provider(
            Url=f"https://{issuer}", ClientIDList=[AUDIENCE], ThumbprintList=[_THUMBPRINT]
        )
        return {"arn": created["OpenIDConnectProviderArn"], "issuer": issuer}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=attributes["arn"])

    def _issuer(self, context: Context) -> str:
        return str(context.of(self.cluster, "issuer")).removeprefix("https://")


def trust_document(spec: RoleSpec, account: str, issuer: str = "") -> dict[str, Any]:
    """The trust policy of a role.

    Args:
        spec: The role.
        account: The account that it lies in.
        issuer: The cluster's OIDC issuer without scheme, for a role of a service account.
    """
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    if spec.web_identity is not None:
        statement |= {
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
            "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": spec.web_identity.subject}},
        }
    elif spec.account_principal:
        statement["Principal"] = {"AWS": f"arn:aws:iam::{account}:root"}
    else:
        services = list(spec.services)
        statement["Principal"] = {"Service": services[0] if len(services) == 1 else services}
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_document(spec: RoleSpec, region: str, account: str) -> dict[str, Any]:
    """The inline policy of a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(grant.actions),
                "Resource": [
                    text.replace("{region}", region).replace("{account}", account) for text in grant.resources
                ],
            }
            for grant in spec.grants
        ],
    }
