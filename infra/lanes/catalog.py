"""The five lanes as data, and the laws that hold for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from infra.lanes.model import Lane, LanePath, SecretPath
from infra.names import PARAMETERS

RUNTIME_PATH_LAW: Final[Mapping[str, str | bool]] = MappingProxyType(
    {
        "PHASE_RUNTIME_PATH_MODE": "single_active_path_per_phase_run",
        "PHASE_RUNTIME_PATH_PIN_REQUIRED": True,
        "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED": False,
    }
)
"""The single-active-path contract: three handles and the values that they are pinned to."""

GOVERNANCE_LAW: Final[Mapping[str, str | bool]] = MappingProxyType(
    {**RUNTIME_PATH_LAW, "RUNTIME_FALLBACK_REQUIRES_NEW_PHASE_EXECUTION_ID": True}
)
"""The four handles that govern the manifest as a whole, and the values that they are pinned to."""

EKS_POLICY_HANDLE: Final = "RUNTIME_EKS_USE_POLICY"

EKS_POLICY_LANES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"differentiating_services_only": frozenset({"differentiating_services"})}
)
"""The lanes in which each value of RUNTIME_EKS_USE_POLICY allows an active EKS path; an unknown value allows none."""


LANES: Final[tuple[Lane, ...]] = (
    Lane(
        name="stream_engine",
        owner="stream platform",
        source_handle="RUNTIME_DEFAULT_STREAM_ENGINE",
        pinned=LanePath(
            "msk_flink",
            (
                "FLINK_APP_WSP_STREAM_V0",
                "FLINK_APP_SR_READY_V0",
                "FLINK_APP_RTDL_IEG_V0",
                "FLINK_APP_RTDL_OFP_V0",
                "MSK_CLUSTER_ARN",
            ),
            managed=True,
        ),
        fallbacks=(
            LanePath(
                "eks_stream_transform",
                ("K8S_DEPLOY_IEG", "K8S_DEPLOY_OFP"),
                eks=True,
                rationale="Flink is the managed default; a second live stream path would break the one-path law",
            ),
        ),
        roles=("ROLE_FLINK_EXECUTION",),
        secrets=(SecretPath(f"{PARAMETERS}/msk/bootstrap_brokers", "SecureString", "SSM_MSK_BOOTSTRAP_BROKERS_PATH"),),
    ),
    Lane(
        name="ingress_edge",
        owner="ingress platform",
        source_handle="RUNTIME_DEFAULT_INGRESS_EDGE",
        cross_check="IG_EDGE_MODE",
        pinned=LanePath(
            "apigw_lambda_ddb",
            ("APIGW_IG_API_ID", "LAMBDA_IG_HANDLER_NAME", "DDB_IG_IDEMPOTENCY_TABLE"),
            managed=True,
        ),
        fallbacks=(
            LanePath(
                "eks_ig_service",
                ("K8S_DEPLOY_IG", "IG_BASE_URL_EKS_FALLBACK"),
                eks=True,
                rationale="the API edge is active; EKS ingress is kept for recovery only",
            ),
        ),
        roles=("ROLE_LAMBDA_IG_EXECUTION", "ROLE_APIGW_IG_INVOKE", "ROLE_DDB_IG_IDEMPOTENCY_RW"),
        secrets=(SecretPath(f"{PARAMETERS}/ig/api_key", "SecureString", "SSM_IG_API_KEY_PATH"),),
    ),
    Lane(
        name="differentiating_services",
        owner="services platform",
        source_handle=EKS_POLICY_HANDLE,
        pinned=LanePath(
            "selective_eks_custom_services",
            (
                "EKS_CLUSTER_ARN",
                "K8S_DEPLOY_ARCHIVE_WRITER",
                "K8S_DEPLOY_DL",
                "K8S_DEPLOY_DF",
                "K8S_DEPLOY_AL",
                "K8S_DEPLOY_DLA",
                "K8S_DEPLOY_CASE_TRIGGER",
                "K8S_DEPLOY_CM",
                "K8S_DEPLOY_LS",
                "K8S_DEPLOY_ENV_CONFORMANCE",
            ),
            selected_by="differentiating_services_only",
            eks=True,
        ),
        fallbacks=(
            LanePath(
                "managed_service_substitute",
                managed=True,
                rationale="custom services have no managed equivalent pinned; a switch needs a new phase execution",
            ),
        ),
        roles=(
            "ROLE_EKS_RUNTIME_PLATFORM_BASE",
            "ROLE_EKS_IRSA_IG",
            "ROLE_EKS_IRSA_RTDL",
            "ROLE_EKS_IRSA_DECISION_LANE",
            "ROLE_EKS_IRSA_CASE_LABELS",
            "ROLE_EKS_IRSA_OBS_GOV",
        ),
        secrets=(
            SecretPath(f"{PARAMETERS}/aurora/endpoint", "String", "SSM_AURORA_ENDPOINT_PATH"),
            SecretPath(f"{PARAMETERS}/aurora/reader_endpoint", "String", "SSM_AURORA_READER_ENDPOINT_PATH"),
            SecretPath(f"{PARAMETERS}/aurora/username", "String", "SSM_AURORA_USERNAME_PATH"),
            SecretPath(f"{PARAMETERS}/aurora/password", "SecureString", "SSM_AURORA_PASSWORD_PATH"),
            SecretPath(f"{PARAMETERS}/redis/endpoint", "String", "SSM_REDIS_ENDPOINT_PATH"),
        ),
    ),
    Lane(
        name="orchestration_commit_authority",
        owner="run control",
        source_handle="SR_READY_COMMIT_AUTHORITY",
        pinned=LanePath(
            "step_functions",
            ("SFN_PLATFORM_RUN_ORCHESTRATOR_V0",),
            selected_by="step_functions_only",
            managed=True,
        ),
        fallbacks=(
            LanePath(
                "mwaa_orchestration",
                managed=True,
                rationale="SR_READY_COMMIT_AUTHORITY=step_functions_only; MWAA is not a commit authority",
            ),
        ),
        roles=("ROLE_STEP_FUNCTIONS_ORCHESTRATOR",),
    ),
    Lane(
        name="observability_runtime",
        owner="observability",
        source_handle="OTEL_EXPORTER_PRIMARY",
        pinned=LanePath(
            "cloudwatch_otel",
            ("CLOUDWATCH_LOG_GROUP_PREFIX", "OTEL_COLLECTOR_SERVICE"),
            selected_by="cloudwatch",
            managed=True,
        ),
        fallbacks=(
            LanePath(
                "non_cloudwatch_exporter",
                rationale="OTEL_EXPORTER_PRIMARY=cloudwatch; no other sink is pinned",
            ),
        ),
    ),
)
"""Every lane of the platform, in the order in which manifests list them."""
