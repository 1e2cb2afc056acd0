"""The ingress function with its invoke permission, and the cluster of the differentiating services."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.ingress.package import ENTRYPOINT, RUNTIME, build_zip
from infra.stacks.resource import Attributes, Context, Resource, Settings, is_missing, tags_for
from infra.stacks.resources.tagging import CLUSTER_TAGS, FUNCTION_TAGS


@dataclass(frozen=True, slots=True)
class Function(Resource):
    """The ingress handler, deployed from this project's own package.

    Attributes:
        name: Its name.
        role: Address of the role that it runs as.
        memory_mb: Memory in MiB.
        timeout_s: Timeout in seconds.
        environment: Fixed variables.
        environment_from: Variables whose values are attributes of other resources.
    """

    name: str
    role: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_from: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """Its role, and the resources that its environment names."""
        return (self.role, *dict.fromkeys(address for address, _ in self.environment_from.values()))

    def describe(self, context: Context) -> Attributes | None:
        """Its name and ARN."""
        try:
            found = context.client("lambda").get_function_configuration(FunctionName=self.name)
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["FunctionArn"]}

    def create(self, context: Context) -> Attributes:
        """Creates it with code and environment."""
        created = context.client("lambda").create_function(
            FunctionName=self.name,
            Code={"ZipFile": build_zip()},
            Tags=tags_for("ig_handler"),
            **self._configuration(context),
        )
        return {"name": self.name, "arn": created["FunctionArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("lambda").delete_function(FunctionName=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Its configuration, the digest of its package, no reservation of concurrency, its tags."""
        digest = base64.b64encode(hashlib.sha256(build_zip()).digest()).decode()
        return {
            **self._configuration(context),
            "CodeSha256": digest,
            "ReservedConcurrentExecutions": None,
            "tags": tags_for("ig_handler"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """The same settings as they are."""
        client = context.client("lambda")
        configuration = client.get_function_configuration(FunctionName=self.name)
        concurrency = client.get_function_concurrency(FunctionName=self.name)
        names = ("Runtime", "Handler", "Role", "Timeout", "MemorySize", "Environment", "CodeSha256")
        return {
            **{name: configuration.get(name) for name in names},
            "ReservedConcurrentExecutions": concurrency.get("ReservedConcurrentExecutions"),
            "tags": FUNCTION_TAGS.found(context, attributes["arn"], tags_for("ig_handler")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts code, configuration, concurrency and tags."""
        client = context.client("lambda")
        if "CodeSha256" in names:
            client.update_function_code(FunctionName=self.name, ZipFile=build_zip())
        configuration = {name: value for name, value in self._configuration(context).items() if name in names}
        if configuration:
            client.update_function_configuration(FunctionName=self.name, **configuration)
        if "ReservedConcurrentExecutions" in names:
            client.delete_function_concurrency(FunctionName=self.name)
        if "tags" in names:
            FUNCTION_TAGS.put(context, attributes["arn"], tags_for("ig_handler"))

    def _configuration(self, context: Context) -> dict[str, Any]:
        given = {name: str(context.of(*source)) for name, source in self.environment_from.items()}
        return {
            "Runtime": RUNTIME,
            "Handler": ENTRYPOINT,
            "Role": context.of(self.role, "arn"),
            "Timeout": self.timeout_s,
            "MemorySize": self.memory_mb,
            "Environment": {"Variables": {**self.environment, **given}},
        }


@dataclass(frozen=True, slots=True)
class InvokePermission(Resource):
    """Lets one HTTP API invoke a function.

    Attributes:
        statement: Id of the statement in the function's policy.
        function: Address of the function.
        api: Address of the API.
    """

    statement: str
    function: str
    api: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The function and the API."""
        return (self.function, self.api)

    def describe(self, context: Context) -> Attributes | None:
        """Its statement id."""
        return {"sid": self.statement} if self._statement(context) is not None else None

    def create(self, context: Context) -> Attributes:
        """Adds the statement to the function's policy."""
        context.client("lambda").add_permission(
            FunctionName=context.of(self.function, "name"),
            StatementId=self.statement,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=self._source(context),
        )
        return {"sid": self.statement}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes the statement back."""
        context.client("lambda").remove_permission(
            FunctionName=context.of(self.function, "name"), StatementId=attributes["sid"]
        )

    def wanted(self, context: Context) -> Settings:
        """Who may do what, and from where."""
        return {
            "effect": "Allow",
            "action": "lambda:InvokeFunction",
            "principal": {"Service": "apigateway.amazonaws.com"},
            "sources": [self._source(context)],
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Who may do what, and from where."""
        del attributes
        statement = self._statement(context) or {}
        conditions = statement.get("Condition", {}).get("ArnLike", {})
        return {
            "effect": statement.get("Effect"),
            "action": statement.get("Action"),
            "principal": statement.get("Principal"),
            "sources": [arn for key, arn in conditions.items() if key.lower() == "aws:sourcearn"],
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Replaces the statement, which cannot be changed in parts."""
        del names
        self.delete(context, attributes)
        self.create(context)

    def _source(self, context: Context) -> str:
        return context.arn("execute-api", f"{context.of(self.api, 'id')}/*/*")

    def _statement(self, context: Context) -> dict[str, Any] | None:
        try:
            answer = context.client("lambda").get_policy(FunctionName=context.of(self.function, "name"))
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        statements: list[dict[str, Any]] = json.loads(answer["Policy"]).get("Statement", [])
        return next((item for item in statements if item.get("Sid") == self.statement), None)


@dataclass(frozen=True, slots=True)
class Cluster(Resource):
    """The EKS cluster of the differentiating services.

    Attributes:
        name: Its name.
        role: Address of the role that it runs as.
        subnets: Addresses of its subnets.
    """

    name: str
    role: str
    subnets: tuple[str, ...]

    fixed: ClassVar[tuple[str, ...]] = ("endpoints", "role", "subnets")

    @property
    def needs(self) -> tuple[str, ...]:
        """Its role and subnets."""
        return (self.role, *self.subnets)

    def describe(self, context: Context) -> Attributes | None:
        """Its name, ARN and OIDC issuer."""
        try:
            found = context.client("eks").describe_cluster(name=self.name)["cluster"]
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        return self._attributes(found)

    def create(self, context: Context) -> Attributes:
        """Creates it in the private subnets, with both endpoints."""
        created = context.client("eks").create_cluster(
            name=self.name,
            roleArn=context.of(self.role, "arn"),
            resourcesVpcConfig={
                "subnetIds": [context.of(subnet, "id") for subnet in self.subnets],
                "endpointPublicAccess": True,
                "endpointPrivateAccess": True,
            },
            tags=tags_for("eks"),
        )["cluster"]
        return self._attributes(created)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("eks").delete_cluster(name=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Role, subnets and endpoints."""
        return {
            "role": context.of(self.role, "arn"),
            "subnets": sorted(context.of(subnet, "id") for subnet in self.subnets),
            "endpoints": {"private": True, "public": True},
            "tags": tags_for("eks"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Role, subnets and endpoints."""
        cluster = context.client("eks").describe_cluster(name=self.name)["cluster"]
        network = cluster["resourcesVpcConfig"]
        return {
            "role": cluster["roleArn"],
            "subnets": sorted(network.get("subnetIds", ())),
            "endpoints": {
                "private": network.get("endpointPrivateAccess"),
                "public": network.get("endpointPublicAccess"),
            },
            "tags": CLUSTER_TAGS.found(context, attributes["arn"], tags_for("eks")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its tags."""
        if "tags" in names:
            CLUSTER_TAGS.put(context, attributes["arn"], tags_for("eks"))

    def _attributes(self, found: dict[str, Any]) -> Attributes:
        return {"name": self.name, "arn": found["arn"], "issuer": found["identity"]["oidc"]["issuer"]}
