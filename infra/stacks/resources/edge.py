"""The HTTP API of the ingress edge: API, integration, routes and stage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.stacks.resource import Attributes, Context, Resource, Settings, tags_for
from infra.stacks.resources.tagging import API_TAGS


@dataclass(frozen=True, slots=True)
class HttpApi(Resource):
    """An API Gateway HTTP API."""

    name: str

    fixed: ClassVar[tuple[str, ...]] = ("protocol",)

    def describe(self, context: Context) -> Attributes | None:
        """Its id, name and endpoint."""
        listed = context.client("apigatewayv2").get_apis()["Items"]
        found = [item for item in listed if item["Name"] == self.name]
        return self._attributes(context, found[0]) if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("apigatewayv2").create_api(
            Name=self.name, ProtocolType="HTTP", Tags=tags_for("ig_edge")
        )
        return self._attributes(context, created)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it with all that it holds."""
        context.client("apigatewayv2").delete_api(ApiId=attributes["id"])

    def wanted(self, context: Context) -> Settings:
        """Protocol and tags."""
        del context
        return {"protocol": "HTTP", "tags": tags_for("ig_edge")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Protocol and tags."""
        found = context.client("apigatewayv2").get_api(ApiId=attributes["id"])
        return {
            "protocol": found["ProtocolType"],
            "tags": API_TAGS.found(context, self._arn(context, attributes), tags_for("ig_edge")),
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts its tags."""
        if "tags" in names:
            API_TAGS.put(context, self._arn(context, attributes), tags_for("ig_edge"))

    def _attributes(self, context: Context, found: dict[str, Any]) -> Attributes:
        # The emulator names another endpoint form than AWS; the public one follows from id and region.
        endpoint = f"https://{found['ApiId']}.execute-api.{context.region}.amazonaws.com"
        return {"id": found["ApiId"], "name": self.name, "endpoint": endpoint}

    def _arn(self, context: Context, attributes: Attributes) -> str:
        return f"arn:aws:apigateway:{context.region}::/apis/{attributes['id']}"


@dataclass(frozen=True, slots=True)
class Integration(Resource):
    """The proxy integration of the handler.

    Attributes:
        api: Address of the API.
        function: Address of the function that it calls, which is how it is found again.
        timeout_ms: Its timeout in milliseconds.
    """

    api: str
    function: str
    timeout_ms: int

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and the function."""
        return (self.api, self.function)

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        item = self._item(context)
        return {"id": item["IntegrationId"]} if item is not None else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("apigatewayv2").create_integration(
            ApiId=context.of(self.api, "id"),
            IntegrationUri=context.of(self.function, "arn"),
            **self.wanted(context),
        )
        return {"id": created["IntegrationId"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_integration(
            ApiId=context.of(self.api, "id"), IntegrationId=attributes["id"]
        )

    def wanted(self, context: Context) -> Settings:
        """A proxy in payload format 2.0."""
        del context
        return {
            "IntegrationType": "AWS_PROXY",
            "IntegrationMethod": "POST",
            "PayloadFormatVersion": "2.0",
            "TimeoutInMillis": self.timeout_ms,
        }

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """The same settings as they are."""
        del attributes
        item = self._item(context) or {}
        return {name: item.get(name) for name in self.wanted(context)}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts the named settings."""
        wanted = self.wanted(context)
        context.client("apigatewayv2").update_integration(
            ApiId=context.of(self.api, "id"),
            IntegrationId=attributes["id"],
            **{name: wanted[name] for name in names},
        )

    def _item(self, context: Context) -> dict[str, Any] | None:
        listed = context.client("apigatewayv2").get_integrations(ApiId=context.of(self.api, "id"))["Items"]
        arn = context.of(self.function, "arn")
        return next((item for item in listed if item.get("IntegrationUri") == arn), None)


@dataclass(frozen=True, slots=True)
class Route(Resource):
    """One route key of the API, which asks for no authorisation: the handler does."""

    key: str
    api: str
    integration: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and the integration."""
        return (self.api, self.integration)

    def describe(self, context: Context) -> Attributes | None:
        """Its id and key."""
        item = self._item(context)
        return {"id": item["RouteId"], "key": self.key} if item is not None else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("apigatewayv2").create_route(
            ApiId=context.of(self.api, "id"), RouteKey=self.key, **self.wanted(context)
        )
        return {"id": created["RouteId"], "key": self.key}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_route(ApiId=context.of(self.api, "id"), RouteId=attributes["id"])

    def wanted(self, context: Context) -> Settings:
        """Where it leads."""
        return {"Target": f"integrations/{context.of(self.integration, 'id')}", "AuthorizationType": "NONE"}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Where it leads."""
        del attributes
        item = self._item(context) or {}
        return {name: item.get(name) for name in ("Target", "AuthorizationType")}

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts the named settings."""
        wanted = self.wanted(context)
        context.client("apigatewayv2").update_route(
            ApiId=context.of(self.api, "id"), RouteId=attributes["id"], **{name: wanted[name] for name in names}
        )

    def _item(self, context: Context) -> dict[str, Any] | None:
        listed = context.client("apigatewayv2").get_routes(ApiId=context.of(self.api, "id"))["Items"]
        return next((item for item in listed if item["RouteKey"] == self.key), None)


@dataclass(frozen=True, slots=True)
class Stage(Resource):
    """The deployed stage with its throttle.

    Attributes:
        name: Its name, the first segment of every path.
        api: Address of the API.
        rate_rps: Steady requests a second.
        burst: Requests at once.
        routes: Addresses of the routes that it deploys.
    """

    name: str
    api: str
    rate_rps: int
    burst: int
    routes: tuple[str, ...]

    fixed: ClassVar[tuple[str, ...]] = ("tags",)  # the emulator has no tag operations for stages

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and its routes."""
        return (self.api, *self.routes)

    def describe(self, context: Context) -> Attributes | None:
        """Its name and URL."""
        return self._attributes(context) if self._item(context) is not None else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        context.client("apigatewayv2").create_stage(
            ApiId=context.of(self.api, "id"),
            StageName=self.name,
            Tags=tags_for("ig_stage"),
            AutoDeploy=True,
            DefaultRouteSettings=self._throttle(),
        )
        return self._attributes(context)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_stage(ApiId=context.of(self.api, "id"), StageName=attributes["name"])

    def wanted(self, context: Context) -> Settings:
        """Deployed automatically, throttled."""
        del context
        return {"auto_deploy": True, "throttle": self._throttle(), "tags": tags_for("ig_stage")}

    def found(self, context: Context, attributes: Attributes) -> Settings:
        """Deployment, throttle and tags."""
        del attributes
        item = self._item(context) or {}
        throttle = item.get("DefaultRouteSettings", {})
        tags = item.get("Tags", {})
        return {
            "auto_deploy": item.get("AutoDeploy"),
            "throttle": {name: throttle.get(name) for name in self._throttle()},
            "tags": {name: tags.get(name) for name in tags_for("ig_stage")},
        }

    def put(self, context: Context, attributes: Attributes, names: Collection[str]) -> None:
        """Puts deployment and throttle."""
        changes: Settings = {}
        if "auto_deploy" in names:
            changes["AutoDeploy"] = True
        if "throttle" in names:
            changes["DefaultRouteSettings"] = self._throttle()
        if changes:
            context.client("apigatewayv2").update_stage(
                ApiId=context.of(self.api, "id"), StageName=attributes["name"], **changes
            )

    def _throttle(self) -> dict[str, float | int]:
        return {"ThrottlingRateLimit": float(self.rate_rps), "ThrottlingBurstLimit": self.burst}

    def _attributes(self, context: Context) -> Attributes:
        return {"name": self.name, "url": f"{context.of(self.api, 'endpoint')}/{self.name}"}

    def _item(self, context: Context) -> dict[str, Any] | None:
        listed = context.client("apigatewayv2").get_stages(ApiId=context.of(self.api, "id"))["Items"]
        return next((item for item in listed if item["StageName"] == self.name), None)
