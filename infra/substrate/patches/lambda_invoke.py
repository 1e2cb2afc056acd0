"""Lambda: nothing in this process runs a function's code, so Invoke says so.

Reason: moto runs functions in docker containers, and where there is no docker it answers as if the function had
failed; its other mode answers success without running anything. Either would be evidence of something that never
happened. Deployed code is run by the ingress edge, which reads the zip from the control plane.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

from typing import Any, NoReturn

from infra.substrate.patches import contract


def apply() -> None:
    """Make every form of Invoke an operation that the emulator lacks."""
    from moto.awslambda.responses import LambdaResponse

    # moto wraps both in a decorator that hides their signature, so only their presence can be required.
    for name in ("invoke", "invoke_async"):
        contract.require_that(callable(getattr(LambdaResponse, name, None)), LambdaResponse, f"{name} exists")
        setattr(LambdaResponse, name, _invoke)


def _invoke(_: Any) -> NoReturn:
    raise NotImplementedError("no function code runs in the control plane; call it through its HTTP API")
