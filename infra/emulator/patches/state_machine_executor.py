"""Step Functions: state machines run, and their tasks act as the machine's role.

Reason: moto has an executor but leaves it switched off, so executions stay RUNNING with an invented history; and
the executor's own clients carry a fixed key, which puts what a task does into moto's default account.
"""

# ruff: noqa: PLC0415 - the emulator is imported when the patch is applied

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from infra.emulator.credentials import for_role
from infra.emulator.patches import contract


def apply() -> None:
    """Switch the executor on and give its clients the right account and endpoint."""
    from moto.core.config import default_user_config
    from moto.stepfunctions.parser.asl.utils import boto_client

    contract.require(boto_client, "boto_client_for", ("region", "service", "state_credentials"))
    contract.require_that(
        "execute_state_machine" in default_user_config["stepfunctions"],
        boto_client,
        "the executor is switched by stepfunctions.execute_state_machine",
    )
    # The task modules import the function by name, so it is replaced before the first of them is imported.
    boto_client.boto_client_for = boto_client_for
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # moto imports the executor, a whole parser of the states language, with the first request; rather now.
    import_module("moto.stepfunctions.parser.models")


def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
    """A client for a task of a state machine.

    Args:
        region: The region that the task names.
        service: The boto3 service name.
        state_credentials: What the executor knows of the role that runs the task: its ARN.
    """
    import boto3
    from botocore.config import Config

    role = for_role(state_credentials.role_arn, region, "states")
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
        aws_access_key_id=role.access_key,
        aws_secret_access_key=role.secret_key,
        aws_session_token=role.session_token,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, proxies={}),
    )
