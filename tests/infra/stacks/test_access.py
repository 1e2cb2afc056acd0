"""Who may do what in an account of dev_full: roles, their trust and grants, parameters and secrets."""

from __future__ import annotations

import re

import pytest

from infra.roles import ROLE_SPECS
from infra.stacks import describe_all
from tests.infra.stacks.names import ACCOUNT, NAME, parameters, value_of


def test_parameters_have_their_types(built) -> None:
    assert parameters(built.clients) == {
        "msk/bootstrap_brokers": "SecureString",
        "ig/api_key": "SecureString",
        "databricks/workspace_url": "String",
        "databricks/token": "SecureString",
        "mlflow/tracking_uri": "String",
        "sagemaker/model_exec_role_arn": "String",
        "mwaa/webserver_url": "String",
        "aurora/endpoint": "String",
        "aurora/reader_endpoint": "String",
        "aurora/username": "String",
        "aurora/password": "SecureString",
        "redis/endpoint": "String",
    }


def test_parameters_have_values_of_valid_form(built) -> None:
    host = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
    forms = {
        "aurora/endpoint": host,
        "aurora/reader_endpoint": host,
        "redis/endpoint": host + r":\d+",
        "aurora/username": r"\w+",
        "databricks/workspace_url": f"https://{host}",
        "mlflow/tracking_uri": f"https://{host}",
        "mwaa/webserver_url": f"https://{host}",
        "sagemaker/model_exec_role_arn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}-sagemaker-execution",
        "msk/bootstrap_brokers": re.escape(built.handles["MSK_BOOTSTRAP_BROKERS_SASL_IAM"]),
    }
    wrong = {name for name, form in forms.items() if not re.fullmatch(form, value_of(built.clients, name))}
    assert wrong == set()


def test_secrets_are_random_and_stand_in_no_result(built) -> None:
    secrets = [value_of(built.clients, name) for name in ("ig/api_key", "databricks/token", "aurora/password")]
    assert len(set(secrets)) == 3
    assert min(map(len, secrets)) >= 40
    shown = repr(built.results) + repr(describe_all(built.clients))
    assert [secret in shown for secret in secrets] == [False] * 3


# Who may assume each role, its managed policies, and what its own policy allows: actions and resources.
ROLES = {
    "eks-nodegroup": (
        "ec2",
        ["AmazonEC2ContainerRegistryReadOnly", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"],
        [],
    ),
    "runtime-platform-base": ("eks", ["AmazonEKSClusterPolicy"], []),
    "flink-execution": (
        "kinesisanalytics",
        [],
        [("kafka-cluster:", f"/{NAME}-msk/*"), ("ssm:GetParameter", ":parameter/fraud-platform/dev_full/msk/")],
    ),
    "lambda-ig-execution": (
        "lambda",
        ["AWSLambdaBasicExecutionRole"],
        [
            ("dynamodb:", f":table/{NAME}-ig-idempotency"),
            ("ssm:GetParameter", ":parameter/fraud-platform/dev_full/ig/api_key"),
            ("sqs:SendMessage", f":{NAME}-ig-dlq"),
        ],
    ),
    "apigw-ig-invoke": ("apigateway", [], [("lambda:InvokeFunction", f":function:{NAME}-ig-handler")]),
    "ddb-ig-idempotency-rw": ("lambda", [], [("dynamodb:", f":table/{NAME}-ig-idempotency")]),
    "stepfunctions-orchestrator": ("states", [], []),
    "sagemaker-execution": ("sagemaker", [], []),
    "mwaa-execution": ("airflow-env airflow", [], []),
}


def statements(clients, role: str) -> list[dict]:
    iam = clients.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return [statement for document in documents for statement in document["Statement"]]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_trusted_by_its_service_and_granted_what_it_needs(built, role) -> None:
    services, managed, grants = ROLES[role]
    iam = built.clients.client("iam")
    found = iam.get_role(RoleName=f"{NAME}-{role}")["Role"]
    (trust,) = found["AssumeRolePolicyDocument"]["Statement"]
    named = trust["Principal"]["Service"]
    assert trust["Action"] == "sts:AssumeRole"
    assert sorted([named] if isinstance(named, str) else named) == [
        f"{service}.amazonaws.com" for service in services.split()
    ]
    attached = iam.list_attached_role_policies(RoleName=f"{NAME}-{role}")["AttachedPolicies"]
    assert sorted(policy["PolicyName"] for policy in attached) == managed
    granted = statements(built.clients, f"{NAME}-{role}")
    assert len(granted) == len(grants)
    for statement, (action, resource) in zip(granted, grants, strict=True):
        assert statement["Effect"] == "Allow"
        assert all(item.startswith(action) and "*" not in item for item in statement["Action"])
        assert all(resource in item for item in statement["Resource"])


@pytest.mark.parametrize(
    ("role", "namespace"),
    [
        ("ig", "fraud-platform-ingress"),
        ("rtdl", "fraud-platform-rtdl"),
        ("decision-lane", "fraud-platform-rtdl"),
        ("case-labels", "fraud-platform-case-labels"),
        ("obs-gov", "fraud-platform-obs-gov"),
    ],
)
def test_a_service_account_assumes_its_role_through_the_cluster_and_reads_parameters(built, role, namespace) -> None:
    name = f"{NAME}-irsa-{role}"
    iam = built.clients.client("iam")
    (trust,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    issuer = provider["Arn"].partition("oidc-provider/")[2]
    assert trust == {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider["Arn"]},
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": f"system:serviceaccount:{namespace}:{role}",
            }
        },
    }
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == [f"{name}-ssm-read"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    (statement,) = statements(built.clients, name)
    assert sorted(statement["Action"]) == ["ssm:GetParameter", "ssm:GetParameters"]
    assert statement["Resource"] == [f"arn:aws:ssm:eu-west-2:{ACCOUNT}:parameter/fraud-platform/dev_full/*"]


def test_the_data_platform_is_trusted_as_a_principal_of_the_account(built) -> None:
    iam = built.clients.client("iam")
    found = iam.get_role(RoleName=f"{NAME}-databricks-cross-account-access")["Role"]
    (trust,) = found["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert statements(built.clients, f"{NAME}-databricks-cross-account-access") == []


def test_there_is_no_role_beyond_those_of_the_specs(built) -> None:
    listed = built.clients.client("iam").list_roles()["Roles"]
    assert {role["RoleName"] for role in listed} == {spec.name for spec in ROLE_SPECS.values()}
    assert {role["Arn"] for role in listed} == {
        value for name, value in built.handles.items() if name.startswith("ROLE_")
    }
