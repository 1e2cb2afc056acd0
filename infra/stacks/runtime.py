"""The stack `runtime`: the ingress edge with its handler, the orchestrator, the cluster and its service accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.names import PARAMETERS, PREFIX
from infra.roles import CLUSTER, DLQ, HANDLER, ROLE_SPECS, STATE_MACHINE, TABLE
from infra.stacks.core import PRIVATE_SUBNETS
from infra.stacks.resources.compute import Cluster, Function, InvokePermission
from infra.stacks.resources.edge import HttpApi, Integration, Route, Stage
from infra.stacks.resources.identity import OidcProvider
from infra.stacks.resources.orchestration import Queue, StateMachine
from infra.stacks.resources.parameters import Parameter
from infra.stacks.resources.storage import Table
from infra.stacks.stack import Known, Stack, role, role_handles, role_outputs

REQUEST_TIMEOUT_SECONDS = 30
INTEGRATION_TIMEOUT_MS = min(30_000, REQUEST_TIMEOUT_SECONDS * 1_000)  # HTTP APIs allow no more
ENVELOPE: Mapping[str, Any] = {
    "IG_MAX_REQUEST_BYTES": 1_048_576,
    "IG_REQUEST_TIMEOUT_SECONDS": REQUEST_TIMEOUT_SECONDS,
    "IG_INTERNAL_RETRY_MAX_ATTEMPTS": 3,
    "IG_INTERNAL_RETRY_BACKOFF_MS": 250,
    "IG_IDEMPOTENCY_TTL_SECONDS": 259_200,
    "IG_DLQ_MODE": "sqs",
    "IG_DLQ_QUEUE_NAME": DLQ,
    "IG_REPLAY_MODE": "dlq_replay_workflow",
    "IG_RATE_LIMIT_RPS": 200,
    "IG_RATE_LIMIT_BURST": 400,
}
"""The ingress envelope: the variables of the handler, and the handles of the same names."""

AUTH: Mapping[str, str] = {"IG_AUTH_MODE": "api_key", "IG_AUTH_HEADER_NAME": "X-IG-Api-Key"}
GOVERNANCE: Mapping[str, Any] = {
    "PHASE_RUNTIME_PATH_MODE": "single_active_path_per_phase_run",
    "PHASE_RUNTIME_PATH_PIN_REQUIRED": True,
    "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED": False,
    "RUNTIME_FALLBACK_REQUIRES_NEW_PHASE_EXECUTION_ID": True,
    "PHASE_RUNTIME_PATH_EVIDENCE_PATH_PATTERN": (
        "evidence/dev_full/run_control/{phase_execution_id}/runtime_path_selection.json"
    ),
}

ROLES = (
    "ROLE_FLINK_EXECUTION",
    "ROLE_LAMBDA_IG_EXECUTION",
    "ROLE_APIGW_IG_INVOKE",
    "ROLE_DDB_IG_IDEMPOTENCY_RW",
    "ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
)
SERVICE_ACCOUNT_ROLES = tuple(handle for handle, spec in ROLE_SPECS.items() if spec.web_identity is not None)


def handles(known: Known) -> dict[str, Any]:
    """The handle values that it materialises."""
    return {
        "APIGW_IG_API_ID": known["runtime.api"]["id"],
        "APIGW_IG_STAGE": known["runtime.stage"]["name"],
        "IG_BASE_URL": known["runtime.stage"]["url"],
        "LAMBDA_IG_HANDLER_NAME": known["runtime.handler"]["name"],
        "DDB_IG_IDEMPOTENCY_TABLE": known["runtime.table"]["name"],
        "EKS_CLUSTER_ARN": known["runtime.eks"]["arn"],
        "SFN_PLATFORM_RUN_ORCHESTRATOR_V0": known["runtime.orchestrator"]["name"],
        "SR_READY_COMMIT_AUTHORITY": "step_functions_only",
        "SSM_IG_API_KEY_PATH": known["runtime.api_key"]["path"],
        "PHASE_RUNTIME_PATH_MODE": GOVERNANCE["PHASE_RUNTIME_PATH_MODE"],
        "IG_DLQ_URL": known["runtime.dlq"]["url"],
        "APIGW_IG_STAGE_THROTTLE_RPS": ENVELOPE["IG_RATE_LIMIT_RPS"],
        "APIGW_IG_STAGE_THROTTLE_BURST": ENVELOPE["IG_RATE_LIMIT_BURST"],
        "APIGW_IG_INTEGRATION_TIMEOUT_MS": INTEGRATION_TIMEOUT_MS,
        **AUTH,
        **ENVELOPE,
        **role_handles("runtime", (*ROLES, *SERVICE_ACCOUNT_ROLES), known),
    }


def outputs(known: Known) -> dict[str, Any]:
    """Its outputs."""
    return {
        "apigw_ig_api_id": known["runtime.api"]["id"],
        "apigw_ig_api_endpoint": known["runtime.api"]["endpoint"],
        "lambda_ig_handler_name": known["runtime.handler"]["name"],
        "lambda_ig_handler_arn": known["runtime.handler"]["arn"],
        "ddb_ig_idempotency_table": known["runtime.table"]["name"],
        "ddb_ig_idempotency_table_arn": known["runtime.table"]["arn"],
        "ig_dlq_queue_name": known["runtime.dlq"]["name"],
        "ig_dlq_queue_url": known["runtime.dlq"]["url"],
        "ssm_ig_api_key_path": known["runtime.api_key"]["path"],
        "sfn_platform_run_orchestrator_arn": known["runtime.orchestrator"]["arn"],
        "sfn_platform_run_orchestrator_name": known["runtime.orchestrator"]["name"],
        "eks_cluster_arn": known["runtime.eks"]["arn"],
        **role_outputs("runtime", (*ROLES, *SERVICE_ACCOUNT_ROLES), known),
        "runtime_path_governance_contract": dict(GOVERNANCE),
        "runtime_handle_materialization": handles(known),
    }


RUNTIME = Stack(
    name="runtime",
    requires=("core", "streaming"),
    resources=(
        *(role("runtime", handle) for handle in ROLES),
        Table("runtime.table", TABLE, "dedupe_key", "ttl_epoch"),
        Parameter("runtime.api_key", f"{PARAMETERS}/ig/api_key", "SecureString"),
        Queue("runtime.dlq", DLQ),
        Function(
            "runtime.handler",
            HANDLER,
            "runtime.ROLE_LAMBDA_IG_EXECUTION",
            memory_mb=256,
            timeout_s=REQUEST_TIMEOUT_SECONDS,
            environment={
                "IG_HASH_KEY": "dedupe_key",
                "IG_TTL_ATTRIBUTE": "ttl_epoch",
                **AUTH,
                **{name: str(value) for name, value in ENVELOPE.items()},
            },
            environment_from={
                "IG_IDEMPOTENCY_TABLE": ("runtime.table", "name"),
                "IG_API_KEY_PATH": ("runtime.api_key", "path"),
                "IG_DLQ_URL": ("runtime.dlq", "url"),
            },
        ),
        HttpApi("runtime.api", f"{PREFIX}-ig-edge"),
        InvokePermission("runtime.permission", "AllowExecutionFromApiGateway", "runtime.handler", "runtime.api"),
        Integration(
            "runtime.integration",
            "runtime.api",
            "runtime.handler",
            timeout_ms=INTEGRATION_TIMEOUT_MS,
        ),
        Route("runtime.route_ingest", "POST /ingest/push", "runtime.api", "runtime.integration"),
        Route("runtime.route_health", "GET /ops/health", "runtime.api", "runtime.integration"),
        Stage(
            "runtime.stage",
            "v1",
            "runtime.api",
            rate_rps=ENVELOPE["IG_RATE_LIMIT_RPS"],
            burst=ENVELOPE["IG_RATE_LIMIT_BURST"],
            routes=("runtime.route_ingest", "runtime.route_health"),
        ),
        StateMachine(
            "runtime.orchestrator",
            STATE_MACHINE,
            "runtime.ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
            {
                "Comment": "commit authority of a platform run",
                "StartAt": "RuntimeReadyCommit",
                "States": {
                    "RuntimeReadyCommit": {
                        "Type": "Pass",
                        "Result": {"commit_authority": "step_functions_only", "phase": "P5"},
                        "ResultPath": "$.commit",
                        "End": True,
                    }
                },
            },
        ),
        Cluster("runtime.eks", CLUSTER, "core.ROLE_EKS_RUNTIME_PLATFORM_BASE", PRIVATE_SUBNETS),
        OidcProvider("runtime.oidc", "runtime.eks"),
        *(role("runtime", handle, "runtime.oidc") for handle in SERVICE_ACCOUNT_ROLES),
    ),
    outputs=outputs,
    handles=handles,
)
