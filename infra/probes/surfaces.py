"""Checks of single surfaces: each looks at one thing by one control-plane call, and says what it saw."""

from __future__ import annotations

from collections.abc import Callable

from infra.probes.answers import part, same, state
from infra.probes.model import ErrorClass, Look, ProbeFailure


def cluster_active(look: Look) -> str:
    """The MSK cluster is active."""
    found = part(look.clients.client("kafka").describe_cluster_v2(ClusterArn=look.target), "ClusterInfo")
    same(found.get("ClusterArn"), look.target)
    return state(found.get("State"), "ACTIVE")


def bucket_there(look: Look) -> str:
    """The bucket answers."""
    look.clients.client("s3").head_bucket(Bucket=look.target)
    return "200"


def api_there(look: Look) -> str:
    """The HTTP API exists."""
    found = look.clients.client("apigatewayv2").get_api(ApiId=look.target)
    same(found.get("ApiId"), look.target)
    return f"{found.get('Name')} ({found.get('ProtocolType')})"


def function_there(look: Look) -> str:
    """The function exists."""
    # The answer also has a signed URL of the code and the environment: only these two fields are looked at.
    found = part(look.clients.client("lambda").get_function(FunctionName=look.target), "Configuration")
    same(found.get("FunctionName"), look.target)
    return f"{look.target} ({found.get('Runtime')})"


def function_active(look: Look) -> str:
    """The function is active, and its last update succeeded."""
    found = part(look.clients.client("lambda").get_function(FunctionName=look.target), "Configuration")
    same(found.get("FunctionName"), look.target)
    state(found.get("State"), "Active")
    return f"Active, {state(found.get('LastUpdateStatus'), 'Successful')}"


def table_active(look: Look) -> str:
    """The table is active."""
    found = part(look.clients.client("dynamodb").describe_table(TableName=look.target), "Table")
    same(found.get("TableName"), look.target)
    return state(found.get("TableStatus"), "ACTIVE")


def role_there(look: Look) -> str:
    """The role exists, under the ARN that the handle has."""
    name = look.target.rpartition("/")[2]
    found = part(look.clients.client("iam").get_role(RoleName=name), "Role")
    same(found.get("Arn"), look.target)
    return name


def table_there(look: Look) -> str:
    """The table exists."""
    found = part(look.clients.client("dynamodb").describe_table(TableName=look.target), "Table")
    same(found.get("TableName"), look.target)
    return f"{look.target} ({found.get('TableStatus')})"


def eks_there(look: Look) -> str:
    """The EKS cluster exists."""
    prefix, _, name = look.target.partition(":cluster/")
    if not prefix.startswith("arn:") or not name:
        raise ProbeFailure(ErrorClass.BAD_FORM, "it is no ARN of an EKS cluster")
    found = part(look.clients.client("eks").describe_cluster(name=name), "cluster")
    same(found.get("arn"), look.target)
    return str(found.get("status"))


def eks_active(look: Look) -> str:
    """The EKS cluster is active."""
    return state(eks_there(look), "ACTIVE")


def machine_there(look: Look) -> str:
    """The state machine exists."""
    arn = machine_arn(look)
    found = look.clients.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    same(found.get("stateMachineArn"), arn)
    return str(found.get("status"))


def machine_active(look: Look) -> str:
    """The state machine is active."""
    return state(machine_there(look), "ACTIVE")


def machine_arn(look: Look) -> str:
    """The ARN of the state machine that the handle names by name or ARN."""
    if look.target.startswith("arn:"):
        return look.target
    partition = look.clients.client("stepfunctions").meta.partition
    return f"arn:{partition}:states:{look.clients.region}:{look.clients.account_id}:stateMachine:{look.target}"


def log_group_there(look: Look) -> str:
    """A log group stands at or under the prefix."""
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


def parameter(flaw: Callable[[str], str | None], *, secret: bool = False) -> Callable[[Look], str]:
    """A check that a parameter is there and has a form; its value stays within the check.

    Args:
        flaw: What is wrong with a value, as a clause that does not show it.
        secret: Whether the value is secret whatever type the parameter has.
    """

    def check(look: Look) -> str:
        found = part(look.clients.client("ssm").get_parameter(Name=look.target, WithDecryption=True), "Parameter")
        same(found.get("Name"), look.target)
        kind, value = str(found.get("Type")), str(found.get("Value", ""))
        if secret or kind == "SecureString":
            look.secret(look.target, value)
        wrong = flaw(value)
        if wrong is not None:
            raise ProbeFailure(ErrorClass.BAD_FORM, f"the parameter {wrong}")
        return f"{kind}, version {found.get('Version')}"

    return check
