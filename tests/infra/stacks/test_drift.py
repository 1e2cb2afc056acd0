"""What somebody changed by hand is described, setting by setting, and repaired by ensuring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.clients import Clients
from infra.stacks import StackResult, delete_all, describe_all, ensure_all

NAME = "fraud-platform-dev-full"
ROOT = "/fraud-platform/dev_full"
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class World:
    """A world to change by hand."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        results = ensure_all(clients)
        self.outputs = {name: value for result in results for name, value in result.outputs.items()}

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def bucket(self, role: str) -> str:
        return str(self.outputs["s3_bucket_names"][role])

    def drift(self) -> dict[str, list[str]]:
        states = describe_all(self.clients)
        return {
            address: [item.setting for item in state.drift]
            for address, state in states.items()
            if state.presence == "drifted"
        }


@pytest.fixture(scope="module")
def changed(shared_substrate) -> Iterator[World]:
    """One world for all changes: each test finds it whole and leaves it whole."""
    clients = shared_substrate.clients(shared_substrate.worlds.fresh_account())
    yield World(clients)
    clients.close()


def api(world: World, operation: str, **arguments: Any) -> Any:
    return getattr(world.client("apigatewayv2"), operation)(ApiId=world.outputs["apigw_ig_api_id"], **arguments)


def stop_rotation(world: World) -> None:
    world.client("kms").disable_key_rotation(KeyId=world.outputs["kms_key_arn"])


def suspend_versions(world: World) -> None:
    world.client("s3").put_bucket_versioning(
        Bucket=world.bucket("artifacts"), VersioningConfiguration={"Status": "Suspended"}
    )


def open_bucket(world: World) -> None:
    world.client("s3").delete_public_access_block(Bucket=world.bucket("object_store"))


def unown_bucket(world: World) -> None:
    world.client("s3").delete_bucket_ownership_controls(Bucket=world.bucket("evidence"))


def unencrypt_bucket(world: World) -> None:
    world.client("s3").delete_bucket_encryption(Bucket=world.bucket("evidence"))


def untag_bucket(world: World) -> None:
    world.client("s3").delete_bucket_tagging(Bucket=world.bucket("evidence"))


def hide_hosts(world: World) -> None:
    world.client("ec2").modify_vpc_attribute(VpcId=world.outputs["vpc_id"], EnableDnsHostnames={"Value": False})


def publish_subnet(world: World) -> None:
    world.client("ec2").modify_subnet_attribute(
        SubnetId=world.outputs["private_subnet_ids"][0], MapPublicIpOnLaunch={"Value": True}
    )


def open_port(world: World) -> None:
    world.client("ec2").authorize_security_group_ingress(
        GroupId=world.outputs["msk_security_group_id"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        ],
    )


def close_egress(world: World) -> None:
    world.client("ec2").revoke_security_group_egress(
        GroupId=world.outputs["msk_security_group_id"],
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )


def table_of(world: World, name: str) -> dict[str, Any]:
    filters = [{"Name": "tag:Name", "Values": [f"{NAME}-{name}-rt"]}]
    return world.client("ec2").describe_route_tables(Filters=filters)["RouteTables"][0]


def lose_route(world: World) -> None:
    world.client("ec2").delete_route(
        RouteTableId=table_of(world, "public")["RouteTableId"], DestinationCidrBlock="0.0.0.0/0"
    )


def lose_association(world: World) -> None:
    association = table_of(world, "private")["Associations"][0]["RouteTableAssociationId"]
    world.client("ec2").disassociate_route_table(AssociationId=association)


def detach_gateway(world: World) -> None:
    ec2 = world.client("ec2")
    filters = [{"Name": "tag:Name", "Values": [f"{NAME}-igw"]}]
    gateway = ec2.describe_internet_gateways(Filters=filters)["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=world.outputs["vpc_id"])


def widen_role(world: World) -> None:
    world.client("iam").put_role_policy(
        RoleName=f"{NAME}-irsa-ig", PolicyName="by-hand", PolicyDocument=str(OPEN).replace("'", '"')
    )


def narrow_role(world: World) -> None:
    name = f"{NAME}-lambda-ig-execution"
    world.client("iam").delete_role_policy(RoleName=name, PolicyName=f"{name}-runtime")


def attach_admin(world: World) -> None:
    world.client("iam").attach_role_policy(
        RoleName=f"{NAME}-stepfunctions-orchestrator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )


def trust_anyone(world: World) -> None:
    world.client("iam").update_assume_role_policy(
        RoleName=f"{NAME}-flink-execution",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},'
        ' "Action": "sts:AssumeRole"}]}',
    )


def retag_role(world: World) -> None:
    world.client("iam").tag_role(RoleName=f"{NAME}-mwaa-execution", Tags=[{"Key": "env", "Value": "prod"}])


def shrink_function(world: World) -> None:
    world.client("lambda").update_function_configuration(FunctionName=f"{NAME}-ig-handler", MemorySize=128, Timeout=3)


def open_auth(world: World) -> None:
    world.client("lambda").update_function_configuration(
        FunctionName=f"{NAME}-ig-handler", Environment={"Variables": {"IG_AUTH_MODE": "none"}}
    )


def replace_code(world: World) -> None:
    world.client("lambda").update_function_code(FunctionName=f"{NAME}-ig-handler", ZipFile=b"by hand")


def throttle_to_nothing(world: World) -> None:
    world.client("lambda").put_function_concurrency(FunctionName=f"{NAME}-ig-handler", ReservedConcurrentExecutions=0)


def shorten_integration(world: World) -> None:
    (item,) = api(world, "get_integrations")["Items"]
    api(world, "update_integration", IntegrationId=item["IntegrationId"], TimeoutInMillis=29_000)


def misdirect_route(world: World) -> None:
    (item,) = [route for route in api(world, "get_routes")["Items"] if route["RouteKey"] == "GET /ops/health"]
    api(world, "update_route", RouteId=item["RouteId"], Target="integrations/nowhere")


def loosen_throttle(world: World) -> None:
    api(world, "update_stage", StageName="v1", DefaultRouteSettings={"ThrottlingRateLimit": 9000.0})


def redefine_machine(world: World) -> None:
    world.client("stepfunctions").update_state_machine(
        stateMachineArn=world.outputs["sfn_platform_run_orchestrator_arn"],
        definition='{"StartAt": "Other", "States": {"Other": {"Type": "Pass", "End": true}}}',
    )


def keep_logs_forever(world: World) -> None:
    world.client("logs").delete_retention_policy(logGroupName=world.outputs["cloudwatch_runtime_bootstrap_log_group"])


def stale_brokers(world: World) -> None:
    world.client("ssm").put_parameter(
        Name=f"{ROOT}/msk/bootstrap_brokers", Type="SecureString", Value="b-1.gone.example:9098", Overwrite=True
    )


def loosen_schema(world: World) -> None:
    world.client("glue").update_schema(
        SchemaId={"SchemaName": "fp-bus-control-v1-envelope", "RegistryName": NAME},
        Compatibility="NONE",
        SchemaVersionNumber={"LatestVersion": True},
    )


def disable_ttl(world: World) -> None:
    world.client("dynamodb").update_time_to_live(
        TableName=f"{NAME}-ig-idempotency", TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl_epoch"}
    )


def other_fingerprint(world: World) -> None:
    iam = world.client("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=provider["Arn"], ThumbprintList=["a" * 40])


CHANGES: dict[Callable[[World], None], dict[str, list[str]]] = {
    stop_rotation: {"core.key": ["rotation"]},
    suspend_versions: {"core.artifacts": ["versioning"]},
    open_bucket: {"core.object_store": ["public_access_block"]},
    unown_bucket: {"core.evidence": ["ownership"]},
    unencrypt_bucket: {"core.evidence": ["encryption"]},
    untag_bucket: {"core.evidence": ["tags"]},
    hide_hosts: {"core.vpc": ["dns_hostnames"]},
    publish_subnet: {"core.private_01": ["public_ip"]},
    open_port: {"core.msk_client": ["ingress"]},
    close_egress: {"core.msk_client": ["egress"]},
    lose_route: {"core.public_rt": ["default_route"]},
    lose_association: {"core.private_rt": ["subnets"]},
    detach_gateway: {"core.igw": ["attached_to"]},
    widen_role: {"runtime.ROLE_EKS_IRSA_IG": ["policies"]},
    narrow_role: {"runtime.ROLE_LAMBDA_IG_EXECUTION": ["policies"]},
    attach_admin: {"runtime.ROLE_STEP_FUNCTIONS_ORCHESTRATOR": ["managed_policies"]},
    trust_anyone: {"runtime.ROLE_FLINK_EXECUTION": ["trust"]},
    retag_role: {"ops.ROLE_MWAA_EXECUTION": ["tags"]},
    shrink_function: {"runtime.handler": ["MemorySize", "Timeout"]},
    open_auth: {"runtime.handler": ["Environment"]},
    replace_code: {"runtime.handler": ["CodeSha256"]},
    throttle_to_nothing: {"runtime.handler": ["ReservedConcurrentExecutions"]},
    shorten_integration: {"runtime.integration": ["TimeoutInMillis"]},
    misdirect_route: {"runtime.route_health": ["Target"]},
    loosen_throttle: {"runtime.stage": ["throttle"]},
    redefine_machine: {"runtime.orchestrator": ["definition"]},
    keep_logs_forever: {"ops.log_group": ["retention_days"]},
    stale_brokers: {"streaming.bootstrap_brokers": ["value_is_current"]},
    loosen_schema: {"streaming.control_envelope": ["compatibility"]},
    disable_ttl: {"runtime.table": ["ttl"]},
    other_fingerprint: {"runtime.oidc": ["thumbprints"]},
}


def test_every_change_by_hand_is_described_as_drift_of_that_setting_alone_and_repaired(changed) -> None:
    expected: dict[str, list[str]] = {}
    for change, drift in CHANGES.items():
        change(changed)
        for address, settings in drift.items():
            expected[address] = sorted(expected.get(address, []) + settings)
    assert changed.drift() == expected
    results = ensure_all(changed.clients)
    assert [(result.stack, result.error) for result in results if result.error] == []
    assert sum(result.repaired for result in results) == len(expected)
    assert sum(result.created for result in results) == 0
    assert changed.drift() == {}


def test_a_seed_that_was_replaced_and_a_rotated_secret_are_no_drift(changed) -> None:
    ssm = changed.client("ssm")
    ssm.put_parameter(Name=f"{ROOT}/aurora/endpoint", Type="String", Value="real.example.com", Overwrite=True)
    ssm.put_parameter(Name=f"{ROOT}/ig/api_key", Type="SecureString", Value="rotated", Overwrite=True)
    assert changed.drift() == {}
    ensure_all(changed.clients)
    assert ssm.get_parameter(Name=f"{ROOT}/aurora/endpoint")["Parameter"]["Value"] == "real.example.com"
    assert ssm.get_parameter(Name=f"{ROOT}/ig/api_key", WithDecryption=True)["Parameter"]["Value"] == "rotated"


def test_drift_says_how_a_setting_is_and_should_be_but_never_a_secret(changed) -> None:
    stale_brokers(changed)
    shorten_integration(changed)
    states = describe_all(changed.clients)
    ensure_all(changed.clients)
    (brokers,) = states["streaming.bootstrap_brokers"].drift
    (integration,) = states["runtime.integration"].drift
    assert str(brokers) == "value_is_current is False, not True"
    assert str(integration) == "TimeoutInMillis is 29000, not 30000"
    assert "b-1.gone.example" not in repr(states)


def of(results: list[StackResult], stack: str) -> StackResult:
    return next(result for result in results if result.stack == stack)


def test_what_only_creation_can_give_fails_its_stack_with_the_way_out(changed) -> None:
    ssm = changed.client("ssm")
    ssm.delete_parameter(Name=f"{ROOT}/aurora/password")
    ssm.put_parameter(Name=f"{ROOT}/aurora/password", Type="String", Value="plain-text-by-hand")
    assert changed.drift() == {"ops.aurora_password": ["tags", "type"]}
    ops = of(ensure_all(changed.clients, stacks=["ops"]), "ops")
    assert ops.status == "FAIL"
    assert "type is 'String', not 'SecureString'" in ops.error
    assert "take the stack ops down and bring it up again" in ops.error
    assert "plain-text-by-hand" not in ops.error
    delete_all(changed.clients, stacks=["ops"])
    assert of(ensure_all(changed.clients, stacks=["ops"]), "ops").status == "PASS"
    assert changed.drift() == {}


def test_an_evidence_bucket_without_object_lock_is_not_taken_for_the_platforms(changed) -> None:
    s3 = changed.client("s3")
    bucket = changed.bucket("evidence")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    core = of(ensure_all(changed.clients), "core")
    assert core.status == "FAIL"
    assert "object_lock is False, not True" in core.error
    assert changed.drift() == {"core.evidence": ["object_lock"]}
    s3.delete_bucket(Bucket=bucket)
    assert of(ensure_all(changed.clients), "core").status == "PASS"


def test_a_resource_whose_need_is_gone_has_drifted_and_what_was_found_through_it_is_absent(fresh) -> None:
    world = World(fresh)
    world.client("lambda").delete_function(FunctionName=f"{NAME}-ig-handler")
    states = describe_all(fresh)
    assert {address for address, state in states.items() if state.presence == "absent"} == {
        "runtime.handler",
        "runtime.permission",
        "runtime.integration",
    }
    assert {address: [str(item) for item in states[address].drift] for address in ("runtime.route_ingest",)} == {
        "runtime.route_ingest": ["needs is None, not 'runtime.integration'"]
    }
    runtime = of(ensure_all(fresh), "runtime")
    assert (runtime.status, runtime.created, runtime.repaired) == ("PASS", 2, 0)
    assert world.drift() == {}
