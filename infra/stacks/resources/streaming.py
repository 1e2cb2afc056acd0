"""The MSK cluster and the schema registry."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.stacks.resource import Attributes, Context, Resource, Settings, is_missing, tags_for
from infra.stacks.resources.tagging import SCHEMA_TAGS, STREAM_TAGS


@dataclass(frozen=True, slots=True)
class ServerlessCluster(Resource):
    """A serverless MSK cluster with IAM authentication in private subnets."""

    name: str
    subnets: tuple[str, ...]
    security_group: str

    fixed: ClassVar[tuple[str, ...]] = ("iam_authentication", "security_groups", "subnets", "type")

    @property
    def needs(self) -> tuple[str, ...]:
        """The subnets and the security group."""
        return (*self.subnets, self.security_group)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN, name and brokers."""
        kafka = context.client("kafka")
        listed = kafka.list_clusters_v2(ClusterNameFilter=self.name)["ClusterInfoList"]
        found = [item for item in listed if item["ClusterName"] == self.name and item.get("State") != "DELETING"]
        return self._attributes(context, found[0]["ClusterArn"]) if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("kafka").create_cluster_v2(
            ClusterName=self.name,
            Tags=tags_for("msk"),
            Serverless={
                "VpcConfigs": [
                    {
                        "SubnetIds": [context.of(subnet, "id") for subnet in self.subnets],
                        "SecurityGroupIds": [context.of(self.security_group, "id")],
                    }
                ],
                "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
            },
        )
        return self._attributes(context, created["ClusterArn"])

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("kafka").delete_cluster(ClusterArn=attributes["arn"])

    def wanted(self, context: Context) -> Settings:
        """Serverless, in the private subnets, with IAM authentication."""
        return {
            "type": "SERVERLESS",
            "subnets": sorted(context.of(subnet, "id") for subnet in self.subnets),
            "security_groups": [context.of(self.security_group, "id")],
            "iam_authentication": True,
            "tags": tags_for("msk"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Type, network, authentication and tags."""
        info = context.client("kafka").describe_cluster_v2(ClusterArn=attributes["arn"])["ClusterInfo"]
        serverless = info.get("Serverless", {})
        networks = serverless.get("VpcConfigs", ())
        iam = serverless.get("ClientAuthentication", {}).get("Sasl", {}).get("Iam", {})
        return {
            "type": info["ClusterType"],
            "subnets": sorted(subnet for network in networks for subnet in network["SubnetIds"]),
            "security_groups": sorted(group for network in networks for group in network.get("SecurityGroupIds", ())),
            "iam_authentication": iam.get("Enabled", False),
            "tags": STREAM_TAGS.found(context, attributes["arn"], tags_for("msk")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its tags."""
        if "tags" in names:
            STREAM_TAGS.put(context, attributes["arn"], tags_for("msk"))

    def _attributes(self, context: Context, arn: str) -> Attributes:
        brokers = context.client("kafka").get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"]
        return {"arn": arn, "name": self.name, "brokers": brokers}


@dataclass(frozen=True, slots=True)
class SchemaRegistry(Resource):
    """A Glue schema registry."""

    name: str

    def describe(self, context: Context) -> Attributes | None:
        """Its name and ARN."""
        try:
            found = context.client("glue").get_registry(RegistryId={"RegistryName": self.name})
        except ClientError as error:
            if is_missing(error, "EntityNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["RegistryArn"]}

    def create(self, context: Context) -> Attributes:
        """Creates it, then tags it: the emulator loses the tags that creation gives."""
        created = context.client("glue").create_registry(RegistryName=self.name)
        attributes = {"name": self.name, "arn": created["RegistryArn"]}
        self.put(context, attributes, ("tags",))
        return attributes

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("glue").delete_registry(RegistryId={"RegistryName": attributes["name"]})

    def wanted(self, context: Context) -> Settings:
        """Its tags."""
        del context
        return {"tags": tags_for("schema_registry")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its tags."""
        return {"tags": SCHEMA_TAGS.found(context, attributes["arn"], tags_for("schema_registry"))}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its tags."""
        if "tags" in names:
            SCHEMA_TAGS.put(context, attributes["arn"], tags_for("schema_registry"))


@dataclass(frozen=True, slots=True)
class EnvelopeSchema(Resource):
    """The JSON schema of an event envelope: an object with required string fields.

    Attributes:
        registry: Address of the registry that it stands in.
        required: Its fields.
        compatibility: How later versions must relate to earlier ones.
    """

    name: str
    registry: str
    required: tuple[str, ...]
    compatibility: str

    # A version, once registered, stays; a later one that differs is for its author to take back.
    fixed: ClassVar[tuple[str, ...]] = ("definition", "format")

    @property
    def needs(self) -> tuple[str, ...]:
        """The registry that it stands in."""
        return (self.registry,)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and compatibility mode."""
        try:
            found = context.client("glue").get_schema(SchemaId=self._identity(context))
        except ClientError as error:
            if is_missing(error, "EntityNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["SchemaArn"], "compatibility": found["Compatibility"]}

    def create(self, context: Context) -> Attributes:
        """Creates it with its first version."""
        created = context.client("glue").create_schema(
            RegistryId={"RegistryName": context.of(self.registry, "name")},
            SchemaName=self.name,
            DataFormat="JSON",
            Compatibility=self.compatibility,
            SchemaDefinition=json.dumps(self._definition(), sort_keys=True),
            Tags=tags_for("schema"),
        )
        return {"name": self.name, "arn": created["SchemaArn"], "compatibility": created["Compatibility"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        del attributes
        context.client("glue").delete_schema(SchemaId=self._identity(context))

    def wanted(self, context: Context) -> Settings:
        """Format, compatibility, and the fields of its latest version."""
        del context
        return {
            "format": "JSON",
            "compatibility": self.compatibility,
            "definition": self._definition(),
            "tags": tags_for("schema"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Format, compatibility, and the fields of its latest version."""
        glue = context.client("glue")
        schema = glue.get_schema(SchemaId=self._identity(context))
        latest = glue.get_schema_version(SchemaId=self._identity(context), SchemaVersionNumber={"LatestVersion": True})
        return {
            "format": schema["DataFormat"],
            "compatibility": schema["Compatibility"],
            "definition": json.loads(latest["SchemaDefinition"]),
            "tags": SCHEMA_TAGS.found(context, attributes["arn"], tags_for("schema")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its compatibility and tags."""
        if "compatibility" in names:
            context.client("glue").update_schema(
                SchemaId=self._identity(context),
                Compatibility=self.compatibility,
                SchemaVersionNumber={"LatestVersion": True},
            )
        if "tags" in names:
            SCHEMA_TAGS.put(context, attributes["arn"], tags_for("schema"))

    def _identity(self, context: Context) -> dict[str, str]:
        return {"SchemaName": self.name, "RegistryName": context.of(self.registry, "name")}

    def _definition(self) -> dict[str, Any]:
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {field: {"type": "string"} for field in self.required},
            "required": list(self.required),
        }
