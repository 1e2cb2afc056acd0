"""The HTTP API of the ingress edge: API, integration, routes and stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.stacks.resource import TAGS, Attributes, Context


@dataclass(frozen=True, slots=True)
class HttpApi:
    """An API Gateway HTTP API."""

    address: str
    name: str
    needs: tuple[str, ...] = ()

    def describe(self, context: Context) -> Attributes | None:
        """Its id and endpoint."""
        listed = context.client("apigatewayv2").get_apis()["Items"]
        found = [item for item in listed if item["Name"] == self.name]
        return self._attributes(context, found[0]) if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("apigatewayv2").create_api(
            Name=self.name, ProtocolType="HTTP", Tags={**TAGS, "fp_resource": "ig_edge"}
        )
        return self._attributes(context, created)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it with all that it holds."""
        context.client("apigatewayv2").delete_api(ApiId=attributes["id"])

    def _attributes(self, context: Context, found: dict[str, Any]) -> Attributes:
        # The emulator names another endpoint form than AWS; the public one follows from id and region.
        endpoint = f"https://{found['ApiId']}.execute-api.{context.region}.amazonaws.com"
        return {"id": found["ApiId"], "name": self.name, "endpoint": endpoint}


@dataclass(frozen=True, slots=True)
class Integration:
    """The proxy integration of the handler."""

    address: str
    api: str
    function: str
    timeout_ms: int

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and the function."""
        return (self.api, self.function)

    def describe(self, context: Context) -> Attributes | None:
        """Its id, by the function that it calls."""
        listed = context.client("apigatewayv2").get_integrations(ApiId=context.of(self.api, "id"))["Items"]
        arn = context.of(self.function, "arn")
        found = [item for item in listed if item.get("IntegrationUri") == arn]
        return {"id": found[0]["IntegrationId"]} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it in payload format 2.0."""
        created = context.client("apigatewayv2").create_integration(
            ApiId=context.of(self.api, "id"),
            IntegrationType="AWS_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=context.of(self.function, "arn"),
            PayloadFormatVersion="2.0",
            TimeoutInMillis=self.timeout_ms,
        )
        return {"id": created["IntegrationId"]}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_integration(
            ApiId=context.of(self.api, "id"), IntegrationId=attributes["id"]
        )


@dataclass(frozen=True, slots=True)
class Route:
    """One route key of the API."""

    address: str
    key: str
    api: str
    integration: str

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and the integration."""
        return (self.api, self.integration)

    def describe(self, context: Context) -> Attributes | None:
        """Its id."""
        listed = context.client("apigatewayv2").get_routes(ApiId=context.of(self.api, "id"))["Items"]
        found = [item for item in listed if item["RouteKey"] == self.key]
        return {"id": found[0]["RouteId"], "key": self.key} if found else None

    def create(self, context: Context) -> Attributes:
        """Creates it."""
        created = context.client("apigatewayv2").create_route(
            ApiId=context.of(self.api, "id"),
            RouteKey=self.key,
            Target=f"integrations/{context.of(self.integration, 'id')}",
        )
        return {"id": created["RouteId"], "key": self.key}

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_route(ApiId=context.of(self.api, "id"), RouteId=attributes["id"])


@dataclass(frozen=True, slots=True)
class Stage:
    """The deployed stage with its throttle."""

    address: str
    name: str
    api: str
    rate_rps: int
    burst: int
    routes: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        """The API and its routes."""
        return (self.api, *self.routes)

    def describe(self, context: Context) -> Attributes | None:
        """Its name and URL."""
        listed = context.client("apigatewayv2").get_stages(ApiId=context.of(self.api, "id"))["Items"]
        present = any(item["StageName"] == self.name for item in listed)
        return self._attributes(context) if present else None

    def create(self, context: Context) -> Attributes:
        """Creates it, deployed automatically."""
        context.client("apigatewayv2").create_stage(
            ApiId=context.of(self.api, "id"),
            StageName=self.name,
            AutoDeploy=True,
            DefaultRouteSettings={
                "ThrottlingRateLimit": float(self.rate_rps),
                "ThrottlingBurstLimit": self.burst,
            },
        )
        return self._attributes(context)

    def delete(self, context: Context, attributes: Attributes) -> None:
        """Deletes it."""
        context.client("apigatewayv2").delete_stage(ApiId=context.of(self.api, "id"), StageName=attributes["name"])

    def _attributes(self, context: Context) -> Attributes:
        return {"name": self.name, "url": f"{context.of(self.api, 'endpoint')}/{self.name}"}
