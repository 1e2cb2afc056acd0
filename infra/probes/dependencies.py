"""The 16 probes of dependencies: each one of an active lane, by one control-plane call."""

from __future__ import annotations

from typing import Final

from infra.lanes import SHARED_STORAGE
from infra.probes.forms import host_flaw, host_port_flaw, secret_flaw, text_flaw
from infra.probes.model import Group, Probe
from infra.probes.surfaces import (
    api_there,
    bucket_there,
    cluster_active,
    eks_there,
    function_there,
    log_group_there,
    machine_there,
    parameter,
    table_there,
)

_EDGE: Final = Group.STREAM_EDGE_STORAGE
_SERVICES: Final = "differentiating_services"

DEPENDENCY_PROBES: Final[tuple[Probe, ...]] = (
    Probe(1, "stream_engine", "kafka describe-cluster-v2", "MSK_CLUSTER_ARN", _EDGE, cluster_active),
    Probe(2, "stream_engine", "ssm get-parameter", "SSM_MSK_BOOTSTRAP_BROKERS_PATH", _EDGE, parameter(text_flaw)),
    Probe(3, SHARED_STORAGE, "s3api head-bucket", "S3_OBJECT_STORE_BUCKET", _EDGE, bucket_there),
    Probe(4, SHARED_STORAGE, "s3api head-bucket", "S3_EVIDENCE_BUCKET", _EDGE, bucket_there),
    Probe(5, SHARED_STORAGE, "s3api head-bucket", "S3_ARTIFACTS_BUCKET", _EDGE, bucket_there),
    Probe(6, "ingress_edge", "apigatewayv2 get-api", "APIGW_IG_API_ID", _EDGE, api_there),
    Probe(7, "ingress_edge", "lambda get-function", "LAMBDA_IG_HANDLER_NAME", _EDGE, function_there),
    Probe(8, "ingress_edge", "dynamodb describe-table", "DDB_IG_IDEMPOTENCY_TABLE", _EDGE, table_there),
    Probe(9, _SERVICES, "eks describe-cluster", "EKS_CLUSTER_ARN", _EDGE, eks_there),
    Probe(
        10,
        "orchestration_commit_authority",
        "stepfunctions describe-state-machine",
        "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
        _EDGE,
        machine_there,
    ),
    Probe(11, _SERVICES, "ssm get-parameter", "SSM_AURORA_ENDPOINT_PATH", Group.DATASTORE, parameter(host_flaw)),
    Probe(12, _SERVICES, "ssm get-parameter", "SSM_AURORA_READER_ENDPOINT_PATH", Group.DATASTORE, parameter(host_flaw)),
    Probe(13, _SERVICES, "ssm get-parameter", "SSM_AURORA_USERNAME_PATH", Group.DATASTORE, parameter(text_flaw)),
    Probe(
        14,
        _SERVICES,
        "ssm get-parameter",
        "SSM_AURORA_PASSWORD_PATH",
        Group.DATASTORE,
        parameter(secret_flaw, secret=True),
    ),
    Probe(15, _SERVICES, "ssm get-parameter", "SSM_REDIS_ENDPOINT_PATH", Group.DATASTORE, parameter(host_port_flaw)),
    Probe(
        16,
        "observability_runtime",
        "logs describe-log-groups",
        "CLOUDWATCH_LOG_GROUP_PREFIX",
        Group.OBSERVABILITY,
        log_group_there,
    ),
)
"""The probes. Where the platform's record leaves a choice, the live control-plane call is taken."""
