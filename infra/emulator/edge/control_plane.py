"""Reads APIs and functions out of the emulator; nothing else here knows how it keeps them."""

# ruff: noqa: PLC0415 - the emulator is imported by the process that runs it, and as late as it can be

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from infra.emulator.edge.functions import Function
from infra.emulator.edge.throttle import Limit
from infra.endpoints import ApiHost

GATEWAY_PRINCIPAL = "apigateway.amazonaws.com"
# A rate or burst that a stage leaves out is the account's, which no test here comes near.
ACCOUNT_RATE, ACCOUNT_BURST = 10_000.0, 5_000.0


@dataclass(frozen=True, slots=True)
class Integration:
    """What a route leads to.

    Attributes:
        kind: Its type, such as `AWS_PROXY`.
        uri: The ARN of the function, or the ARN under which the gateway invokes it.
        payload_format: `1.0` or `2.0`.
        timeout_s: How many seconds the edge waits.
        has_role: Whether it invokes by a role of its own, in place of the function's policy.
    """

    kind: str
    uri: str
    payload_format: str
    timeout_s: float
    has_role: bool

    @property
    def function_arn(self) -> str:
        """The ARN of the function alone."""
        return self.uri.partition("/functions/")[2].removesuffix("/invocations") or self.uri


class Api:
    """An HTTP API as it is now.

    Attributes:
        api_id: Its id.
        account_id: Its account.
        region: Its region.
    """

    def __init__(self, found: Any, account_id: str, region: str) -> None:
        self._found = found
        self.api_id = str(found.api_id)
        self.account_id = account_id
        self.region = region

    def answers_for(self, host: ApiHost) -> bool:
        """Whether it can be reached under a host name: in its own region, and by the endpoint that AWS gives it."""
        return host.region in (None, self.region) and not self._found.disable_execute_api_endpoint

    @property
    def stages(self) -> list[str]:
        """The names of its stages."""
        return list(self._found.stages)

    @property
    def route_keys(self) -> list[str]:
        """Its route keys."""
        return [route.route_key for route in list(self._found.routes.values())]

    def authorization(self, key: str) -> str:
        """What authorisation a route asks for at the edge; `NONE` where it asks for none."""
        return str(self._route(key).authorization_type or "NONE")

    def integration(self, key: str) -> Integration | None:
        """What a route leads to; None where it leads nowhere."""
        target = str(self._route(key).target or "").removeprefix("integrations/")
        found = self._found.integrations.get(target)
        if found is None:
            return None
        return Integration(
            kind=str(found.integration_type),
            uri=str(found.integration_uri or ""),
            payload_format=str(found.payload_format_version or "1.0"),
            timeout_s=float(found.timeout_in_millis or 30_000) / 1_000,
            has_role=bool(getattr(found, "credentials_arn", None)),
        )

    def stage_variables(self, stage: str) -> dict[str, str]:
        """The variables of a stage."""
        return dict(self._found.stages[stage].stage_variables or {})

    def limit(self, stage: str, key: str) -> Limit | None:
        """The throttle of a route in a stage; None where neither says any."""
        found = self._found.stages[stage]
        settings: dict[str, Any] = {
            **(found.default_route_settings or {}),
            **((found.route_settings or {}).get(key) or {}),
        }
        rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
        if rate is None and burst is None:
            return None
        return Limit(ACCOUNT_RATE if rate is None else float(rate), ACCOUNT_BURST if burst is None else float(burst))

    def _route(self, key: str) -> Any:
        return next(route for route in list(self._found.routes.values()) if route.route_key == key)


class ControlPlane:
    """Finds APIs and functions in the emulator's memory."""

    def __init__(self) -> None:
        self._homes: dict[str, tuple[str, str]] = {}

    def api(self, api_id: str) -> Api | None:
        """The HTTP API of an id, in whatever account it lies."""
        backends = _backends("apigatewayv2")
        home = self._homes.get(api_id)
        if home is None or api_id not in backends[home[0]][home[1]].apis:
            home = self._home(backends, api_id)
        if home is None:
            return None
        self._homes[api_id] = home
        found = backends[home[0]][home[1]].apis.get(api_id)
        return Api(found, *home) if found is not None and found.protocol_type == "HTTP" else None

    def function(self, account_id: str, region: str, name: str, qualifier: str | None = None) -> Function | None:
        """A function by name or ARN."""
        found = _function(account_id, region, name, qualifier)
        if found is None:
            return None
        reserved = found.reserved_concurrency
        return Function(
            arn=str(found.function_arn),
            name=str(found.function_name),
            account_id=account_id,
            region=region,
            role=str(found.role),
            runtime=str(found.run_time or ""),
            handler=str(found.handler or ""),
            code=bytes(getattr(found, "code_bytes", b"") or b""),
            environment={name: str(value) for name, value in dict(found.environment_vars or {}).items()},
            timeout_s=float(found.timeout),
            memory_mb=int(found.memory_size),
            reserved=None if reserved is None else int(reserved),
        )

    def lets_gateway_invoke(self, function: Function, source_arn: str) -> bool:
        """Whether the function's own policy lets API Gateway invoke it for a route."""
        found = _function(function.account_id, function.region, function.arn, None)
        statements = list(found.policy.statements) if found is not None else []
        return any(_permits(statement, source_arn) for statement in statements)

    def put_logs(self, account_id: str, region: str, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        """Appends events to a log stream, which is made where it is missing."""
        logs = _backends("logs")[account_id][region]
        logs.ensure_log_group(group)
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        logs.put_log_events(group, stream, events)

    @staticmethod
    def _home(backends: Any, api_id: str) -> tuple[str, str] | None:
        for account_id in list(backends):
            for region, backend in list(backends[account_id].items()):
                if api_id in backend.apis:
                    return account_id, region
        return None


def _permits(statement: Mapping[str, Any], source_arn: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, dict) else principal
    if statement.get("Effect") != "Allow" or service not in (GATEWAY_PRINCIPAL, "*"):
        return False
    if not fnmatchcase("lambda:InvokeFunction", str(statement.get("Action", ""))):
        return False
    patterns = [
        pattern
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, pattern in keys.items()
        if operator in {"ArnLike", "StringLike", "ArnEquals", "StringEquals"} and key.lower() == "aws:sourcearn"
    ]
    return all(fnmatchcase(source_arn, str(pattern)) for pattern in patterns)


def _function(account_id: str, region: str, name: str, qualifier: str | None) -> Any:
    from moto.awslambda.exceptions import LambdaClientError

    try:
        return _backends("lambda")[account_id][region].get_function(name, qualifier)
    except LambdaClientError:
        return None


def _backends(service: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)
