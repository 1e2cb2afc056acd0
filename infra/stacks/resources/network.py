"""VPC, gateway, subnets and route tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.stacks.resource import Attributes, Context, Resource, Settings, tags_for

EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class NetworkResource(Resource):
    """A resource of EC2, found by its `Name` tag.

    Attributes:
        name: The value of that tag.
    """

    name: str

    kind: ClassVar[str]
    """What tags call it."""

    listing: ClassVar[tuple[str, str, str]]
    """The operation that lists such resources, the field that holds the list, and the field of the id."""

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        operation, key, id_key = self.listing
        listed = getattr(context.client("ec2"), operation)(Filters=[{"Name": "tag:Name", "Values": [self.name]}])[key]
        return {"id": listed[0][id_key]} if listed else None

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its settings as they are."""
        operation, key, id_key = self.listing
        item = getattr(context.client("ec2"), operation)(**{f"{id_key}s": [attributes["id"]]})[key][0]
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
        return {"tags": {name: tags.get(name) for name in self._tags()}, **self.look(context, item)}

    def wanted(self, context: Context) -> Settings:
        """Its settings as they should be."""
        return {"tags": self._tags(), **self.want(context)}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts tags, and what its kind has beside them."""
        if "tags" in names:
            tags = [{"Key": key, "Value": value} for key, value in self._tags().items()]
            context.client("ec2").create_tags(Resources=[attributes["id"]], Tags=tags)
        for name in names:
            if name != "tags":
                self.set(context, attributes["id"], name)

    @abstractmethod
    def want(self, context: Context) -> Settings:
        """The settings of its kind as they should be."""

    @abstractmethod
    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """The settings of its kind as they are, from what its listing says of it."""

    @abstractmethod
    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Puts one setting of its kind."""

    def specification(self) -> list[dict[str, Any]]:
        """Its tags as creation takes them."""
        return [
            {
                "ResourceType": self.kind,
                "Tags": [{"Key": key, "Value": value} for key, value in self._tags().items()],
            }
        ]

    def _tags(self) -> dict[str, str]:
        return tags_for("network", Name=self.name)


@dataclass(frozen=True, slots=True)
class Vpc(NetworkResource):
    """The platform's network, with DNS."""

    cidr: str

    kind: ClassVar[str] = "vpc"
    listing: ClassVar[tuple[str, str, str]] = ("describe_vpcs", "Vpcs", "VpcId")
    fixed: ClassVar[tuple[str, ...]] = ("cidr",)

    def create(self, context: Context) -> Attributes:
        """Creates it and gives its hosts names; a new VPC resolves names already."""
        created = context.client("ec2").create_vpc(CidrBlock=self.cidr, TagSpecifications=self.specification())
        self.set(context, created["Vpc"]["VpcId"], "dns_hostnames")
        return {"id": created["Vpc"]["VpcId"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_vpc(VpcId=attributes["id"])

    def want(self, context: Context) -> Settings:
        """Address range and DNS."""
        del context
        return {"cidr": self.cidr, "dns_support": True, "dns_hostnames": True}

    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """Address range and DNS."""
        ask = context.client("ec2").describe_vpc_attribute
        support = ask(VpcId=item["VpcId"], Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"]
        hostnames = ask(VpcId=item["VpcId"], Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
        return {"cidr": item["CidrBlock"], "dns_support": support, "dns_hostnames": hostnames}

    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Switches one kind of DNS on."""
        attribute = {"dns_support": "EnableDnsSupport", "dns_hostnames": "EnableDnsHostnames"}[name]
        context.client("ec2").modify_vpc_attribute(VpcId=resource_id, **{attribute: {"Value": True}})


@dataclass(frozen=True, slots=True)
class InternetGateway(NetworkResource):
    """The gateway of the public subnets."""

    vpc: str

    kind: ClassVar[str] = "internet-gateway"
    listing: ClassVar[tuple[str, str, str]] = ("describe_internet_gateways", "InternetGateways", "InternetGatewayId")

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it is attached to."""
        return (self.vpc,)

    def create(self, context: Context) -> Attributes:
        """Creates and attaches it."""
        created = context.client("ec2").create_internet_gateway(TagSpecifications=self.specification())
        gateway_id = created["InternetGateway"]["InternetGatewayId"]
        self.set(context, gateway_id, "attached_to")
        return {"id": gateway_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Detaches it from wherever it is attached, and deletes it."""
        ec2 = context.client("ec2")
        self._detach(context, attributes["id"])
        ec2.delete_internet_gateway(InternetGatewayId=attributes["id"])

    def want(self, context: Context) -> Settings:
        """The VPC that it serves."""
        return {"attached_to": [context.of(self.vpc, "id")]}

    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """The VPCs that it serves."""
        del context
        return {"attached_to": _attachments(item)}

    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Attaches it to its VPC."""
        del name
        self._detach(context, resource_id)
        context.client("ec2").attach_internet_gateway(InternetGatewayId=resource_id, VpcId=context.of(self.vpc, "id"))

    def _detach(self, context: Context, gateway_id: str) -> None:
        ec2 = context.client("ec2")
        (item,) = ec2.describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"]
        for vpc_id in _attachments(item):
            ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)


@dataclass(frozen=True, slots=True)
class Subnet(NetworkResource):
    """One subnet of one availability zone."""

    cidr: str
    zone: str
    public: bool
    vpc: str

    kind: ClassVar[str] = "subnet"
    listing: ClassVar[tuple[str, str, str]] = ("describe_subnets", "Subnets", "SubnetId")
    fixed: ClassVar[tuple[str, ...]] = ("cidr", "vpc", "zone")

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC that it lies in."""
        return (self.vpc,)

    def create(self, context: Context) -> Attributes:
        """Creates it; a public one hands out public addresses."""
        subnet_id = context.client("ec2").create_subnet(
            VpcId=context.of(self.vpc, "id"),
            CidrBlock=self.cidr,
            AvailabilityZone=f"{context.region}{self.zone}",
            TagSpecifications=self.specification(),
        )["Subnet"]["SubnetId"]
        if self.public:
            self.set(context, subnet_id, "public_ip")
        return {"id": subnet_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ec2").delete_subnet(SubnetId=attributes["id"])

    def want(self, context: Context) -> Settings:
        """Where it lies, and whether it hands out public addresses."""
        return {
            "cidr": self.cidr,
            "zone": f"{context.region}{self.zone}",
            "vpc": context.of(self.vpc, "id"),
            "public_ip": self.public,
        }

    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """Where it lies, and whether it hands out public addresses."""
        del context
        return {
            "cidr": item["CidrBlock"],
            "zone": item["AvailabilityZone"],
            "vpc": item["VpcId"],
            "public_ip": item["MapPublicIpOnLaunch"],
        }

    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Says whether it hands out public addresses."""
        del name
        context.client("ec2").modify_subnet_attribute(SubnetId=resource_id, MapPublicIpOnLaunch={"Value": self.public})


@dataclass(frozen=True, slots=True)
class RouteTable(NetworkResource):
    """A route table with its associations, and a default route where it has a gateway."""

    vpc: str
    subnets: tuple[str, ...]
    gateway: str | None = None

    kind: ClassVar[str] = "route-table"
    listing: ClassVar[tuple[str, str, str]] = ("describe_route_tables", "RouteTables", "RouteTableId")
    fixed: ClassVar[tuple[str, ...]] = ("vpc",)

    @property
    def needs(self) -> tuple[str, ...]:
        """The VPC, the subnets and the gateway."""
        return (self.vpc, *self.subnets, *((self.gateway,) if self.gateway else ()))

    def create(self, context: Context) -> Attributes:
        """Creates it with its route and associations."""
        created = context.client("ec2").create_route_table(
            VpcId=context.of(self.vpc, "id"), TagSpecifications=self.specification()
        )
        table_id = created["RouteTable"]["RouteTableId"]
        if self.gateway is not None:
            self.set(context, table_id, "default_route")
        self.set(context, table_id, "subnets")
        return {"id": table_id}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes its associations back and deletes it."""
        ec2 = context.client("ec2")
        for association in _associations(self._item(context, attributes["id"])).values():
            ec2.disassociate_route_table(AssociationId=association)
        ec2.delete_route_table(RouteTableId=attributes["id"])

    def want(self, context: Context) -> Settings:
        """Its VPC, its subnets and its default route."""
        return {
            "vpc": context.of(self.vpc, "id"),
            "subnets": sorted(context.of(subnet, "id") for subnet in self.subnets),
            "default_route": context.of(self.gateway, "id") if self.gateway else None,
        }

    def look(self, context: Context, item: dict[str, Any]) -> Settings:
        """Its VPC, its subnets and its default route."""
        del context
        return {
            "vpc": item["VpcId"],
            "subnets": sorted(_associations(item)),
            "default_route": _default_route(item),
        }

    def set(self, context: Context, resource_id: str, name: str) -> None:
        """Puts its default route, or its associations."""
        wanted = self.want(context)[name]
        item = self._item(context, resource_id)
        ec2 = context.client("ec2")
        if name == "default_route":
            if _default_route(item) is not None:
                ec2.delete_route(RouteTableId=resource_id, DestinationCidrBlock=EVERYWHERE)
            if wanted is not None:
                ec2.create_route(RouteTableId=resource_id, DestinationCidrBlock=EVERYWHERE, GatewayId=wanted)
            return
        associated = _associations(item)
        for subnet in associated.keys() - set(wanted):
            ec2.disassociate_route_table(AssociationId=associated[subnet])
        for subnet in sorted(set(wanted) - associated.keys()):
            ec2.associate_route_table(RouteTableId=resource_id, SubnetId=subnet)

    def _item(self, context: Context, table_id: str) -> dict[str, Any]:
        listed: list[dict[str, Any]] = context.client("ec2").describe_route_tables(RouteTableIds=[table_id])[
            "RouteTables"
        ]
        return listed[0]


def _attachments(item: dict[str, Any]) -> list[str]:
    return sorted(attachment["VpcId"] for attachment in item.get("Attachments", ()))


def _associations(item: dict[str, Any]) -> dict[str, str]:
    """The association of each subnet."""
    return {
        association["SubnetId"]: association["RouteTableAssociationId"]
        for association in item.get("Associations", ())
        if "SubnetId" in association
    }


def _default_route(item: dict[str, Any]) -> str | None:
    for route in item.get("Routes", ()):
        if route.get("DestinationCidrBlock") == EVERYWHERE:
            return str(route.get("GatewayId"))
    return None
