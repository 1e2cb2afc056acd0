"""The five stacks: their resources, their outputs, and the handles that they materialise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.stacks.resource import PARAMETERS, PREFIX, Attributes, Resource
from infra.stacks.resources.compute import Cluster, Function, InvokePermission, Queue, StateMachine
from infra.stacks.resources.edge import HttpApi, Integration, Route, Stage
from infra.stacks.resources.identity import OidcProvider, Role
from infra.stacks.resources.network import InternetGateway, RouteTable, SecurityGroup, Subnet, Vpc
from infra.stacks.resources.storage import Bucket, Key, LogGroup, Parameter, Table
from infra.stacks.resources.streaming import EnvelopeSchema, SchemaRegistry, ServerlessCluster
from infra.stacks.roles import CLUSTER, DLQ, HANDLER, MSK_CLUSTER, ROLE_SPECS, STATE_MACHINE, TABLE

VPC_CIDR = "10.70.0.0/16"
KEY_ALIAS = f"alias/{PREFIX}"
REQUEST_TIMEOUT_SECONDS = 30
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

Known = Mapping[str, Attributes]
_PRIVATE = ("core.private_01", "core.private_02")


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack.

    Attributes:
        name: Its name.
        requires: The stacks that must stand before it.
        resources: What it is made of.
        outputs: Its outputs, from the attributes of its resources.
        handles: The handle values that it materialises.
    """

    name: str
    requires: tuple[str, ...]
    resources: tuple[Resource, ...]
    outputs: Callable[[Known], dict[str, Any]]
    handles: Callable[[Known], dict[str, Any]]


def _role(stack: str, handle: str, provider: str | None = None) -> Role:
    return Role(f"{stack}.{handle}", ROLE_SPECS[handle], provider)


_IRSA = tuple(handle for handle, spec in ROLE_SPECS.items() if spec.web_identity is not None)
_RUNTIME_ROLES = (
    "ROLE_FLINK_EXECUTION",
    "ROLE_LAMBDA_IG_EXECUTION",
    "ROLE_APIGW_IG_INVOKE",
    "ROLE_DDB_IG_IDEMPOTENCY_RW",
    "ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
)


def _role_arns(stack: str, handles: tuple[str, ...], known: Known) -> dict[str, Any]:
    return {handle: known[f"{stack}.{handle}"]["arn"] for handle in handles}


def _role_outputs(stack: str, handles: tuple[str, ...], known: Known) -> dict[str, Any]:
    return {f"{handle.lower()}_arn": known[f"{stack}.{handle}"]["arn"] for handle in handles}


def _core_handles(known: Known) -> dict[str, Any]:
    return {
        "S3_OBJECT_STORE_BUCKET": known["core.object_store"]["name"],
        "S3_EVIDENCE_BUCKET": known["core.evidence"]["name"],
        "S3_ARTIFACTS_BUCKET": known["core.artifacts"]["name"],
        "ORACLE_STORE_BUCKET": known["core.object_store"]["name"],
        "KMS_KEY_ALIAS_PLATFORM": known["core.key"]["alias"],
        "MSK_CLIENT_SUBNET_IDS": [known[subnet]["id"] for subnet in _PRIVATE],
        "MSK_SECURITY_GROUP_ID": known["core.msk_client"]["id"],
        **_role_arns("core", ("ROLE_EKS_NODEGROUP_DEV_FULL", "ROLE_EKS_RUNTIME_PLATFORM_BASE"), known),
    }


def _core_outputs(known: Known) -> dict[str, Any]:
    return {
        "vpc_id": known["core.vpc"]["id"],
        "public_subnet_ids": [known[f"core.public_0{number}"]["id"] for number in (1, 2)],
        "private_subnet_ids": [known[subnet]["id"] for subnet in _PRIVATE],
        "msk_client_subnet_ids": [known[subnet]["id"] for subnet in _PRIVATE],
        "msk_security_group_id": known["core.msk_client"]["id"],
        "kms_key_arn": known["core.key"]["arn"],
        "kms_key_alias": known["core.key"]["alias"],
        "s3_bucket_names": {role: known[f"core.{role}"]["name"] for role in ("object_store", "evidence", "artifacts")},
        "role_eks_nodegroup_dev_full_arn": known["core.ROLE_EKS_NODEGROUP_DEV_FULL"]["arn"],
        "role_eks_runtime_platform_base_arn": known["core.ROLE_EKS_RUNTIME_PLATFORM_BASE"]["arn"],
        "core_handle_materialization": _core_handles(known),
    }


CORE = Stack(
    name="core",
    requires=(),
    resources=(
        Vpc("core.vpc", f"{PREFIX}-vpc", VPC_CIDR),
        InternetGateway("core.igw", f"{PREFIX}-igw", "core.vpc"),
        Subnet("core.public_01", f"{PREFIX}-public-01", "10.70.0.0/20", "a", public=True, vpc="core.vpc"),
        Subnet("core.public_02", f"{PREFIX}-public-02", "10.70.16.0/20", "b", public=True, vpc="core.vpc"),
        Subnet("core.private_01", f"{PREFIX}-private-01", "10.70.128.0/20", "a", public=False, vpc="core.vpc"),
        Subnet("core.private_02", f"{PREFIX}-private-02", "10.70.144.0/20", "b", public=False, vpc="core.vpc"),
        RouteTable(
            "core.public_rt", f"{PREFIX}-public-rt", "core.vpc", ("core.public_01", "core.public_02"), "core.igw"
        ),
        RouteTable("core.private_rt", f"{PREFIX}-private-rt", "core.vpc", _PRIVATE),
        SecurityGroup(
            "core.msk_client",
            f"{PREFIX}-msk-client-sg",
            "clients of the streaming cluster",
            (9098, 9094),
            VPC_CIDR,
            "core.vpc",
        ),
        Key("core.key", f"{PREFIX}-kms", KEY_ALIAS),
        Bucket("core.object_store", f"{PREFIX}-object-store", "object_store", "core.key"),
        Bucket("core.evidence", f"{PREFIX}-evidence", "evidence", "core.key", object_lock=True),
        Bucket("core.artifacts", f"{PREFIX}-artifacts", "artifacts", "core.key"),
        _role("core", "ROLE_EKS_NODEGROUP_DEV_FULL"),
        _role("core", "ROLE_EKS_RUNTIME_PLATFORM_BASE"),
    ),
    outputs=_core_outputs,
    handles=_core_handles,
)


def _streaming_handles(known: Known) -> dict[str, Any]:
    return {
        "MSK_CLUSTER_ARN": known["streaming.msk"]["arn"],
        "MSK_BOOTSTRAP_BROKERS_SASL_IAM": known["streaming.msk"]["brokers"],
        "MSK_CLIENT_SUBNET_IDS": [known[subnet]["id"] for subnet in _PRIVATE],
        "MSK_SECURITY_GROUP_ID": known["core.msk_client"]["id"],
        "SSM_MSK_BOOTSTRAP_BROKERS_PATH": known["streaming.bootstrap_brokers"]["path"],
        "GLUE_SCHEMA_REGISTRY_NAME": known["streaming.registry"]["name"],
        "GLUE_SCHEMA_COMPATIBILITY_MODE": known["streaming.control_envelope"]["compatibility"],
    }


def _streaming_outputs(known: Known) -> dict[str, Any]:
    return {
        "msk_cluster_arn": known["streaming.msk"]["arn"],
        "msk_cluster_name": known["streaming.msk"]["name"],
        "msk_bootstrap_brokers_sasl_iam": known["streaming.msk"]["brokers"],
        "msk_client_subnet_ids": [known[subnet]["id"] for subnet in _PRIVATE],
        "msk_security_group_id": known["core.msk_client"]["id"],
        "ssm_msk_bootstrap_brokers_path": known["streaming.bootstrap_brokers"]["path"],
        "glue_schema_registry_name": known["streaming.registry"]["name"],
        "glue_schema_registry_arn": known["streaming.registry"]["arn"],
        "glue_schema_compatibility_mode": known["streaming.control_envelope"]["compatibility"],
        "streaming_handle_materialization": _streaming_handles(known),
    }


STREAMING = Stack(
    name="streaming",
    requires=("core",),
    resources=(
        ServerlessCluster("streaming.msk", MSK_CLUSTER, _PRIVATE, "core.msk_client"),
        Parameter(
            "streaming.bootstrap_brokers",
            f"{PARAMETERS}/msk/bootstrap_brokers",
            "SecureString",
            from_=("streaming.msk", "brokers"),
        ),
        SchemaRegistry("streaming.registry", PREFIX),
        EnvelopeSchema(
            "streaming.control_envelope",
            "fp-bus-control-v1-envelope",
            "streaming.registry",
            ("platform_run_id", "phase_id", "event_type", "written_at_utc"),
            "BACKWARD",
        ),
    ),
    outputs=_streaming_outputs,
    handles=_streaming_handles,
)


def _runtime_handles(known: Known) -> dict[str, Any]:
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
        "APIGW_IG_INTEGRATION_TIMEOUT_MS": min(30_000, REQUEST_TIMEOUT_SECONDS * 1_000),
        **AUTH,
        **ENVELOPE,
        **_role_arns("runtime", (*_RUNTIME_ROLES, *_IRSA), known),
    }


def _runtime_outputs(known: Known) -> dict[str, Any]:
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
        **_role_outputs("runtime", (*_RUNTIME_ROLES, *_IRSA), known),
        "runtime_path_governance_contract": dict(GOVERNANCE),
        "runtime_handle_materialization": _runtime_handles(known),
    }


RUNTIME = Stack(
    name="runtime",
    requires=("core", "streaming"),
    resources=(
        *(_role("runtime", handle) for handle in _RUNTIME_ROLES),
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
            timeout_ms=min(30_000, REQUEST_TIMEOUT_SECONDS * 1_000),
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
        Cluster("runtime.eks", CLUSTER, "core.ROLE_EKS_RUNTIME_PLATFORM_BASE", _PRIVATE),
        OidcProvider("runtime.oidc", "runtime.eks"),
        *(_role("runtime", handle, "runtime.oidc") for handle in _IRSA),
    ),
    outputs=_runtime_outputs,
    handles=_runtime_handles,
)

_DATA_ML_ROLES = ("ROLE_SAGEMAKER_EXECUTION", "ROLE_DATABRICKS_CROSS_ACCOUNT_ACCESS")


def _data_ml_handles(known: Known) -> dict[str, Any]:
    return {
        **_role_arns("data_ml", _DATA_ML_ROLES, known),
        "SSM_DATABRICKS_WORKSPACE_URL_PATH": known["data_ml.workspace_url"]["path"],
        "SSM_DATABRICKS_TOKEN_PATH": known["data_ml.token"]["path"],
        "SSM_MLFLOW_TRACKING_URI_PATH": known["data_ml.tracking_uri"]["path"],
        "SSM_SAGEMAKER_MODEL_EXEC_ROLE_ARN": known["data_ml.model_exec_role"]["path"],
    }


DATA_ML = Stack(
    name="data_ml",
    requires=(),
    resources=(
        *(_role("data_ml", handle) for handle in _DATA_ML_ROLES),
        Parameter(
            "data_ml.workspace_url",
            f"{PARAMETERS}/databricks/workspace_url",
            "String",
            "https://dev-full.databricks.example",
        ),
        Parameter("data_ml.token", f"{PARAMETERS}/databricks/token", "SecureString"),
        Parameter(
            "data_ml.tracking_uri", f"{PARAMETERS}/mlflow/tracking_uri", "String", "https://mlflow.dev-full.example"
        ),
        Parameter(
            "data_ml.model_exec_role",
            f"{PARAMETERS}/sagemaker/model_exec_role_arn",
            "String",
            from_=("data_ml.ROLE_SAGEMAKER_EXECUTION", "arn"),
        ),
    ),
    outputs=lambda known: {
        **_role_outputs("data_ml", _DATA_ML_ROLES, known),
        "ssm_databricks_workspace_url_path": known["data_ml.workspace_url"]["path"],
        "ssm_databricks_token_path": known["data_ml.token"]["path"],
        "ssm_mlflow_tracking_uri_path": known["data_ml.tracking_uri"]["path"],
        "ssm_sagemaker_model_exec_role_arn_path": known["data_ml.model_exec_role"]["path"],
        "data_ml_handle_materialization": _data_ml_handles(known),
    },
    handles=_data_ml_handles,
)

LOG_GROUP_PREFIX = PARAMETERS


def _ops_handles(known: Known) -> dict[str, Any]:
    return {
        **_role_arns("ops", ("ROLE_MWAA_EXECUTION",), known),
        "SSM_MWAA_WEBSERVER_URL_PATH": known["ops.webserver_url"]["path"],
        "SSM_AURORA_ENDPOINT_PATH": known["ops.aurora_endpoint"]["path"],
        "SSM_AURORA_READER_ENDPOINT_PATH": known["ops.aurora_reader"]["path"],
        "SSM_AURORA_USERNAME_PATH": known["ops.aurora_username"]["path"],
        "SSM_AURORA_PASSWORD_PATH": known["ops.aurora_password"]["path"],
        "SSM_REDIS_ENDPOINT_PATH": known["ops.redis_endpoint"]["path"],
        "CLOUDWATCH_LOG_GROUP_PREFIX": LOG_GROUP_PREFIX,
        "CLOUDWATCH_RUNTIME_BOOTSTRAP_LG": known["ops.log_group"]["name"],
    }


OPS = Stack(
    name="ops",
    requires=(),
    resources=(
        _role("ops", "ROLE_MWAA_EXECUTION"),
        Parameter("ops.webserver_url", f"{PARAMETERS}/mwaa/webserver_url", "String", "https://mwaa.dev-full.example"),
        # Endpoints are seeds of valid form, not live datastores.
        Parameter(
            "ops.aurora_endpoint",
            f"{PARAMETERS}/aurora/endpoint",
            "String",
            f"{PREFIX}.cluster-seed.eu-west-2.rds.amazonaws.com",
        ),
        Parameter(
            "ops.aurora_reader",
            f"{PARAMETERS}/aurora/reader_endpoint",
            "String",
            f"{PREFIX}.cluster-ro-seed.eu-west-2.rds.amazonaws.com",
        ),
        Parameter("ops.aurora_username", f"{PARAMETERS}/aurora/username", "String", "fraud_platform"),
        Parameter("ops.aurora_password", f"{PARAMETERS}/aurora/password", "SecureString"),
        Parameter(
            "ops.redis_endpoint",
            f"{PARAMETERS}/redis/endpoint",
            "String",
            f"{PREFIX}.seed.euw2.cache.amazonaws.com:6379",
        ),
        LogGroup("ops.log_group", f"{LOG_GROUP_PREFIX}/runtime-bootstrap", 14),
    ),
    outputs=lambda known: {
        "role_mwaa_execution_arn": known["ops.ROLE_MWAA_EXECUTION"]["arn"],
        "ssm_mwaa_webserver_url_path": known["ops.webserver_url"]["path"],
        "ssm_aurora_endpoint_path": known["ops.aurora_endpoint"]["path"],
        "ssm_aurora_reader_endpoint_path": known["ops.aurora_reader"]["path"],
        "ssm_aurora_username_path": known["ops.aurora_username"]["path"],
        "ssm_aurora_password_path": known["ops.aurora_password"]["path"],
        "ssm_redis_endpoint_path": known["ops.redis_endpoint"]["path"],
        "cloudwatch_runtime_bootstrap_log_group": known["ops.log_group"]["name"],
        "ops_handle_materialization": _ops_handles(known),
    },
    handles=_ops_handles,
)

STACKS: Mapping[str, Stack] = {stack.name: stack for stack in (CORE, STREAMING, RUNTIME, DATA_ML, OPS)}
"""The stacks in the order in which they are applied."""
