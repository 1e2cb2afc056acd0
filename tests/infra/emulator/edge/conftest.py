"""A world with functions and HTTP APIs of a test's own, called by HTTP."""

from __future__ import annotations

import http.client
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess


@dataclass
class Reply:
    """An answer of the edge."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Edge:
    """One account with its functions and APIs."""

    clients: Clients
    role: str = ""
    hosts: dict[str, str] = field(default_factory=dict)

    def function(self, name: str, source: str, **settings: Any) -> str:
        """Deploys a function; its module is `f`, its handler `f.handler`. Returns its ARN."""
        if not self.role:
            trust = {"Version": "2012-10-17", "Statement": []}
            made = self.clients.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))
            self.role = made["Role"]["Arn"]
        settings = {"Timeout": 10, "MemorySize": 256, **settings}
        made = self.clients.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=self.role,
            Handler="f.handler",
            Code={"ZipFile": package(source)},
            **settings,
        )
        return made["FunctionArn"]

    def api(self, arn: str, *routes: str, stage: str = "v1", permit: bool = True, **integration: Any) -> str:
        """Puts an HTTP API in front of a function; returns the API's id."""
        gateway = self.clients.client("apigatewayv2")
        api_id = gateway.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
        wanted = {"PayloadFormatVersion": "2.0", "IntegrationType": "AWS_PROXY", "TimeoutInMillis": 30_000}
        made = gateway.create_integration(ApiId=api_id, IntegrationUri=arn, **(wanted | integration))
        for key in routes or ("$default",):
            gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{made['IntegrationId']}")
        gateway.create_stage(ApiId=api_id, StageName=stage, AutoDeploy=True)
        if permit:
            self.clients.client("lambda").add_permission(
                FunctionName=arn,
                StatementId=f"api-{api_id}",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:{self.clients.region}:{self.clients.account_id}:{api_id}/*/*",
            )
        return api_id

    def call(
        self, api_id: str, method: str, target: str, *, body: bytes | None = None, host: str = "", **headers: str
    ) -> Reply:
        """Calls an API as any HTTP client does, under its public host name."""
        public = host or f"{api_id}.execute-api.{self.clients.region}.amazonaws.com"
        connection = http.client.HTTPConnection(urlsplit(str(self.clients.endpoint_url)).netloc, timeout=60)
        try:
            sent = {"Host": public, **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def log(self, name: str, holds: str, within: float = 5.0) -> list[str]:
        """The lines of a function's log, once one of them holds a text or the time is over."""
        logs = self.clients.client("logs")
        deadline = time.monotonic() + within
        while True:
            try:
                found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            except logs.exceptions.ResourceNotFoundException:
                found = []
            lines = [event["message"] for event in found]
            if any(holds in line for line in lines) or time.monotonic() > deadline:
                return lines
            time.sleep(0.05)


def package(source: str) -> bytes:
    """A deployment package with one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("f.py", source)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def edge(shared_substrate: SubstrateProcess) -> Edge:
    """An account that nobody used before."""
    return Edge(shared_substrate.clients(shared_substrate.worlds.fresh_account()))


@pytest.fixture(scope="module")
def echo(edge: Edge) -> Callable[..., str]:
    """Makes APIs whose function answers with the event that it got."""
    arn = edge.function("echo", "def handler(event, context):\n    return event\n")

    def make(*routes: str, **settings: Any) -> str:
        return edge.api(arn, *routes, **settings)

    return make
