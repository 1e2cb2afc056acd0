"""The 16 probes of M4.D: each dependency of an active lane, by one control-plane call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from infra.lanes.dependencies import SHARED_STORAGE
from infra.probes.model import ErrorClass, Group, Look, Probe, ProbeFailure

_HOST = r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
_HOST_FORM = re.compile(_HOST, re.IGNORECASE)
_HOST_PORT_FORM = re.compile(r"(?P<host>[^:]+):(?P<port>\d{1,5})")
_PLACEHOLDER = re.compile(r"to_pin|placeholder|^(tbd|todo|none|null|unset)$|[<>{}]", re.IGNORECASE)


def _cluster_active(look: Look) -> str:
    found = look.clients.client("kafka").describe_cluster_v2(ClusterArn=look.target)["ClusterInfo"]
    return _state(found.get("State"), "ACTIVE")


def _bucket_there(look: Look) -> str:
    look.clients.client("s3").head_bucket(Bucket=look.target)
    return "200"


def _api_there(look: Look) -> str:
    found = look.clients.client("apigatewayv2").get_api(ApiId=look.target)
    return f"{found['Name']} ({found['ProtocolType']})"


def _function_there(look: Look) -> str:
    found = look.clients.client("lambda").get_function(FunctionName=look.target)["Configuration"]
    return f"{found['FunctionName']} ({found['Runtime']})"


def _table_there(look: Look) -> str:
    found = look.clients.client("dynamodb").describe_table(TableName=look.target)["Table"]
    return f"{found['TableName']} ({found['TableStatus']})"


def _eks_there(look: Look) -> str:
    prefix, _, name = str(look.target).partition(":cluster/")
    if not prefix.startswith("arn:") or not name:
        raise ProbeFailure(ErrorClass.BAD_FORM, "it is no ARN of an EKS cluster")
    found = look.clients.client("eks").describe_cluster(name=name)["cluster"]
    if found["arn"] != look.target:
        raise ProbeFailure(ErrorClass.NOT_FOUND, f"the cluster of this name is {found['arn']}")
    return str(found["status"])


def _machine_there(look: Look) -> str:
    clients = look.clients
    target = str(look.target)
    if not target.startswith("arn:"):
        target = f"arn:aws:states:{clients.region}:{clients.account_id}:stateMachine:{target}"
    found = clients.client("stepfunctions").describe_state_machine(stateMachineArn=target)
    return str(found["status"])


def _log_group_there(look: Look) -> str:
    found = look.clients.client("logs").describe_log_groups(logGroupNamePrefix=look.target)["logGroups"]
    if not found:
        raise ProbeFailure(ErrorClass.NOT_FOUND, f"no log group under {look.target}")
    return f"{len(found)} group(s)"


def _parameter(form: Callable[[str], str | None] | None) -> Callable[[Look], str]:
    def check(look: Look) -> str:
        found = look.clients.client("ssm").get_parameter(Name=look.target, WithDecryption=True)["Parameter"]
        value = str(found["Value"])
        if found["Type"] == "SecureString":
            look.secret(str(look.target), value)
        if not value.strip():
            raise ProbeFailure(ErrorClass.BAD_FORM, "the parameter is blank")
        if _PLACEHOLDER.search(value):
            raise ProbeFailure(ErrorClass.BAD_FORM, "the parameter is a placeholder")
        wrong = form(value) if form is not None else None
        if wrong is not None:
            raise ProbeFailure(ErrorClass.BAD_FORM, wrong)
        return f"{found['Type']}, version {found['Version']}"

    return check


def _host(value: str) -> str | None:
    return None if _HOST_FORM.fullmatch(value) else "the parameter is no host name"


def _host_port(value: str) -> str | None:
    match = _HOST_PORT_FORM.fullmatch(value)
    if match is None or not _HOST_FORM.fullmatch(match["host"]) or not 0 < int(match["port"]) < 65_536:
        return "the parameter is no host:port"
    return None


def _state(found: object, wanted: str) -> str:
    if found != wanted:
        raise ProbeFailure(ErrorClass.BAD_STATE, f"its state is {found}, not {wanted}")
    return wanted


_EDGE = Group.STREAM_EDGE_STORAGE
_SERVICES = "differentiating_services"

M4D_PROBES: tuple[Probe, ...] = (
    Probe(1, "stream_engine", "kafka describe-cluster-v2", "MSK_CLUSTER_ARN", _EDGE, _cluster_active),
    Probe(2, "stream_engine", "ssm get-parameter", "SSM_MSK_BOOTSTRAP_BROKERS_PATH", _EDGE, _parameter(None)),
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
    Probe(11, _SERVICES, "ssm get-parameter", "SSM_AURORA_ENDPOINT_PATH", Group.DATASTORE, _parameter(_host)),
    Probe(12, _SERVICES, "ssm get-parameter", "SSM_AURORA_READER_ENDPOINT_PATH", Group.DATASTORE, _parameter(_host)),
    Probe(13, _SERVICES, "ssm get-parameter", "SSM_AURORA_USERNAME_PATH", Group.DATASTORE, _parameter(None)),
    Probe(14, _SERVICES, "ssm get-parameter", "SSM_AURORA_PASSWORD_PATH", Group.DATASTORE, _parameter(None)),
    Probe(15, _SERVICES, "ssm get-parameter", "SSM_REDIS_ENDPOINT_PATH", Group.DATASTORE, _parameter(_host_port)),
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

_BLOCKERS: Mapping[Group, str] = MappingProxyType(
    {Group.STREAM_EDGE_STORAGE: "M4D-B3", Group.DATASTORE: "M4D-B4", Group.OBSERVABILITY: "M4D-B5"}
)
_UNCATEGORISED_BLOCKER = "M4D-B6"


def blocker_of(group: Group, error_class: ErrorClass) -> str:
    """The blocker that a failed probe maps to.

    A failure without a category, and one that says that the substrate cannot do what was asked, are blockers of
    their own: neither says anything about the surface.
    """
    if error_class in {ErrorClass.UNCATEGORISED, ErrorClass.UNSUPPORTED_BY_SUBSTRATE}:
        return _UNCATEGORISED_BLOCKER
    return _BLOCKERS[group]
