"""The 16 probes of M4.D: each dependency of an active lane, by one control-plane call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from infra.lanes import SHARED_STORAGE
from infra.probes.forms import host_flaw, host_port_flaw, secret_flaw, text_flaw
from infra.probes.model import ErrorClass, Group, Look, Probe, ProbeFailure


def _cluster_active(look: Look) -> str:
    found = _part(look.clients.client("kafka").describe_cluster_v2(ClusterArn=look.target), "ClusterInfo")
    _same(found.get("ClusterArn"), look.target)
    return _state(found.get("State"), "ACTIVE")


def _bucket_there(look: Look) -> str:
    look.clients.client("s3").head_bucket(Bucket=look.target)
    return "200"


def _api_there(look: Look) -> str:
    found = look.clients.client("apigatewayv2").get_api(ApiId=look.target)
    _same(found.get("ApiId"), look.target)
    return f"{found.get('Name')} ({found.get('ProtocolType')})"


def _function_there(look: Look) -> str:
    # The answer also has a signed URL of the code and the environment: only these two fields are looked at.
    found = _part(look.clients.client("lambda").get_function(FunctionName=look.target), "Configuration")
    _same(found.get("FunctionName"), look.target)
    return f"{look.target} ({found.get('Runtime')})"


def _table_there(look: Look) -> str:
    found = _part(look.clients.client("dynamodb").describe_table(TableName=look.target), "Table")
    _same(found.get("TableName"), look.target)
    return f"{look.target} ({found.get('TableStatus')})"


def _eks_there(look: Look) -> str:
    prefix, _, name = look.target.partition(":cluster/")
    if not prefix.startswith("arn:") or not name:
        raise ProbeFailure(ErrorClass.BAD_FORM, "it is no ARN of an EKS cluster")
    found = _part(look.clients.client("eks").describe_cluster(name=name), "cluster")
    _same(found.get("arn"), look.target)
    return str(found.get("status"))


def _machine_there(look: Look) -> str:
    client = look.clients.client("stepfunctions")
    arn = look.target
    if not arn.startswith("arn:"):
        account, region = look.clients.account_id, look.clients.region
        arn = f"arn:{client.meta.partition}:states:{region}:{account}:stateMachine:{arn}"
    found = client.describe_state_machine(stateMachineArn=arn)
    _same(found.get("stateMachineArn"), arn)
    return str(found.get("status"))


def _log_group_there(look: Look) -> str:
    prefix = look.target
    inside = f"{prefix.rstrip('/')}/"
    pages = look.clients.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    for page in pages:
        # The service compares letters: it also answers `/fraud-platform/dev_full_2`, which is somebody else's.
        names = [str(group.get("logGroupName")) for group in page.get("logGroups", [])]
        found = [name for name in names if name == prefix or name.startswith(inside)]
        if found:
            return found[0]
    raise ProbeFailure(ErrorClass.NOT_FOUND, f"there is no log group under {prefix}")


def _parameter(flaw: Callable[[str], str | None], *, secret: bool = False) -> Callable[[Look], str]:
    """A check that a parameter is there and has a form; its value stays within the check.

    Args:
        flaw: What is wrong with a value, as a clause that does not show it.
        secret: Whether the value is secret whatever type the parameter has.
    """

    def check(look: Look) -> str:
        found = _part(look.clients.client("ssm").get_parameter(Name=look.target, WithDecryption=True), "Parameter")
        _same(found.get("Name"), look.target)
        kind, value = str(found.get("Type")), str(found.get("Value", ""))
        if secret or kind == "SecureString":
            look.secret(look.target, value)
        wrong = flaw(value)
        if wrong is not None:
            raise ProbeFailure(ErrorClass.BAD_FORM, f"the parameter {wrong}")
        return f"{kind}, version {found.get('Version')}"

    return check


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The part of an answer that holds what was asked for."""
    found = answer.get(name)
    if not isinstance(found, Mapping):
        raise ProbeFailure(ErrorClass.SERVICE_ERROR, f"the answer has no {name}")
    return found


def _same(found: object, wanted: object) -> None:
    """Makes sure that the answer is about what was asked for."""
    if found is None:
        raise ProbeFailure(ErrorClass.SERVICE_ERROR, "the answer does not say what it is about")
    if found != wanted:
        raise ProbeFailure(ErrorClass.NOT_FOUND, f"what answers to the name is {found}")


def _state(found: object, wanted: str) -> str:
    if found != wanted:
        raise ProbeFailure(ErrorClass.BAD_STATE, f"its state is {found}, not {wanted}")
    return wanted


_EDGE: Final = Group.STREAM_EDGE_STORAGE
_SERVICES: Final = "differentiating_services"

M4D_PROBES: Final[tuple[Probe, ...]] = (
    Probe(1, "stream_engine", "kafka describe-cluster-v2", "MSK_CLUSTER_ARN", _EDGE, _cluster_active),
    Probe(2, "stream_engine", "ssm get-parameter", "SSM_MSK_BOOTSTRAP_BROKERS_PATH", _EDGE, _parameter(text_flaw)),
    Probe(3, SHARED_STORAGE, "s3api head-bucket", "S3_OBJECT_STORE_BUCKET", _EDGE, _bucket_there),
    Probe(4, SHARED_STORAGE, "s3api head-bucket", "S3_EVIDENCE_BUCKET", _EDGE, _bucket_there),
    Probe(5, SHARED_STORAGE, "s3api head-bucket", "S3_ARTIFACTS_BUCKET", _EDGE, _bucket_there),
    Probe(6, "ingress_edge", "apigatewayv2 get-api", "APIGW_IG_API_ID", _EDGE, _api_there),
    Probe(7, "ingress_edge", "lambda get-function", "LAMBDA_IG_HANDLER_NAME", _EDGE, _function_there),
    Probe(8, "ingress_edge", "dynamodb describe-table", "DDB_IG_IDEMPOTENCY_TABLE", _EDGE, _table_there),
    Probe(9, _SERVICES, "eks describe-cluster", "EKS_CLUSTER_ARN", _EDGE, _eks_there),
    Probe(
        10,
        "orchestration_commit_authority",
        "stepfunctions describe-state-machine",
        "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
        _EDGE,
        _machine_there,
    ),
    Probe(11, _SERVICES, "ssm get-parameter", "SSM_AURORA_ENDPOINT_PATH", Group.DATASTORE, _parameter(host_flaw)),
    Probe(
        12, _SERVICES, "ssm get-parameter", "SSM_AURORA_READER_ENDPOINT_PATH", Group.DATASTORE, _parameter(host_flaw)
    ),
    Probe(13, _SERVICES, "ssm get-parameter", "SSM_AURORA_USERNAME_PATH", Group.DATASTORE, _parameter(text_flaw)),
    Probe(
        14,
        _SERVICES,
        "ssm get-parameter",
        "SSM_AURORA_PASSWORD_PATH",
        Group.DATASTORE,
        _parameter(secret_flaw, secret=True),
    ),
    Probe(15, _SERVICES, "ssm get-parameter", "SSM_REDIS_ENDPOINT_PATH", Group.DATASTORE, _parameter(host_port_flaw)),
    Probe(
        16,
        "observability_runtime",
        "logs describe-log-groups",
        "CLOUDWATCH_LOG_GROUP_PREFIX",
        Group.OBSERVABILITY,
        _log_group_there,
    ),
)
"""The probes of M4.D. Where the platform's record leaves a choice, the live control-plane call is taken."""

GROUP_BLOCKERS: Final[Mapping[Group, str]] = MappingProxyType(
    {Group.STREAM_EDGE_STORAGE: "M4D-B3", Group.DATASTORE: "M4D-B4", Group.OBSERVABILITY: "M4D-B5"}
)
"""The blocker of each group of M4.D's probes."""

UNCATEGORISED_BLOCKER: Final = "M4D-B6"
"""The blocker of a failure that says nothing about the surface."""


def blocker_of(group: Group, error_class: ErrorClass) -> str:
    """The blocker that a failed probe maps to.

    A failure without a category, and one that says that the substrate cannot do what was asked, are blockers of
    their own: neither says anything about the surface.
    """
    return GROUP_BLOCKERS[group] if error_class.about_surface else UNCATEGORISED_BLOCKER
