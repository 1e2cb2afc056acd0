"""SSM parameters and log groups."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

from infra.stacks.resource import Attributes, Context, Resource, Settings, tags_for
from infra.stacks.resources.tagging import LOG_GROUP_TAGS, PARAMETER_TAGS

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Parameter(Resource):
    """An SSM parameter.

    Attributes:
        path: Its path.
        kind: Its type.
        value: Its value; None where it comes from elsewhere or is a secret.
        from_: Address and attribute of the resource that its value comes from. Where neither `value` nor `from_`
            is given, the value is a random secret, made once for each world and never shown.
        seed: Whether `value` is only where it starts: a datastore that exists may name itself here later.
    """

    path: str
    kind: Literal["String", "SecureString"]
    value: str | None = None
    from_: tuple[str, str] | None = None
    seed: bool = False

    fixed: ClassVar[tuple[str, ...]] = ("type",)

    @property
    def needs(self) -> tuple[str, ...]:
        """The resource that its value comes from."""
        return (self.from_[0],) if self.from_ is not None else ()

    def describe(self, context: Context) -> Attributes | None:
        """Its path; never its value."""
        return {"path": self.path} if self._kind(context) is not None else None

    def create(self, context: Context) -> Attributes:
        """Creates it; one that is there is never overwritten."""
        value = self._source(context)
        context.client("ssm").put_parameter(
            Name=self.path,
            Type=self.kind,
            Value=secrets.token_urlsafe(SECRET_BYTES) if value is None else value,
            Overwrite=False,
            Tags=PARAMETER_TAGS.shape(tags_for("parameter")),
        )
        return {"path": self.path}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("ssm").delete_parameter(Name=attributes["path"])

    def wanted(self, context: Context) -> Settings:
        """Its type and tags, and that its value is the current one where it is neither a seed nor a secret."""
        del context
        own = {} if self._is_free else {"value_is_current": True}
        return {"type": self.kind, "tags": tags_for("parameter"), **own}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its type and tags, and whether its value is the current one; the value itself is not told."""
        settings: Settings = {
            "type": self._kind(context),
            "tags": PARAMETER_TAGS.found(context, attributes["path"], tags_for("parameter")),
        }
        if not self._is_free:
            answer = context.client("ssm").get_parameter(Name=self.path, WithDecryption=True)
            settings["value_is_current"] = answer["Parameter"]["Value"] == self._source(context)
        return settings

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its value and tags."""
        if "value_is_current" in names:
            context.client("ssm").put_parameter(
                Name=self.path, Type=self.kind, Value=self._source(context), Overwrite=True
            )
        if "tags" in names:
            PARAMETER_TAGS.put(context, attributes["path"], tags_for("parameter"))

    @property
    def _is_free(self) -> bool:
        """Whether its value may be anything: a seed that was replaced, or a secret."""
        return self.seed or (self.value is None and self.from_ is None)

    def _source(self, context: Context) -> str | None:
        return str(context.of(*self.from_)) if self.from_ is not None else self.value

    def _kind(self, context: Context) -> str | None:
        answer = context.client("ssm").describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [self.path]}]
        )
        return str(answer["Parameters"][0]["Type"]) if answer["Parameters"] else None


@dataclass(frozen=True, slots=True)
class LogGroup(Resource):
    """A log group with a retention."""

    name: str
    retention_days: int

    def describe(self, context: Context) -> Attributes | None:
        """Its name."""
        return {"name": self.name} if self._listed(context) else None

    def create(self, context: Context) -> Attributes:
        """Creates it with its retention."""
        context.client("logs").create_log_group(logGroupName=self.name, tags=tags_for("runtime_bootstrap"))
        self.put(context, {"name": self.name}, ("retention_days",))
        return {"name": self.name}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("logs").delete_log_group(logGroupName=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Its retention and tags."""
        del context
        return {"retention_days": self.retention_days, "tags": tags_for("runtime_bootstrap")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Its retention and tags."""
        return {
            "retention_days": self._listed(context)[0].get("retentionInDays"),
            "tags": LOG_GROUP_TAGS.found(context, attributes["name"], tags_for("runtime_bootstrap")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its retention and tags."""
        if "retention_days" in names:
            context.client("logs").put_retention_policy(
                logGroupName=attributes["name"], retentionInDays=self.retention_days
            )
        if "tags" in names:
            LOG_GROUP_TAGS.put(context, attributes["name"], tags_for("runtime_bootstrap"))

    def _listed(self, context: Context) -> list[Settings]:
        answer = context.client("logs").describe_log_groups(logGroupNamePrefix=self.name)
        return [group for group in answer["logGroups"] if group["logGroupName"] == self.name]
