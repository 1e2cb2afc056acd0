"""The five lanes as data: owner, source of the active path, components, and the paths that stay inactive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

RUNTIME_PATH_LAW: Mapping[str, str | bool] = MappingProxyType(
    {
        "PHASE_RUNTIME_PATH_MODE": "single_active_path_per_phase_run",
        "PHASE_RUNTIME_PATH_PIN_REQUIRED": True,
        "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED": False,
    }
)
"""The single-active-path contract: three handles and the values that they are pinned to."""

GOVERNANCE = (*RUNTIME_PATH_LAW, "RUNTIME_FALLBACK_REQUIRES_NEW_PHASE_EXECUTION_ID")
"""The handles that govern the manifest as a whole."""

EKS_POLICY_LANES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"differentiating_services_only": frozenset({"differentiating_services"})}
)
"""The lanes in which each value of RUNTIME_EKS_USE_POLICY allows an active EKS path; an unknown value allows none."""


@dataclass(frozen=True, slots=True)
class InactivePath:
    """A path that a lane knows and does not take.

    Attributes:
        path: Its name.
        rationale: Why it is inactive.
        components: The handles that it would use.
        eks: Whether it would run on EKS.
    """

    path: str
    rationale: str
    components: tuple[str, ...] = ()
    eks: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A runtime lane.

    Attributes:
        name: Its name.
        owner: Who answers for it.
        source_handle: The handle whose value selects the active path.
        selects: What each value of that handle selects.
        components: The handles of the active path's parts.
        inactive: The paths that stay inactive while a selected one is active.
        cross_check: A handle that must say the same as the source handle.
        eks_paths: The selectable paths that run on EKS.
        roles: The role handles that the lane binds.
        secret_paths: The parameter paths that the lane reads, and their types.
    """

    name: str
    owner: str
    source_handle: str
    selects: Mapping[str, str]
    components: tuple[str, ...]
    inactive: tuple[InactivePath, ...]
    cross_check: str | None = None
    eks_paths: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    secret_paths: Mapping[str, str] = field(default_factory=dict)


_ROOT = "/fraud-platform/dev_full"

LANES: tuple[Lane, ...] = (
    Lane(
        name="stream_engine",
        owner="stream platform",
        source_handle="RUNTIME_DEFAULT_STREAM_ENGINE",
        selects={"msk_flink": "msk_flink", "eks_stream_transform": "eks_stream_transform"},
        eks_paths=frozenset({"eks_stream_transform"}),
        components=(
            "FLINK_APP_WSP_STREAM_V0",
            "FLINK_APP_SR_READY_V0",
            "FLINK_APP_RTDL_IEG_V0",
            "FLINK_APP_RTDL_OFP_V0",
            "MSK_CLUSTER_ARN",
        ),
        inactive=(
            InactivePath(
                "eks_stream_transform",
                "Flink is the managed default; a second live stream path would break the one-path law",
                ("K8S_DEPLOY_IEG", "K8S_DEPLOY_OFP"),
                eks=True,
            ),
        ),
        roles=("ROLE_FLINK_EXECUTION",),
        secret_paths={f"{_ROOT}/msk/bootstrap_brokers": "SecureString"},
    ),
    Lane(
        name="ingress_edge",
        owner="ingress platform",
        source_handle="RUNTIME_DEFAULT_INGRESS_EDGE",
        selects={"apigw_lambda_ddb": "apigw_lambda_ddb", "eks_ig_service": "eks_ig_service"},
        eks_paths=frozenset({"eks_ig_service"}),
        components=("APIGW_IG_API_ID", "LAMBDA_IG_HANDLER_NAME", "DDB_IG_IDEMPOTENCY_TABLE"),
        inactive=(
            InactivePath(
                "eks_ig_service",
                "the API edge is active; EKS ingress is kept for recovery only",
                ("K8S_DEPLOY_IG", "IG_BASE_URL_EKS_FALLBACK"),
                eks=True,
            ),
        ),
        cross_check="IG_EDGE_MODE",
        roles=("ROLE_LAMBDA_IG_EXECUTION", "ROLE_APIGW_IG_INVOKE", "ROLE_DDB_IG_IDEMPOTENCY_RW"),
        secret_paths={f"{_ROOT}/ig/api_key": "SecureString"},
    ),
    Lane(
        name="differentiating_services",
        owner="services platform",
        source_handle="RUNTIME_EKS_USE_POLICY",
        selects={"differentiating_services_only": "selective_eks_custom_services"},
        eks_paths=frozenset({"selective_eks_custom_services"}),
        components=(
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
        inactive=(
            InactivePath(
                "managed_service_substitute",
                "custom services have no managed equivalent pinned; a switch needs a new phase execution",
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
        secret_paths={
            f"{_ROOT}/aurora/endpoint": "String",
            f"{_ROOT}/aurora/reader_endpoint": "String",
            f"{_ROOT}/aurora/username": "String",
            f"{_ROOT}/aurora/password": "SecureString",
            f"{_ROOT}/redis/endpoint": "String",
        },
    ),
    Lane(
        name="orchestration_commit_authority",
        owner="run control",
        source_handle="SR_READY_COMMIT_AUTHORITY",
        selects={"step_functions_only": "step_functions"},
        components=("SFN_PLATFORM_RUN_ORCHESTRATOR_V0",),
        inactive=(
            InactivePath(
                "mwaa_orchestration",
                "SR_READY_COMMIT_AUTHORITY=step_functions_only; MWAA is not a commit authority",
            ),
        ),
        roles=("ROLE_STEP_FUNCTIONS_ORCHESTRATOR",),
    ),
    Lane(
        name="observability_runtime",
        owner="observability",
        source_handle="OTEL_EXPORTER_PRIMARY",
        selects={"cloudwatch": "cloudwatch_otel"},
        components=("CLOUDWATCH_LOG_GROUP_PREFIX", "OTEL_COLLECTOR_SERVICE"),
        inactive=(
            InactivePath("non_cloudwatch_exporter", "OTEL_EXPORTER_PRIMARY=cloudwatch; no other sink is pinned"),
        ),
    ),
)
