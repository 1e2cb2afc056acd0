"""Tags, as each service reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.stacks.resource import Context


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tag operations of one kind of resource.

    Attributes:
        service: boto3's name of the service.
        read: The operation that lists tags.
        write: The operation that adds tags.
        target: The parameter that names the resource.
        answer: The field of the answer that holds the tags.
        given: The parameter that takes the tags.
        pair: The names of key and value where tags are a list of pairs; empty where they are a mapping.
        extra: Further parameters of both operations.
    """

    service: str
    read: str
    write: str
    target: str
    answer: str = "Tags"
    given: str = "Tags"
    pair: tuple[str, str] | tuple[()] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    def shape(self, tags: Mapping[str, str]) -> Any:
        """Tags in the form that the service takes."""
        if not self.pair:
            return dict(tags)
        key, value = self.pair
        return [{key: name, value: text} for name, text in tags.items()]

    def found(self, context: Context, target: str, wanted: Mapping[str, str]) -> dict[str, str | None]:
        """The tags of a resource under the wanted names; further tags are its owner's affair."""
        answer = getattr(context.client(self.service), self.read)(**{self.target: target}, **self.extra)
        listed = answer.get(self.answer) or {}
        if self.pair:
            key, value = self.pair
            listed = {item[key]: item[value] for item in listed}
        return {name: listed.get(name) for name in wanted}

    def put(self, context: Context, target: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a resource."""
        operation = getattr(context.client(self.service), self.write)
        operation(**{self.target: target, self.given: self.shape(tags)}, **self.extra)


_CAPITAL = ("Key", "Value")

KEY_TAGS = Tagging("kms", "list_resource_tags", "tag_resource", "KeyId", pair=("TagKey", "TagValue"))
ROLE_TAGS = Tagging("iam", "list_role_tags", "tag_role", "RoleName", pair=_CAPITAL)
PROVIDER_TAGS = Tagging(
    "iam",
    "list_open_id_connect_provider_tags",
    "tag_open_id_connect_provider",
    "OpenIDConnectProviderArn",
    pair=_CAPITAL,
)
TABLE_TAGS = Tagging("dynamodb", "list_tags_of_resource", "tag_resource", "ResourceArn", pair=_CAPITAL)
PARAMETER_TAGS = Tagging(
    "ssm",
    "list_tags_for_resource",
    "add_tags_to_resource",
    "ResourceId",
    answer="TagList",
    pair=_CAPITAL,
    extra={"ResourceType": "Parameter"},
)
LOG_GROUP_TAGS = Tagging("logs", "list_tags_log_group", "tag_log_group", "logGroupName", answer="tags", given="tags")
FUNCTION_TAGS = Tagging("lambda", "list_tags", "tag_resource", "Resource")
API_TAGS = Tagging("apigatewayv2", "get_tags", "tag_resource", "ResourceArn")
QUEUE_TAGS = Tagging("sqs", "list_queue_tags", "tag_queue", "QueueUrl")
STATE_MACHINE_TAGS = Tagging(
    "stepfunctions",
    "list_tags_for_resource",
    "tag_resource",
    "resourceArn",
    answer="tags",
    given="tags",
    pair=("key", "value"),
)
CLUSTER_TAGS = Tagging("eks", "list_tags_for_resource", "tag_resource", "resourceArn", answer="tags", given="tags")
STREAM_TAGS = Tagging("kafka", "list_tags_for_resource", "tag_resource", "ResourceArn")
SCHEMA_TAGS = Tagging("glue", "get_tags", "tag_resource", "ResourceArn", given="TagsToAdd")
