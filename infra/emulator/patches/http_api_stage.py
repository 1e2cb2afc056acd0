"""HTTP APIs: a stage can be updated.

Reason: moto's apigatewayv2 creates, reads and deletes stages but lacks UpdateStage, which is how throttling and
stage variables change on a living API.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from infra.emulator.patches import contract

REPLACED = {
    "accessLogSettings": "access_log_settings",
    "autoDeploy": "auto_deploy",
    "clientCertificateId": "client_certificate_id",
    "description": "description",
    "routeSettings": "route_settings",
    "stageVariables": "stage_variables",
}


def apply() -> None:
    """Add UpdateStage to moto's apigatewayv2."""
    from moto.apigatewayv2 import models, responses

    response = responses.ApiGatewayV2Response
    contract.require_absent(response, "update_stage")
    contract.require(models.ApiGatewayV2Backend, "get_stage", ("self", "api_id", "stage_name"))
    contract.require(models.Stage, "to_json", ("self",))
    contract.require(models.Stage, "__init__", ("self", "api", "config"))

    def update_stage(self: Any) -> tuple[int, dict[str, str], str]:
        segments = self.path.split("/")
        stage = self.apigatewayv2_backend.get_stage(segments[-3], unquote(segments[-1]))
        change = json.loads(self.body)
        for key, attribute in REPLACED.items():
            if key in change:
                setattr(stage, attribute, change[key])
        if "defaultRouteSettings" in change:
            stage.default_route_settings = {**stage.default_route_settings, **change["defaultRouteSettings"]}
        stage.updated = datetime.now()  # noqa: DTZ005 - moto keeps local, naive times and renders them so
        return 200, {}, json.dumps(stage.to_json())

    response.update_stage = update_stage
