"""VPC, gateway, subnets, route tables and the security group of the streaming clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.stacks.resource import TAGS, Attributes, Context


def _named(context: Context, operation: str, key: str, name: str) -> dict[str, Any] | None:
    answer = getattr(context.client("ec2"), operation)(Filters=[{"Name": "tag:Name", "Values": [name]}])
    found: list[dict[str, Any]] = answer[key]
    return found[0] if found else None


def _tags(kind: str, name: str) -> list[dict[str, Any]]:
    tags = {**TAGS, "Name": name, "fp_resource": "network"}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


@dataclass(frozen=True, slots=True)
class Vpc:
    """The platform's network, with DNS."""

    address: str
    name: str
    cidr: str
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        found = _named(context, "describe_vpcs", "Vpcs", self.name)
        return {"id": found["VpcId"]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it and switches DNS on."""
        ec2 = context.client("ec2")
        vpc_id = ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=_tags("vpc", self.name))["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsSupport={"Value": True})
        ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
        return {"id": vpc_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_vpc(VpcId=attributes["id"])


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """The gateway of the public subnets."""

    address: str
    name: str
    vpc: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it is attached to."""
        return (self.vpc,)

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        found = _named(context, "describe_internet_gateways", "InternetGateways", self.name)
        return {"id": found["InternetGatewayId"]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates and attaches it."""
        ec2 = context.client("ec2")
        created = ec2.create_internet_gateway(TagSpecifications=_tags("internet-gateway", self.name))
        gateway_id = created["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=context.of(self.vpc, "id"))
        return {"id": gateway_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Detaches and deletes it."""
        ec2 = context.client("ec2")
        ec2.detach_internet_gateway(InternetGatewayId=attributes["id"], VpcId=context.of(self.vpc, "id"))
        ec2.delete_internet_gateway(InternetGatewayId=attributes["id"])


@dataclass(frozen=True, slots=True)
class Subnet:
    """One subnet of one availability zone."""

    address: str
    name: str
    cidr: str
    zone: str
    public: bool
    vpc: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it lies in."""
        return (self.vpc,)

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        found = _named(context, "describe_subnets", "Subnets", self.name)
        return {"id": found["SubnetId"]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it; a public one hands out public addresses."""
        ec2 = context.client("ec2")
        subnet_id = ec2.create_subnet(
            VpcId=context.of(self.vpc, "id"),
            CidrBlock=self.cidr,
            AvailabilityZone=f"{context.region}{self.zone}",
            TagSpecifications=_tags("subnet", self.name),
        )["Subnet"]["SubnetId"]
        if self.public:
            ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
        return {"id": subnet_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_subnet(SubnetId=attributes["id"])


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table with its associations, and a default route where it has a gateway."""

    address: str
    name: str
    vpc: str
    subnets: tuple[str, ...]
    gateway: str | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC, the subnets and the gateway."""
        return (self.vpc, *self.subnets, *((self.gateway,) if self.gateway else ()))

    def describe(self, context: Context) -> Attributes | None:
        """Its id and its associations."""
        found = _named(context, "describe_route_tables", "RouteTables", self.name)
        if found is None:
            return None
        return {
            "id": found["RouteTableId"],
            "associations": [item["RouteTableAssociationId"] for item in found.get("Associations", ())],
        }

    def create(self, context: Context) -> Attributes:
        """Creates it with its route and associations."""
        ec2 = context.client("ec2")
        created = ec2.create_route_table(
            VpcId=context.of(self.vpc, "id"), TagSpecifications=_tags("route-table", self.name)
        )
        table_id = created["RouteTable"]["RouteTableId"]
        if self.gateway is not None:
            ec2.create_route(
                RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", GatewayId=context.of(self.gateway, "id")
            )
        associations = [
            ec2.associate_route_table(RouteTableId=table_id, SubnetId=context.of(subnet, "id"))["AssociationId"]
            for subnet in self.subnets
        ]
        return {"id": table_id, "associations": associations}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes its associations back and deletes it."""
        ec2 = context.client("ec2")
        for association in attributes["associations"]:
            ec2.disassociate_route_table(AssociationId=association)
        ec2.delete_route_table(RouteTableId=attributes["id"])


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A group that lets the VPC in on some TCP ports, and everything out."""

    address: str
    name: str
    description: str
    ports: tuple[int, ...]
    cidr: str
    vpc: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it lies in."""
        return (self.vpc,)

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        answer = context.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [self.name]}])
        found = answer["SecurityGroups"]
        return {"id": found[0]["GroupId"]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it with its ingress rules; the rule that lets everything out is there by default."""
        ec2 = context.client("ec2")
        group_id = ec2.create_security_group(
            GroupName=self.name,
            Description=self.description,
            VpcId=context.of(self.vpc, "id"),
            TagSpecifications=_tags("security-group", self.name),
        )["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group_id,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": self.cidr}]}
                for port in self.ports
            ],
        )
        return {"id": group_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_security_group(GroupId=attributes["id"])
