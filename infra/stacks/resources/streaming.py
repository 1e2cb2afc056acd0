"""The MSK cluster and the schema registry."""

from __future__ import annotations

import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from infra.stacks.resource import TAGS, Attributes, Context, is_missing


@dataclass(frozen=True, slots=True)
class ServerlessCluster:
    """A serverless MSK cluster with IAM authentication in private subnets."""

    address: str
    name: str
    subnets: tuple[str, ...]
    security_group: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The subnets and the security group."""
        return (*self.subnets, self.security_group)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and brokers."""
        kafka = context.client("kafka")
        listed = kafka.list_clusters_v2(ClusterNameFilter=self.name)["ClusterInfoList"]
        found = [item for item in listed if item["ClusterName"] == self.name and item.get("State") != "DELETING"]
        return self._attributes(context, found[0]["ClusterArn"]) if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("kafka").create_cluster_v2(
            ClusterName=self.name,
            Tags={**TAGS, "fp_resource": "msk"},
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

    def _attributes(self, context: Context, arn: str) -> Attributes:
        brokers = context.client("kafka").get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"]
        return {"arn": arn, "name": self.name, "brokers": brokers}


@dataclass(frozen=True, slots=True)
class SchemaRegistry:
    """A Glue schema registry."""

    address: str
    name: str
    needs: tuple[str, ...] = ()

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
        """Creates it."""
        created = context.client("glue").create_registry(
            RegistryName=self.name, Tags={**TAGS, "fp_resource": "schema_registry"}
        )
        return {"name": self.name, "arn": created["RegistryArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("glue").delete_registry(RegistryId={"RegistryName": attributes["name"]})


@dataclass(frozen=True, slots=True)
class EnvelopeSchema:
    """The JSON schema of an event envelope: an object with required string fields."""

    address: str
    name: str
    registry: str
    required: tuple[str, ...]
    compatibility: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The registry that it stands in."""
        return (self.registry,)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and compatibility mode."""
        identity = {"SchemaName": self.name, "RegistryName": context.of(self.registry, "name")}
        try:
            found = context.client("glue").get_schema(SchemaId=identity)
        except ClientError as error:
            if is_missing(error, "EntityNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["SchemaArn"], "compatibility": found["Compatibility"]}

    def create(self, context: Context) -> Attributes:
        """Creates it with its first version."""
        definition = {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": {field: {"type": "string"} for field in self.required},
            "required": list(self.required),
        }
        created = context.client("glue").create_schema(
            RegistryId={"RegistryName": context.of(self.registry, "name")},
            SchemaName=self.name,
            DataFormat="JSON",
            Compatibility=self.compatibility,
            SchemaDefinition=json.dumps(definition, sort_keys=True),
            Tags={**TAGS, "fp_resource": "schema"},
        )
        return {"name": self.name, "arn": created["SchemaArn"], "compatibility": created["Compatibility"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("glue").delete_schema(
            SchemaId={"SchemaName": attributes["name"], "RegistryName": context.of(self.registry, "name")}
        )
