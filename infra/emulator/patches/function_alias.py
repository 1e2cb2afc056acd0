"""Lambda: an alias is updated only at the revision that the caller knows.

Reason: moto ignores the RevisionId of UpdateAlias and never changes an alias's own, so a conditional update, which
keeps two drills from taking one function, would always succeed. It also calls the conflict of CreateAlias otherwise
than AWS does.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import json
from functools import wraps
from typing import Any
from urllib.parse import unquote

from infra.emulator.patches import contract


def apply() -> None:
    """Compare revisions, renew them, and name a conflict as AWS does."""
    from moto.awslambda import exceptions, models, responses
    from moto.moto_api._internal import mock_random

    response = responses.LambdaResponse
    original = contract.require(response, "update_alias", ("self",))
    contract.require(models.LambdaBackend, "get_alias", ("self", "name", "function_name"))
    contract.require(models.LambdaAlias, "update", ("self", "description", "function_version", "routing_config"))
    contract.require(exceptions.ConflictException, "__init__", ("self", "message"))

    @wraps(original)
    def update_alias(self: Any) -> Any:
        name, function = unquote(self.path.rsplit("/", 1)[-1]), unquote(self.path.rsplit("/")[-3])
        alias = self.backend.get_alias(name=name, function_name=function)
        known = json.loads(self.body).get("RevisionId")
        if known is not None and known != alias.revision_id:
            raise exceptions.PreconditionFailedException(
                "The RevisionId provided does not match the latest RevisionId. Call the GetAlias API to retrieve the "
                "latest RevisionId"
            )
        alias.revision_id = str(mock_random.uuid4())
        return original(self)

    def conflict(self: Any, message: str) -> None:
        exceptions.LambdaClientError.__init__(self, "ResourceConflictException", message)

    response.update_alias = update_alias
    exceptions.ConflictException.__init__ = conflict
