"""Every role of the platform as data: who may assume it, and what it is granted.

The stacks build the roles from these, and the identity gate reads IAM back against them, so that what is granted
and what is expected cannot drift apart in two places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from infra.names import PARAMETERS, PREFIX

TABLE = f"{PREFIX}-ig-idempotency"
HANDLER = f"{PREFIX}-ig-handler"
DLQ = f"{PREFIX}-ig-dlq"
CLUSTER = PREFIX
STATE_MACHINE = f"{PREFIX}-platform-run-v0"
MSK_CLUSTER = f"{PREFIX}-msk"
AUDIENCE = "sts.amazonaws.com"
"""For whom tokens of service accounts have to be made."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One allowed statement.

    Attributes:
        actions: IAM actions.
        resources: ARNs; `{region}` and `{account}` are filled in.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The Kubernetes service account that may assume a role through the cluster's OIDC provider.

    Attributes:
        namespace: Its namespace.
        service_account: Its name.
    """

    namespace: str
    service_account: str

    @property
    def subject(self) -> str:
        """The `sub` claim of its token."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """One role.

    Attributes:
        handle: The registry handle of its ARN.
        name: Its name.
        services: The service principals that may assume it.
        web_identity: The service account that may assume it instead.
        account_principal: Whether the account itself may assume it instead.
        managed: The AWS managed policies attached to it.
        grants: What its inline policy allows.
        policy: Name of the inline policy.
    """

    handle: str
    name: str
    services: tuple[str, ...] = ()
    web_identity: WebIdentity | None = None
    account_principal: bool = False
    managed: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    policy: str = ""


def _parameter(path: str) -> str:
    return f"arn:aws:ssm:{{region}}:{{account}}:parameter{path}"


_READ = ("ssm:GetParameter", "ssm:GetParameters")
_TABLE_ARN = f"arn:aws:dynamodb:{{region}}:{{account}}:table/{TABLE}"
_TABLE_RW = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query")
_HANDLER_ARN = f"arn:aws:lambda:{{region}}:{{account}}:function:{HANDLER}"
_MSK_ARN = f"arn:aws:kafka:{{region}}:{{account}}:%s/{MSK_CLUSTER}/*"


def _irsa(short: str, handle: str, namespace: str) -> RoleSpec:
    name = f"{PREFIX}-irsa-{short}"
    return RoleSpec(
        handle=f"ROLE_EKS_IRSA_{handle}",
        name=name,
        web_identity=WebIdentity(f"fraud-platform-{namespace}", short),
        grants=(Grant(_READ, (_parameter(f"{PARAMETERS}/*"),)),),
        policy=f"{name}-ssm-read",
    )


_SPECS = (
    RoleSpec(
        handle="ROLE_EKS_NODEGROUP_DEV_FULL",
        name=f"{PREFIX}-eks-nodegroup",
        services=("ec2.amazonaws.com",),
        managed=("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"),
    ),
    RoleSpec(
        handle="ROLE_EKS_RUNTIME_PLATFORM_BASE",
        name=f"{PREFIX}-runtime-platform-base",
        services=("eks.amazonaws.com",),
        managed=("AmazonEKSClusterPolicy",),
    ),
    RoleSpec(
        handle="ROLE_FLINK_EXECUTION",
        name=f"{PREFIX}-flink-execution",
        services=("kinesisanalytics.amazonaws.com",),
        grants=(
            Grant(
                (
                    "kafka-cluster:Connect",
                    "kafka-cluster:DescribeCluster",
                    "kafka-cluster:DescribeTopic",
                    "kafka-cluster:ReadData",
                    "kafka-cluster:WriteData",
                    "kafka-cluster:DescribeGroup",
                    "kafka-cluster:AlterGroup",
                ),
                (_MSK_ARN % "cluster", _MSK_ARN % "topic", _MSK_ARN % "group"),
            ),
            Grant(_READ, (_parameter(f"{PARAMETERS}/msk/bootstrap_brokers"),)),
        ),
        policy=f"{PREFIX}-flink-execution-msk",
    ),
    RoleSpec(
        handle="ROLE_LAMBDA_IG_EXECUTION",
        name=f"{PREFIX}-lambda-ig-execution",
        services=("lambda.amazonaws.com",),
        managed=("service-role/AWSLambdaBasicExecutionRole",),
        grants=(
            Grant(_TABLE_RW, (_TABLE_ARN,)),
            Grant(_READ, (_parameter(f"{PARAMETERS}/ig/api_key"),)),
            Grant(("sqs:SendMessage",), (f"arn:aws:sqs:{{region}}:{{account}}:{DLQ}",)),
        ),
        policy=f"{PREFIX}-lambda-ig-execution-runtime",
    ),
    RoleSpec(
        handle="ROLE_APIGW_IG_INVOKE",
        name=f"{PREFIX}-apigw-ig-invoke",
        services=("apigateway.amazonaws.com",),
        grants=(Grant(("lambda:InvokeFunction",), (_HANDLER_ARN,)),),
        policy=f"{PREFIX}-apigw-ig-invoke-handler",
    ),
    RoleSpec(
        handle="ROLE_DDB_IG_IDEMPOTENCY_RW",
        name=f"{PREFIX}-ddb-ig-idempotency-rw",
        services=("lambda.amazonaws.com",),
        grants=(Grant(_TABLE_RW, (_TABLE_ARN,)),),
        policy=f"{PREFIX}-ddb-ig-idempotency-rw-table",
    ),
    RoleSpec(
        handle="ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
        name=f"{PREFIX}-stepfunctions-orchestrator",
        services=("states.amazonaws.com",),
    ),
    _irsa("ig", "IG", "ingress"),
    _irsa("rtdl", "RTDL", "rtdl"),
    _irsa("decision-lane", "DECISION_LANE", "rtdl"),
    _irsa("case-labels", "CASE_LABELS", "case-labels"),
    _irsa("obs-gov", "OBS_GOV", "obs-gov"),
    RoleSpec(
        handle="ROLE_SAGEMAKER_EXECUTION",
        name=f"{PREFIX}-sagemaker-execution",
        services=("sagemaker.amazonaws.com",),
    ),
    RoleSpec(
        handle="ROLE_DATABRICKS_CROSS_ACCOUNT_ACCESS",
        name=f"{PREFIX}-databricks-cross-account-access",
        account_principal=True,
    ),
    RoleSpec(
        handle="ROLE_MWAA_EXECUTION",
        name=f"{PREFIX}-mwaa-execution",
        services=("airflow.amazonaws.com", "airflow-env.amazonaws.com"),
    ),
)

ROLE_SPECS: Mapping[str, RoleSpec] = MappingProxyType({spec.handle: spec for spec in _SPECS})
"""Every role of the platform, by the handle of its ARN."""


def trust_document(spec: RoleSpec, account: str, issuer: str = "") -> dict[str, Any]:
    """The trust policy of a role.

    Args:
        spec: The role.
        account: The account that it lies in.
        issuer: The cluster's OIDC issuer without scheme, for a role of a service account.
    """
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    if spec.web_identity is not None:
        statement |= {
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
            "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": spec.web_identity.subject}},
        }
    elif spec.account_principal:
        statement["Principal"] = {"AWS": f"arn:aws:iam::{account}:root"}
    else:
        services = list(spec.services)
        statement["Principal"] = {"Service": services[0] if len(services) == 1 else services}
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_document(spec: RoleSpec, region: str, account: str) -> dict[str, Any]:
    """The inline policy of a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(grant.actions),
                "Resource": [
                    text.replace("{region}", region).replace("{account}", account) for text in grant.resources
                ],
            }
            for grant in spec.grants
        ],
    }
