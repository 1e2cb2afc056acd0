"""Which handles each gate of M4 needs: the platform's record of required names, by gate.

A set says what must be assigned and usable before its gate can hold; it never grows a name that the registry
has not. Open handles outside a gate's set are listed by the gate and never block it. The set of M4.A is rebuilt
from the families and the count that the record states; the others are the handles that each gate names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PUBLICATION_REQUIRED: Final = ("S3_EVIDENCE_BUCKET", "S3_RUN_CONTROL_ROOT_PATTERN")
"""Where evidence is published; part of every gate's set, and the whole of M4.I's."""

M4A_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "runtime_path_law": (
            "PHASE_RUNTIME_PATH_MODE",
            "PHASE_RUNTIME_PATH_PIN_REQUIRED",
            "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED",
        ),
        "lane_selection": (
            "RUNTIME_DEFAULT_STREAM_ENGINE",
            "RUNTIME_DEFAULT_INGRESS_EDGE",
            "RUNTIME_EKS_USE_POLICY",
        ),
        "flink_and_msk": (
            "FLINK_RUNTIME_MODE",
            "FLINK_APP_WSP_STREAM_V0",
            "FLINK_APP_SR_READY_V0",
            "FLINK_APP_RTDL_IEG_V0",
            "FLINK_APP_RTDL_OFP_V0",
            "MSK_CLUSTER_ARN",
            "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
        ),
        "ingress_edge": (
            "IG_EDGE_MODE",
            "APIGW_IG_API_ID",
            "LAMBDA_IG_HANDLER_NAME",
            "DDB_IG_IDEMPOTENCY_TABLE",
            "IG_INGEST_PATH",
            "IG_HEALTHCHECK_PATH",
        ),
        "lane_roles": (
            "ROLE_FLINK_EXECUTION",
            "ROLE_LAMBDA_IG_EXECUTION",
            "ROLE_APIGW_IG_INVOKE",
            "ROLE_DDB_IG_IDEMPOTENCY_RW",
            "ROLE_EKS_RUNTIME_PLATFORM_BASE",
            "ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
        ),
        "run_scope_and_observability": (
            "REQUIRED_PLATFORM_RUN_ID_ENV_KEY",
            "CLOUDWATCH_LOG_GROUP_PREFIX",
            "OTEL_ENABLED",
            "OTEL_COLLECTOR_SERVICE",
            "CORRELATION_REQUIRED_FIELDS",
            "CORRELATION_HEADERS_REQUIRED",
        ),
        "evidence_roots": PUBLICATION_REQUIRED,
    }
)
"""The 33 handles of the runtime lanes, by the family that needs them."""

M4B_REQUIRED: Final = (
    "PHASE_RUNTIME_PATH_MODE",
    "PHASE_RUNTIME_PATH_PIN_REQUIRED",
    "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED",
    "RUNTIME_DEFAULT_STREAM_ENGINE",
    "RUNTIME_DEFAULT_INGRESS_EDGE",
    "RUNTIME_EKS_USE_POLICY",
    "FLINK_APP_WSP_STREAM_V0",
    "FLINK_APP_SR_READY_V0",
    "FLINK_APP_RTDL_IEG_V0",
    "FLINK_APP_RTDL_OFP_V0",
    "IG_EDGE_MODE",
    "APIGW_IG_API_ID",
    "LAMBDA_IG_HANDLER_NAME",
    "K8S_DEPLOY_IG",
    "K8S_DEPLOY_IEG",
    "K8S_DEPLOY_OFP",
    "K8S_DEPLOY_ARCHIVE_WRITER",
    "K8S_DEPLOY_DL",
    "K8S_DEPLOY_DF",
    "K8S_DEPLOY_AL",
    "K8S_DEPLOY_DLA",
    "K8S_DEPLOY_CASE_TRIGGER",
    "K8S_DEPLOY_CM",
    "K8S_DEPLOY_LS",
    "K8S_DEPLOY_ENV_CONFORMANCE",
    *PUBLICATION_REQUIRED,
)
"""The 27 handles that map lanes to runtime paths."""

M4C_REQUIRED: Final = (
    "ROLE_FLINK_EXECUTION",
    "ROLE_LAMBDA_IG_EXECUTION",
    "ROLE_APIGW_IG_INVOKE",
    "ROLE_DDB_IG_IDEMPOTENCY_RW",
    "ROLE_EKS_RUNTIME_PLATFORM_BASE",
    "ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
    "ROLE_EKS_IRSA_IG",
    "ROLE_EKS_IRSA_RTDL",
    "ROLE_EKS_IRSA_DECISION_LANE",
    "ROLE_EKS_IRSA_CASE_LABELS",
    "ROLE_EKS_IRSA_OBS_GOV",
    "SECRETS_BACKEND",
    "SECRETS_PLAINTEXT_OUTPUT_ALLOWED",
    "KMS_KEY_ALIAS_PLATFORM",
    "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
    "SSM_IG_API_KEY_PATH",
    "SSM_AURORA_ENDPOINT_PATH",
    "SSM_AURORA_READER_ENDPOINT_PATH",
    "SSM_AURORA_USERNAME_PATH",
    "SSM_AURORA_PASSWORD_PATH",
    "SSM_REDIS_ENDPOINT_PATH",
    *PUBLICATION_REQUIRED,
)
"""The 23 handles of identity: roles, posture and secret paths."""

M4D_REQUIRED: Final = (
    "MSK_CLUSTER_ARN",
    "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
    "FP_BUS_CONTROL_V1",
    "FP_BUS_RTDL_V1",
    "FP_BUS_CASE_TRIGGERS_V1",
    "FP_BUS_LABELS_EVENTS_V1",
    "FP_BUS_AUDIT_V1",
    "S3_OBJECT_STORE_BUCKET",
    "S3_EVIDENCE_BUCKET",
    "S3_ARTIFACTS_BUCKET",
    "APIGW_IG_API_ID",
    "LAMBDA_IG_HANDLER_NAME",
    "EKS_CLUSTER_ARN",
    "SSM_AURORA_ENDPOINT_PATH",
    "SSM_AURORA_READER_ENDPOINT_PATH",
    "SSM_AURORA_USERNAME_PATH",
    "SSM_AURORA_PASSWORD_PATH",
    "SSM_REDIS_ENDPOINT_PATH",
    "CLOUDWATCH_LOG_GROUP_PREFIX",
    "OTEL_COLLECTOR_SERVICE",
    "S3_RUN_CONTROL_ROOT_PATTERN",
)
"""The 21 handles of network and dependency reachability."""

M4E_REQUIRED: Final = (
    "MSK_CLUSTER_ARN",
    "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
    "ROLE_FLINK_EXECUTION",
    "APIGW_IG_API_ID",
    "IG_BASE_URL",
    "IG_HEALTHCHECK_PATH",
    "IG_INGEST_PATH",
    "LAMBDA_IG_HANDLER_NAME",
    "DDB_IG_IDEMPOTENCY_TABLE",
    "SSM_IG_API_KEY_PATH",
    "EKS_CLUSTER_ARN",
    "ROLE_EKS_IRSA_IG",
    "ROLE_EKS_IRSA_RTDL",
    "ROLE_EKS_IRSA_DECISION_LANE",
    "ROLE_EKS_IRSA_CASE_LABELS",
    "ROLE_EKS_IRSA_OBS_GOV",
    "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
    "CLOUDWATCH_LOG_GROUP_PREFIX",
    "REQUIRED_PLATFORM_RUN_ID_ENV_KEY",
    "FIELD_PLATFORM_RUN_ID",
    "KAFKA_PARTITION_KEY_CONTROL",
    *PUBLICATION_REQUIRED,
)
"""The 23 handles of runtime health and run-scope binding."""

M4F_REQUIRED: Final = (
    "CORRELATION_REQUIRED_FIELDS",
    "CORRELATION_HEADERS_REQUIRED",
    "CORRELATION_MODE",
    "CORRELATION_ENFORCEMENT_FAIL_CLOSED",
    "CORRELATION_AUDIT_PATH_PATTERN",
    "IG_BASE_URL",
    "IG_INGEST_PATH",
    "IG_AUTH_HEADER_NAME",
    "SSM_IG_API_KEY_PATH",
    "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
    "CLOUDWATCH_LOG_GROUP_PREFIX",
    "OTEL_ENABLED",
    "OTEL_COLLECTOR_SERVICE",
    *PUBLICATION_REQUIRED,
)
"""The 15 handles of correlation continuity."""

M4G_REQUIRED: Final = (
    "LAMBDA_IG_HANDLER_NAME",
    "IG_BASE_URL",
    "IG_HEALTHCHECK_PATH",
    "IG_INGEST_PATH",
    "IG_AUTH_HEADER_NAME",
    "SSM_IG_API_KEY_PATH",
    "CORRELATION_REQUIRED_FIELDS",
    "CORRELATION_HEADERS_REQUIRED",
    "CORRELATION_ENFORCEMENT_FAIL_CLOSED",
    *PUBLICATION_REQUIRED,
)
"""The 11 handles of the failure and recovery drill."""

M4H_REQUIRED: Final = (
    "P2_RUNTIME_READINESS_PATH_PATTERN",
    "P2_RUNTIME_BINDING_MATRIX_PATH_PATTERN",
    *PUBLICATION_REQUIRED,
)
"""The 4 handles of the readiness publication."""

M4J_REQUIRED: Final = (
    "M4_EXECUTION_SUMMARY_PATH_PATTERN",
    "M5_HANDOFF_PACK_PATH_PATTERN",
    "REQUIRED_PLATFORM_RUN_ID_ENV_KEY",
    "CORRELATION_REQUIRED_FIELDS",
    *PUBLICATION_REQUIRED,
)
"""The 6 handles of the phase roll-up and the handoff."""

REQUIRED_BY_GATE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "M4.A": tuple(name for names in M4A_REQUIRED.values() for name in names),
        "M4.B": M4B_REQUIRED,
        "M4.C": M4C_REQUIRED,
        "M4.D": M4D_REQUIRED,
        "M4.E": M4E_REQUIRED,
        "M4.F": M4F_REQUIRED,
        "M4.G": M4G_REQUIRED,
        "M4.H": M4H_REQUIRED,
        "M4.I": PUBLICATION_REQUIRED,
        "M4.J": M4J_REQUIRED,
    }
)
"""Every gate's set, by the gate's name."""
