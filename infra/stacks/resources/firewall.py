"""Security groups: which traffic reaches what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.stacks.resource import Attributes, Context, Settings
from infra.stacks.resources.network import EVERYWHERE, NetworkResource


@dataclass(frozen=True, slots=True)
class SecurityGroup(NetworkResource):
    """A group that lets the VPC in on some TCP ports, and everything out."""

    description: str
    ports: tuple[int, ...]
    cidr: str
    vpc: str

    kind: ClassVar[str] = "security-group"
    listing: ClassVar[tuple[str, str, str]] = ("describe_security_groups", "SecurityGroups", "GroupId")
    fixed: ClassVar[tuple[str, ...]] = ("vpc",)

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it lies in."""
        return (self.vpc,)

    def create(self, context: Context) -> Attributes:
        """Creates it with its ingress rules; the rule that lets everything out is there by default."""
        created = context.client("ec2").create_security_group(
            GroupName=self.name,
            Description=self.description,
            VpcId=context.of(self.vpc, "id"),
            TagSpecifications=self.specification(),
        )
        self.set(context, created["GroupId"], "ingress")
        return {"id": created["GroupId"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_security_group(GroupId=attributes["id"])

    def want(self, context: Context) -> Settings:
        """Its VPC and its rules."""
        return {
            "vpc": context.of(self.vpc, "id"),
            "ingress": sorted(_rules(self._permissions("ingress"))),
            "egress": sorted(_rules(self._permissions("egress"))),
        }

    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """Its VPC and its rules."""
        del context
        return {
            "vpc": item["VpcId"],
            "ingress": sorted(_rules(item.get("IpPermissions", ()))),
            "egress": sorted(_rules(item.get("IpPermissionsEgress", ()))),
        }

    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Adds the rules of one direction that are missing, then takes those away that should not be."""
        ec2 = context.client("ec2")
        (item,) = ec2.describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        there = _rules(item.get("IpPermissions" if name == "ingress" else "IpPermissionsEgress", ()))
        wanted = _rules(self._permissions(name))
        missing = [wanted[rule] for rule in sorted(wanted.keys() - there.keys())]
        surplus = [there[rule] for rule in sorted(there.keys() - wanted.keys())]
        if missing:
            getattr(ec2, f"authorize_security_group_{name}")(GroupId=resource_id, IpPermissions=missing)
        if surplus:
            getattr(ec2, f"revoke_security_group_{name}")(GroupId=resource_id, IpPermissions=surplus)

    def _permissions(self, direction: str) -> list[dict[str, Any]]:
        if direction == "egress":
            return [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYWHERE}]}]
        return [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": self.cidr}]}
            for port in self.ports
        ]


_SOURCES = {
    "IpRanges": "CidrIp",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "GroupId",
}


def _rules(permissions: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Permissions with one source each, by a text that says what each lets through."""
    rules: dict[str, dict[str, Any]] = {}
    for permission in permissions:
        what: dict[str, Any] = {
            key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission
        }
        for field, key in _SOURCES.items():
            for source in permission.get(field, ()):
                text = " ".join(str(part) for part in (*what.values(), source[key]))
                rules[text] = {**what, field: [{key: source[key]}]}
    return rules
