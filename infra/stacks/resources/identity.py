"""Roles with their trust and policies, and the identity provider of the cluster."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.roles import AUDIENCE, RoleSpec, policy_document, trust_document
from infra.stacks.resource import Attributes, Context, Resource, Settings, is_missing, tags_for
from infra.stacks.resources.tagging import PROVIDER_TAGS, ROLE_TAGS

_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


@dataclass(frozen=True, slots=True)
class Role(Resource):
    """An IAM role, as its spec has it.

    Attributes:
        spec: What it is.
        provider: Address of the OIDC provider, for a role of a service account.
    """

    spec: RoleSpec
    provider: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The identity provider, where its trust names one."""
        return (self.provider,) if self.provider is not None else ()

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and name."""
        try:
            found = context.client("iam").get_role(RoleName=self.spec.name)["Role"]
        except ClientError as error:
            if is_missing(error, "NoSuchEntity"):
                return None
            raise
        return {"arn": found["Arn"], "name": self.spec.name}

    def create(self, context: Context) -> Attributes:
        """Creates it with trust, managed policies and inline policy."""
        created = context.client("iam").create_role(
            RoleName=self.spec.name,
            AssumeRolePolicyDocument=json.dumps(self._trust(context)),
            Tags=ROLE_TAGS.shape(tags_for("role")),
        )["Role"]
        attributes = {"arn": created["Arn"], "name": self.spec.name}
        if self.spec.managed:
            self.put(context, attributes, ("managed_policies",))
        if self.spec.grants:
            self.put(context, attributes, ("policies",))
        return attributes

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes its policies away and deletes it."""
        iam = context.client("iam")
        name = attributes["name"]
        for arn in self._attached(context):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def wanted(self, context: Context) -> Settings:
        """Trust, managed policies, inline policies by name, tags."""
        document = policy_document(self.spec, context.region, context.account)
        return {
            "trust": self._trust(context),
            "managed_policies": sorted(f"arn:aws:iam::aws:policy/{name}" for name in self.spec.managed),
            "policies": {self.spec.policy: document} if self.spec.grants else {},
            "tags": tags_for("role"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Trust, managed policies, inline policies by name, tags."""
        iam = context.client("iam")
        name = attributes["name"]
        return {
            "trust": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
            "managed_policies": self._attached(context),
            "policies": {
                policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
            },
            "tags": ROLE_TAGS.found(context, name, tags_for("role")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts trust, policies and tags; what its spec does not grant is taken away before anything is added."""
        iam = context.client("iam")
        name = attributes["name"]
        wanted = self.wanted(context)
        if "trust" in names:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(wanted["trust"]))
        if "managed_policies" in names:
            attached = set(self._attached(context))
            for arn in sorted(attached - set(wanted["managed_policies"])):
                iam.detach_role_policy(RoleName=name, PolicyArn=arn)
            for arn in sorted(set(wanted["managed_policies"]) - attached):
                iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        if "policies" in names:
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                if policy not in wanted["policies"]:
                    iam.delete_role_policy(RoleName=name, PolicyName=policy)
            for policy, document in wanted["policies"].items():
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        if "tags" in names:
            ROLE_TAGS.put(context, name, tags_for("role"))

    def _trust(self, context: Context) -> dict[str, Any]:
        issuer = context.of(self.provider, "issuer") if self.provider is not None else ""
        return trust_document(self.spec, context.account, issuer)

    def _attached(self, context: Context) -> list[str]:
        listed = context.client("iam").list_attached_role_policies(RoleName=self.spec.name)["AttachedPolicies"]
        return sorted(policy["PolicyArn"] for policy in listed)


@dataclass(frozen=True, slots=True)
class OidcProvider(Resource):
    """The identity provider through which the cluster's service accounts assume roles.

    Attributes:
        cluster: Address of the cluster whose issuer it is.
    """

    cluster: str

    fixed: ClassVar[tuple[str, ...]] = ("audiences", "issuer")  # the emulator cannot add or remove an audience

    @property
    def needs(self) -> tuple[str, ...]:
        """The cluster whose issuer it is."""
        return (self.cluster,)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and the issuer without scheme.

        Where the cluster is gone, its issuer is not known any more; the provider is then found by its tags, so
        that a teardown that was cut short leaves none behind.
        """
        listed = context.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
        arns = [item["Arn"] for item in listed]
        if self.cluster in context.known:
            own = [self._arn(context)]
        else:
            tags = tags_for("oidc")
            own = [arn for arn in arns if PROVIDER_TAGS.found(context, arn, tags) == tags]
        found = [arn for arn in arns if arn in own]
        return {"arn": found[0], "issuer": found[0].partition("oidc-provider/")[2]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it for the audience of STS."""
        issuer = self._issuer(context)
        created = context.client("iam").create_open_id_connect_provider(
            Url=f"https://{issuer}",
            ClientIDList=[AUDIENCE],
            ThumbprintList=[_THUMBPRINT],
            Tags=PROVIDER_TAGS.shape(tags_for("oidc")),
        )
        return {"arn": created["OpenIDConnectProviderArn"], "issuer": issuer}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=attributes["arn"])

    def wanted(self, context: Context) -> Settings:
        """The issuer that it speaks for, audiences, thumbprints, tags."""
        return {
            "issuer": self._issuer(context),
            "audiences": [AUDIENCE],
            "thumbprints": [_THUMBPRINT],
            "tags": tags_for("oidc"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """The issuer that it speaks for, audiences, thumbprints, tags."""
        found = context.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=attributes["arn"])
        return {
            "issuer": found["Url"].removeprefix("https://"),
            "audiences": sorted(found["ClientIDList"]),
            "thumbprints": sorted(found["ThumbprintList"]),
            "tags": PROVIDER_TAGS.found(context, attributes["arn"], tags_for("oidc")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts thumbprints and tags."""
        if "thumbprints" in names:
            context.client("iam").update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=attributes["arn"], ThumbprintList=[_THUMBPRINT]
            )
        if "tags" in names:
            PROVIDER_TAGS.put(context, attributes["arn"], tags_for("oidc"))

    def _arn(self, context: Context) -> str:
        return context.arn("iam", f"oidc-provider/{self._issuer(context)}", regional=False)

    def _issuer(self, context: Context) -> str:
        return str(context.of(self.cluster, "issuer")).removeprefix("https://")
