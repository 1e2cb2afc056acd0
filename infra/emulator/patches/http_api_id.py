"""HTTP APIs: an id follows from account, region and name.

Reason: moto draws the id by chance, so a world that is built again has another ingress than the one that earlier
evidence is about.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from infra.emulator.identifiers import next_id
from infra.emulator.patches import contract

LETTERS = 8
"""How many letters the emulator gives an id; AWS's have ten characters."""


def apply() -> None:
    """Give moto's HTTP APIs ids that do not change between processes."""
    from moto.apigatewayv2 import models

    drawn = models.Api
    contract.require(models.ApiGatewayV2Backend, "tag_resource", ("self", "resource_arn", "tags"))
    contract.require_that(
        {"region", "name", "tags", "backend"} <= set(drawn.__init__.__annotations__), drawn, "its constructor"
    )

    class Api(drawn):  # type: ignore[misc, valid-type]
        """An API under an id of ours; tags are kept by ARN, so they are given once the ARN is right."""

        api_id: str
        api_endpoint: str
        arn: str

        def __init__(
            self, *, region: str, name: str, tags: Mapping[str, str] | None, backend: Any, **rest: Any
        ) -> None:
            super().__init__(region=region, name=name, tags={}, backend=backend, **rest)
            by_chance = self.api_id
            self.api_id = _letters(next_id("apigateway", backend.account_id, region, name).int)
            self.api_endpoint = self.api_endpoint.replace(by_chance, self.api_id)
            self.arn = self.arn.removesuffix(by_chance) + self.api_id
            backend.tag_resource(self.arn, tags)

    models.Api = Api


def _letters(number: int) -> str:
    letters = []
    for _ in range(LETTERS):
        number, index = divmod(number, len(string.ascii_lowercase))
        letters.append(string.ascii_lowercase[index])
    return "".join(letters)
