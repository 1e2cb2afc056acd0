"""The ingress function, its dead-letter queue, the orchestrator and the cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.ingress.package import ENTRYPOINT, RUNTIME, build_zip
from infra.stacks.resource import TAGS, Attributes, Context, is_missing


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue."""

    address: str
    name: str
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its URL and ARN."""
        try:
            url = context.client("sqs").get_queue_url(QueueName=self.name)["QueueUrl"]
        except ClientError as error:
            if is_missing(error, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"):
                return None
            raise
        return {"name": self.name, "url": url, "arn": context.arn("sqs", self.name)}

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        url = context.client("sqs").create_queue(QueueName=self.name, tags={**TAGS, "fp_resource": "ig_dlq"})
        return {"name": self.name, "url": url["QueueUrl"], "arn": context.arn("sqs", self.name)}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("sqs").delete_queue(QueueUrl=attributes["url"])


@dataclass(frozen=True, slots=True)
class Function:
    """The ingress handler, deployed from this project's own package.

    Attributes:
        environment: Fixed variables.
        environment_from: Variables whose values are attributes of other resources.
    """

    address: str
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
        """Its ARN."""
        try:
            found = context.client("lambda").get_function_configuration(FunctionName=self.name)
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        return {"name": self.name, "arn": found["FunctionArn"]}

    def create(self, context: Context) -> Attributes:
        """Creates it with code and environment."""
        given = {name: str(context.of(*source)) for name, source in self.environment_from.items()}
        created = context.client("lambda").create_function(
            FunctionName=self.name,
            Runtime=RUNTIME,
            Handler=ENTRYPOINT,
            Role=context.of(self.role, "arn"),
            Code={"ZipFile": build_zip()},
            Timeout=self.timeout_s,
            MemorySize=self.memory_mb,
            Environment={"Variables": {**self.environment, **given}},
            Tags={**TAGS, "fp_resource": "ig_handler"},
        )
        return {"name": self.name, "arn": created["FunctionArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("lambda").delete_function(FunctionName=attributes["name"])


@dataclass(frozen=True, slots=True)
class InvokePermission:
    """Lets one HTTP API invoke a function."""

    address: str
    statement: str
    function: str
    api: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The function and the API."""
        return (self.function, self.api)

    def describe(self, context: Context) -> Attributes | None:
        """Its statement id."""
        try:
            answer = context.client("lambda").get_policy(FunctionName=context.of(self.function, "name"))
        except ClientError as error:
            if is_missing(error, "ResourceNotFoundException"):
                return None
            raise
        statements: list[dict[str, Any]] = json.loads(answer["Policy"]).get("Statement", [])
        return {"sid": self.statement} if any(item.get("Sid") == self.statement for item in statements) else None

    def create(self, context: Context) -> Attributes:
        """Adds the statement to the function's policy."""
        api = context.of(self.api, "id")
        context.client("lambda").add_permission(
            FunctionName=context.of(self.function, "name"),
            StatementId=self.statement,
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=context.arn("execute-api", f"{api}/*/*"),
        )
        return {"sid": self.statement}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Takes the statement back."""
        context.client("lambda").remove_permission(
            FunctionName=context.of(self.function, "name"), StatementId=attributes["sid"]
        )


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A Step Functions state machine."""

    address: str
    name: str
    role: str
    definition: Mapping[str, Any]

    @property
    def needs(self) -> tuple[str, ...]:
        """The role that it runs as."""
        return (self.role,)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN."""
        arn = context.arn("states", f"stateMachine:{self.name}")
        try:
            found = context.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        except ClientError as error:
            if is_missing(error, "StateMachineDoesNotExist"):
                return None
            raise
        return {"name": self.name, "arn": found["stateMachineArn"]}

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("stepfunctions").create_state_machine(
            name=self.name,
            definition=json.dumps(dict(self.definition), sort_keys=True),
            roleArn=context.of(self.role, "arn"),
            tags=[{"key": key, "value": value} for key, value in {**TAGS, "fp_resource": "sfn"}.items()],
        )
        return {"name": self.name, "arn": created["stateMachineArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("stepfunctions").delete_state_machine(stateMachineArn=attributes["arn"])


@dataclass(frozen=True, slots=True)
class Cluster:
    """The EKS cluster of the differentiating services."""

    address: str
    name: str
    role: str
    subnets: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """Its role and subnets."""
        return (self.role, *self.subnets)

    def describe(self, context: Context) -> Attributes | None:
        """Its ARN and OIDC issuer."""
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
            tags={**TAGS, "fp_resource": "eks"},
        )["cluster"]
        return self._attributes(created)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("eks").delete_cluster(name=attributes["name"])

    def _attributes(self, found: dict[str, Any]) -> Attributes:
        return {"name": self.name, "arn": found["arn"], "issuer": found["identity"]["oidc"]["issuer"]}
