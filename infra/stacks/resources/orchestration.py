"""The dead-letter queue of the ingress, and the orchestrator of platform runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.stacks.resource import Attributes, Context, Resource, Settings, is_missing, tags_for
from infra.stacks.resources.tagging import QUEUE_TAGS, STATE_MACHINE_TAGS


@dataclass(frozen=True, slots=True)
class Queue(Resource):
    """An SQS queue."""

    name: str

    def describe(self, context: Context) -> Attributes | None:
        """Its name, URL and ARN."""
        try:
            url = context.client("sqs").get_queue_url(QueueName=self.name)["QueueUrl"]
        except ClientError as error:
            if is_missing(error, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"):
                return None
            raise
        return {"name": self.name, "url": url, "arn": context.arn("sqs", self.name)}

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        url = context.client("sqs").create_queue(QueueName=self.name, tags=tags_for("ig_dlq"))["QueueUrl"]
        return {"name": self.name, "url": url, "arn": context.arn("sqs", self.name)}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("sqs").delete_queue(QueueUrl=attributes["url"])

    def wanted(self, context: Context) -> Settings:
        """Its tags."""
        del context
        return {"tags": tags_for("ig_dlq")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its tags."""
        return {"tags": QUEUE_TAGS.found(context, attributes["url"], tags_for("ig_dlq"))}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its tags."""
        if "tags" in names:
            QUEUE_TAGS.put(context, attributes["url"], tags_for("ig_dlq"))


@dataclass(frozen=True, slots=True)
class StateMachine(Resource):
    """A Step Functions state machine.

    Attributes:
        name: Its name.
        role: Address of the role that it runs as.
        definition: Its states, in the Amazon States Language.
    """

    name: str
    role: str
    definition: Mapping[str, Any]

    fixed: ClassVar[tuple[str, ...]] = ("type",)

    @property
    def needs(self) -> tuple[str, ...]:
        """The role that it runs as."""
        return (self.role,)

    def describe(self, context: Context) -> Attributes | None:
        """Its name and ARN."""
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
            type="STANDARD",
            definition=self._text(),
            roleArn=context.of(self.role, "arn"),
            tags=STATE_MACHINE_TAGS.shape(tags_for("sfn")),
        )
        return {"name": self.name, "arn": created["stateMachineArn"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("stepfunctions").delete_state_machine(stateMachineArn=attributes["arn"])

    def wanted(self, context: Context) -> Settings:
        """Type, definition, role and tags."""
        return {
            "type": "STANDARD",
            "definition": dict(self.definition),
            "role": context.of(self.role, "arn"),
            "tags": tags_for("sfn"),
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Type, definition, role and tags."""
        found = context.client("stepfunctions").describe_state_machine(stateMachineArn=attributes["arn"])
        return {
            "type": found["type"],
            "definition": json.loads(found["definition"]),
            "role": found["roleArn"],
            "tags": STATE_MACHINE_TAGS.found(context, attributes["arn"], tags_for("sfn")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts definition, role and tags."""
        changes: dict[str, str] = {}
        if "definition" in names:
            changes["definition"] = self._text()
        if "role" in names:
            changes["roleArn"] = context.of(self.role, "arn")
        if changes:
            context.client("stepfunctions").update_state_machine(stateMachineArn=attributes["arn"], **changes)
        if "tags" in names:
            STATE_MACHINE_TAGS.put(context, attributes["arn"], tags_for("sfn"))

    def _text(self) -> str:
        return json.dumps(dict(self.definition), sort_keys=True)
