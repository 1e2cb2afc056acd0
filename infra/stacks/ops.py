"""The stack `ops`: the orchestration role, the seeds of the datastores' endpoints, and the bootstrap log group."""

from __future__ import annotations

from typing import Any

from infra.names import PARAMETERS, PREFIX
from infra.stacks.resources.parameters import LogGroup, Parameter
from infra.stacks.stack import Known, Stack, role, role_handles, role_outputs

LOG_GROUP_PREFIX = PARAMETERS
ROLES = ("ROLE_MWAA_EXECUTION",)


def handles(known: Known) -> dict[str, Any]:
    """The handle values that it materialises."""
    return {
        **role_handles("ops", ROLES, known),
        "SSM_MWAA_WEBSERVER_URL_PATH": known["ops.webserver_url"]["path"],
        "SSM_AURORA_ENDPOINT_PATH": known["ops.aurora_endpoint"]["path"],
        "SSM_AURORA_READER_ENDPOINT_PATH": known["ops.aurora_reader"]["path"],
        "SSM_AURORA_USERNAME_PATH": known["ops.aurora_username"]["path"],
        "SSM_AURORA_PASSWORD_PATH": known["ops.aurora_password"]["path"],
        "SSM_REDIS_ENDPOINT_PATH": known["ops.redis_endpoint"]["path"],
        "CLOUDWATCH_LOG_GROUP_PREFIX": LOG_GROUP_PREFIX,
        "CLOUDWATCH_RUNTIME_BOOTSTRAP_LG": known["ops.log_group"]["name"],
    }


def outputs(known: Known) -> dict[str, Any]:
    """Its outputs."""
    return {
        **role_outputs("ops", ROLES, known),
        "ssm_mwaa_webserver_url_path": known["ops.webserver_url"]["path"],
        "ssm_aurora_endpoint_path": known["ops.aurora_endpoint"]["path"],
        "ssm_aurora_reader_endpoint_path": known["ops.aurora_reader"]["path"],
        "ssm_aurora_username_path": known["ops.aurora_username"]["path"],
        "ssm_aurora_password_path": known["ops.aurora_password"]["path"],
        "ssm_redis_endpoint_path": known["ops.redis_endpoint"]["path"],
        "cloudwatch_runtime_bootstrap_log_group": known["ops.log_group"]["name"],
        "ops_handle_materialization": handles(known),
    }


OPS = Stack(
    name="ops",
    requires=(),
    resources=(
        *(role("ops", handle) for handle in ROLES),
        Parameter("ops.webserver_url", f"{PARAMETERS}/mwaa/webserver_url", "String", "https://mwaa.dev-full.example"),
        # Endpoints are seeds of valid form, not live datastores.
        Parameter(
            "ops.aurora_endpoint",
            f"{PARAMETERS}/aurora/endpoint",
            "String",
            f"{PREFIX}.cluster-seed.eu-west-2.rds.amazonaws.com",
            seed=True,
        ),
        Parameter(
            "ops.aurora_reader",
            f"{PARAMETERS}/aurora/reader_endpoint",
            "String",
            f"{PREFIX}.cluster-ro-seed.eu-west-2.rds.amazonaws.com",
            seed=True,
        ),
        Parameter("ops.aurora_username", f"{PARAMETERS}/aurora/username", "String", "fraud_platform", seed=True),
        Parameter("ops.aurora_password", f"{PARAMETERS}/aurora/password", "SecureString"),
        Parameter(
            "ops.redis_endpoint",
            f"{PARAMETERS}/redis/endpoint",
            "String",
            f"{PREFIX}.seed.euw2.cache.amazonaws.com:6379",
            seed=True,
        ),
        LogGroup("ops.log_group", f"{LOG_GROUP_PREFIX}/runtime-bootstrap", 14),
    ),
    outputs=outputs,
    handles=handles,
)
