"""Every service: two requests that look an operation up at once get the same kind of answer.

Reason: moto's `ServiceModel.operation_model` overrides botocore's, and both keep their answer under one name in one
cache. Between the two writes another thread finds botocore's model, which lacks what moto's router reads: one request
in some thousands ended as an error of the emulator.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

from functools import wraps
from threading import Lock
from typing import Any

from infra.emulator.patches import contract


def apply() -> None:
    """Let one thread at a time look an operation up."""
    from moto.core.model import ServiceModel

    original = contract.require(ServiceModel, "operation_model", ("self", "operation_name"))
    lock = Lock()

    @wraps(original)
    def operation_model(self: Any, operation_name: str) -> Any:
        with lock:
            return original(self, operation_name)

    ServiceModel.operation_model = operation_model
