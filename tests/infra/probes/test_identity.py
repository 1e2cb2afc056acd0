"""Roles read back from IAM: as they were built they hold; whatever is taken, added or widened is named as drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.lanes import LANES
from infra.probes.identity import RoleFacts, read_back_roles
from infra.probes.secret_paths import intended_readers, read_secret_paths, readers
from infra.roles import ROLE_SPECS

ROLES = [name for lane in LANES for name in lane.roles]
SECRETS = [secret for lane in LANES for secret in lane.secrets]
PREFIX = "fraud-platform-dev-full"
PARAMETERS = "/fraud-platform/dev_full"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
VPC = "arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"


def read(world: Any, *handles: str) -> dict[str, RoleFacts]:
    return read_back_roles(world.clients, {name: world.handles[name] for name in handles or ROLES})


def drift(world: Any, handle: str) -> tuple[str, ...]:
    return read(world, handle)[handle].drift


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@contextmanager
def inline(world: Any, role: str, policy: str, *statements: dict[str, Any]) -> Iterator[None]:
    """An inline policy beside those that the role has, taken away again."""
    iam = world.clients.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document(*statements))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)


@contextmanager
def replaced(world: Any, role: str, policy: str, *statements: dict[str, Any]) -> Iterator[None]:
    """An inline policy of the role with other statements, put back again."""
    iam = world.clients.client("iam")
    before = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document(*statements))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(before))


@contextmanager
def trusting(world: Any, role: str, *statements: dict[str, Any]) -> Iterator[None]:
    """A role with another trust, put back again."""
    iam = world.clients.client("iam")
    before = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=document(*statements))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(before))


def trust_of(world: Any, role: str) -> dict[str, Any]:
    found = world.clients.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return dict(found["Statement"][0])


def test_the_eleven_roles_are_what_their_lanes_need(world: Any) -> None:
    facts = read(world)
    assert list(facts) == sorted(ROLES)
    assert len(facts) == 11
    assert {handle: found.drift for handle, found in facts.items() if found.drift} == {}
    assert all(found.exists and found.arn == world.handles[handle] for handle, found in facts.items())


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (allow("*", "*"), "* on *"),
        (allow("iam:*", "*"), "iam:* on *"),
        (allow("ssm:GetParameter", "*"), "ssm:GetParameter on *"),
        (
            {"Effect": "Allow", "NotAction": "iam:CreateUser", "Resource": "*"},
            "everything but iam:CreateUser on *",
        ),
    ],
)
def test_an_inline_statement_that_does_more_is_named(world: Any, statement: dict[str, Any], what: str) -> None:
    with inline(world, f"{PREFIX}-irsa-ig", "extra", allow("ssm:GetParameter", _parameters(world)), statement):
        found = drift(world, "ROLE_EKS_IRSA_IG")
    assert found == (f"it allows {what} (inline policy extra, statement 2), which its lane does not grant",)


def _parameters(world: Any) -> str:
    return f"arn:aws:ssm:{world.clients.region}:{world.clients.account_id}:parameter{PARAMETERS}/ig/*"


def test_a_managed_policy_beyond_the_spec_is_named_with_what_it_allows(world: Any) -> None:
    iam, role = world.clients.client("iam"), f"{PREFIX}-flink-execution"
    iam.attach_role_policy(RoleName=role, PolicyArn=ADMIN)
    try:
        found = drift(world, "ROLE_FLINK_EXECUTION")
    finally:
        iam.detach_role_policy(RoleName=role, PolicyArn=ADMIN)
    assert found == (
        f"managed policy {ADMIN} is attached and its lane does not grant it",
        f"it allows * on * (managed policy {ADMIN}, statement 1), which its lane does not grant",
    )


def test_a_managed_policy_that_goes_missing_or_is_replaced_by_a_namesake_is_named(world: Any) -> None:
    iam, role = world.clients.client("iam"), f"{PREFIX}-runtime-platform-base"
    pinned = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    text = document(allow("ec2:Describe*", "*"))
    own = iam.create_policy(PolicyName="AmazonEKSClusterPolicy", PolicyDocument=text)["Policy"]["Arn"]
    iam.detach_role_policy(RoleName=role, PolicyArn=pinned)
    iam.attach_role_policy(RoleName=role, PolicyArn=own)
    try:
        found = drift(world, "ROLE_EKS_RUNTIME_PLATFORM_BASE")
    finally:
        iam.detach_role_policy(RoleName=role, PolicyArn=own)
        iam.attach_role_policy(RoleName=role, PolicyArn=pinned)
        iam.delete_policy(PolicyArn=own)
    assert found == (
        f"managed policy {own} is attached and its lane does not grant it",
        f"managed policy {pinned} is not attached",
        f"it allows ec2:Describe* on * (managed policy {own}, statement 1), which its lane does not grant",
    )


def test_a_managed_policy_whose_name_begins_like_a_pinned_one_is_no_pinned_one(own_world: Any) -> None:
    iam, role = own_world.clients.client("iam"), f"{PREFIX}-runtime-platform-base"
    arn = iam.create_policy(PolicyName="AmazonEKSClusterPolicyPlus", PolicyDocument=document(allow("s3:*", "*")))
    iam.attach_role_policy(RoleName=role, PolicyArn=arn["Policy"]["Arn"])
    assert any("it allows s3:* on *" in text for text in drift(own_world, "ROLE_EKS_RUNTIME_PLATFORM_BASE"))


def test_a_grant_that_is_missing_narrowed_or_denied_is_named(world: Any) -> None:
    role, policy = f"{PREFIX}-ddb-ig-idempotency-rw", f"{PREFIX}-ddb-ig-idempotency-rw-table"
    account, region = world.clients.account_id, world.clients.region
    table = f"arn:aws:dynamodb:{region}:{account}:table/{PREFIX}-ig-idempotency"
    rest = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query"]
    with replaced(world, role, policy, allow(rest, table)):
        assert drift(world, "ROLE_DDB_IG_IDEMPOTENCY_RW") == (f"it lacks dynamodb:GetItem on {table}",)
    with inline(world, role, "stop", {"Effect": "Deny", "Action": "dynamodb:Get*", "Resource": "*"}):
        assert drift(world, "ROLE_DDB_IG_IDEMPOTENCY_RW") == (
            f"it lacks dynamodb:GetItem on {table} (denied by inline policy stop, statement 1)",
        )
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    with replaced(world, role, policy, allow(["dynamodb:GetItem", *rest], table, Condition=condition)):
        found = drift(world, "ROLE_DDB_IG_IDEMPOTENCY_RW")
    assert len(found) == 5
    assert all("allowed under a condition by inline policy" in text for text in found)


def test_trust_in_anybody_in_another_service_and_in_another_account_is_named(world: Any) -> None:
    role = f"{PREFIX}-apigw-ig-invoke"
    ours = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "apigateway.amazonaws.com"}}
    with trusting(world, role, ours, ours | {"Principal": {"AWS": "*"}}):
        assert drift(world, "ROLE_APIGW_IG_INVOKE") == (
            "its trust is wider than its lane needs: anybody (*) may sts:AssumeRole",
        )
    with trusting(world, role, ours | {"Principal": {"Service": "ec2.amazonaws.com"}}):
        wider, narrower = drift(world, "ROLE_APIGW_IG_INVOKE")
    assert wider == "its trust is wider than its lane needs: Service ec2.amazonaws.com may sts:AssumeRole"
    assert narrower.endswith(
        "narrower than its lane needs: not so that Service apigateway.amazonaws.com may sts:AssumeRole"
    )
    with trusting(world, role, ours | {"Principal": {"Service": ["apigateway.amazonaws.com"]}, "Sid": "other"}):
        assert drift(world, "ROLE_APIGW_IG_INVOKE") == ()


@pytest.mark.parametrize("part", ["aud", "sub"])
def test_a_service_accounts_role_needs_both_conditions(world: Any, part: str) -> None:
    role = f"{PREFIX}-irsa-rtdl"
    statement = trust_of(world, role)
    kept = {key: value for key, value in statement["Condition"]["StringEquals"].items() if not key.endswith(part)}
    with trusting(world, role, statement | {"Condition": {"StringEquals": kept}}):
        found = drift(world, "ROLE_EKS_IRSA_RTDL")
    assert len(found) == 2
    assert "wider than its lane needs" in found[0]


def test_a_service_accounts_role_trusts_exactly_its_account_of_exactly_its_cluster(world: Any) -> None:
    role = f"{PREFIX}-irsa-rtdl"
    statement = trust_of(world, role)
    texts = json.dumps(statement)
    for old, new in (
        ("serviceaccount:fraud-platform-rtdl:rtdl", "serviceaccount:fraud-platform-rtdl:*"),
        ("serviceaccount:fraud-platform-rtdl:rtdl", "serviceaccount:kube-system:rtdl"),
        ("StringEquals", "StringLike"),
        ("oidc.eks", "oidc.elsewhere"),
    ):
        assert old in texts
        with trusting(world, role, json.loads(texts.replace(old, new))):
            assert drift(world, "ROLE_EKS_IRSA_RTDL"), new
    assert drift(world, "ROLE_EKS_IRSA_RTDL") == ()


def test_without_the_clusters_identity_provider_no_service_account_can_be_trusted(own_world: Any) -> None:
    iam = own_world.clients.client("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arn = provider["Arn"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    url = f"https://{arn.partition('oidc-provider/')[2]}"
    iam.create_open_id_connect_provider(Url=url, ClientIDList=["elsewhere"], ThumbprintList=["0" * 40])
    assert drift(own_world, "ROLE_EKS_IRSA_IG") == (
        "the cluster's identity provider does not accept the audience sts.amazonaws.com",
    )
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    facts = read(own_world)
    bound = [handle for handle, found in facts.items() if found.drift]
    assert bound == sorted(handle for handle in ROLES if handle.startswith("ROLE_EKS_IRSA"))
    (text,) = facts["ROLE_EKS_IRSA_IG"].drift
    assert text.startswith(f"its trust cannot be checked: the identity provider of cluster {PREFIX}: NOT_FOUND: ")


def test_a_role_that_is_gone_or_of_another_name_or_account_is_named(world: Any) -> None:
    account = world.clients.account_id
    for value, said in (
        (f"arn:aws:iam::{account}:role/gone", "it cannot be read back: NOT_FOUND: GetRole: NoSuchEntity"),
        (f"arn:aws:iam::{account}:role/{PREFIX}-irsa-ig", f"it is role {PREFIX}-irsa-ig; its lane binds"),
        (f"arn:aws:iam::999999999999:role/{PREFIX}-flink-execution", "the role of this name is arn:aws:iam::9"),
        ("arn:aws:iam::user/nobody", "which is not the ARN of a role"),
    ):
        facts = read_back_roles(world.clients, {"ROLE_FLINK_EXECUTION": value})["ROLE_FLINK_EXECUTION"]
        assert any(said in text for text in facts.drift), facts
        assert facts.exists is (value.endswith("irsa-ig"))


def test_a_role_that_no_lane_defines_is_drift(world: Any) -> None:
    arn = world.handles["ROLE_FLINK_EXECUTION"]
    facts = read_back_roles(world.clients, {"ROLE_OF_NOBODY": arn})["ROLE_OF_NOBODY"]
    assert facts.drift == ("no lane defines what this role may do",)
    assert read_back_roles(world.clients, {}) == {}


def test_a_permissions_boundary_is_drift(own_world: Any) -> None:
    iam = own_world.clients.client("iam")
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=document(allow("s3:*", "*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=f"{PREFIX}-irsa-ig", PermissionsBoundary=boundary)
    assert drift(own_world, "ROLE_EKS_IRSA_IG") == (f"permissions boundary {boundary} limits it; its lane has none",)


@pytest.mark.parametrize("operation", ["GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy"])
def test_what_iam_does_not_tell_is_drift(world: Any, operation: str) -> None:
    with world.fault(service="iam", operation=operation, status=403):
        facts = read(world, "ROLE_FLINK_EXECUTION")["ROLE_FLINK_EXECUTION"]
    assert not facts.exists
    (text,) = facts.drift
    assert text.startswith(f"it cannot be read back: ACCESS_DENIED: {operation}: AccessDenied (HTTP 403)")


def test_what_the_cluster_does_not_tell_is_drift_of_its_service_accounts_alone(world: Any) -> None:
    with world.fault(service="eks", status=403):
        facts = read(world, "ROLE_FLINK_EXECUTION", "ROLE_EKS_IRSA_IG")
    assert facts["ROLE_FLINK_EXECUTION"].drift == ()
    (text,) = facts["ROLE_EKS_IRSA_IG"].drift
    assert "ACCESS_DENIED" in text


def test_an_iam_that_hangs_is_drift_within_the_bound(world: Any) -> None:
    arn = world.handles["ROLE_FLINK_EXECUTION"]
    with world.fault(kind="delay", service="iam", operation="GetRole", delay_seconds=1.0):
        facts = read_back_roles(world.clients, {"ROLE_FLINK_EXECUTION": arn}, timeout_s=0.2)["ROLE_FLINK_EXECUTION"]
    assert facts.drift == ("it cannot be read back: TIMEOUT: DeadlineError: no end within 0.2 s",)


def test_the_seven_secret_paths_are_described_and_read_by_whom_they_should_be(world: Any) -> None:
    facts = read_secret_paths(world.clients, [secret.path for secret in SECRETS])
    assert {path: found.type for path, found in facts.items()} == {secret.path: secret.type for secret in SECRETS}
    assert {found.error for found in facts.values()} == {""}
    roles = read(world)
    where = (world.clients.region, world.clients.account_id)
    for lane in LANES:
        for secret in lane.secrets:
            intended = intended_readers(secret.path, lane.roles, *where)
            assert intended
            assert readers(secret.path, {name: roles[name] for name in lane.roles}, *where) == intended
    assert intended_readers(f"{PARAMETERS}/ig/api_key", ROLE_SPECS, *where)[-1] == "ROLE_LAMBDA_IG_EXECUTION"


def test_a_missing_and_a_retyped_path_are_seen_and_no_value_is_asked_for(own_world: Any) -> None:
    ssm = own_world.clients.client("ssm")
    ssm.delete_parameters(Names=[f"{PARAMETERS}/aurora/password", f"{PARAMETERS}/redis/endpoint"])
    ssm.put_parameter(Name=f"{PARAMETERS}/aurora/password", Type="String", Value="planted-value")
    paths = [secret.path for secret in SECRETS]
    with own_world.fault(service="ssm", operation="GetParameter"), own_world.fault(operation="GetParameters"):
        facts = read_secret_paths(own_world.clients, paths)
    assert facts[f"{PARAMETERS}/aurora/password"].type == "String"
    assert facts[f"{PARAMETERS}/redis/endpoint"].type is None
    assert sum(found.type is not None for found in facts.values()) == 6
    assert "planted-value" not in repr(facts)


def test_paths_that_cannot_be_described_say_why(world: Any) -> None:
    with world.fault(service="ssm", operation="DescribeParameters", status=403):
        facts = read_secret_paths(world.clients, [secret.path for secret in SECRETS])
    assert {found.type for found in facts.values()} == {None}
    assert all(found.error.startswith("ACCESS_DENIED: DescribeParameters") for found in facts.values())
    assert read_secret_paths(world.clients, []) == {}


def test_more_paths_than_one_request_holds_are_all_described(world: Any) -> None:
    wanted = [*(secret.path for secret in SECRETS), *(f"{PARAMETERS}/none/{number}" for number in range(40))]
    facts = read_secret_paths(world.clients, wanted)
    assert len(facts) == 47
    assert sum(found.type is not None for found in facts.values()) == 7


def test_a_denied_and_a_conditional_permission_read_nothing(world: Any) -> None:
    role, handle = f"{PREFIX}-lambda-ig-execution", "ROLE_LAMBDA_IG_EXECUTION"
    path, where = f"{PARAMETERS}/ig/api_key", (world.clients.region, world.clients.account_id)
    assert readers(path, read(world, handle), *where) == (handle,)
    with inline(world, role, "stop", {"Effect": "Deny", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:*/ig/*"}):
        assert readers(path, read(world, handle), *where) == ()
    assert intended_readers(path, [handle], *where) == (handle,)
    assert intended_readers(path, ["ROLE_APIGW_IG_INVOKE", "ROLE_OF_NOBODY"], *where) == ()
