"""Worlds are apart, and every gap of the emulator that the platform meets is closed, as seen through boto3."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess
from infra.names import SUBSTRATE_CODES, UNSUPPORTED

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def cluster_arn(clients: Clients, name: str = "stream") -> str:
    vpc_config = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    serverless = {"VpcConfigs": [vpc_config], "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}}
    answer = clients.client("kafka").create_cluster_v2(ClusterName=name, Serverless=serverless)
    return str(answer["ClusterArn"])


def role_arn(clients: Clients, name: str) -> str:
    made = clients.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return str(made["Role"]["Arn"])


def test_the_access_key_is_the_account(clients: Clients, account: str) -> None:
    assert clients.client("sts").get_caller_identity()["Account"] == account


def test_what_one_world_creates_no_other_sees(substrate: SubstrateProcess, clients: Clients) -> None:
    other = substrate.clients(substrate.worlds.fresh_account())
    for world in (clients, other):
        world.client("ssm").put_parameter(Name="/shared/name", Value=world.account_id, Type="String")
    clients.client("dynamodb").create_table(
        TableName="only-here",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert clients.client("ssm").get_parameter(Name="/shared/name")["Parameter"]["Value"] == clients.account_id
    assert other.client("ssm").get_parameter(Name="/shared/name")["Parameter"]["Value"] == other.account_id
    assert other.client("dynamodb").list_tables()["TableNames"] == []
    other.close()


def test_keys_that_sts_issues_stay_in_the_account_that_issued_them(clients: Clients) -> None:
    issued = clients.client("sts").assume_role(RoleArn=role_arn(clients, "assumed"), RoleSessionName="session")
    credentials = issued["Credentials"]
    sts = boto3.client(
        "sts",
        region_name=clients.region,
        endpoint_url=clients.endpoint_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    identity = sts.get_caller_identity()
    sts.close()
    assert identity["Account"] == clients.account_id
    assert ":assumed-role/assumed/session" in identity["Arn"]


def test_a_presigned_url_leads_into_the_world_that_signed_it(clients: Clients) -> None:
    s3, name = clients.client("s3"), f"presigned-{clients.account_id}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": clients.region})
    for service, operation, shown in [
        ("sts", "get_caller_identity", f"<Account>{clients.account_id}</Account>"),
        ("s3", "list_buckets", f"<Name>{name}</Name>"),
    ]:
        url = clients.client(service).generate_presigned_url(operation, HttpMethod="GET")
        with urlopen(url, timeout=5) as response:  # noqa: S310 - a loopback URL that was just signed
            assert shown in response.read().decode()


def test_an_msk_cluster_becomes_active_and_has_brokers(clients: Clients) -> None:
    kafka, arn = clients.client("kafka"), cluster_arn(clients)
    described = kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
    brokers = kafka.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"]
    assert described["State"] == "ACTIVE"
    assert re.fullmatch(rf"arn:aws:kafka:eu-west-2:{clients.account_id}:cluster/stream/[0-9a-f-]{{36}}-s1", arn)
    assert "ActiveOperationArn" not in described
    assert brokers.endswith(f".kafka-serverless.{clients.region}.amazonaws.com:9098")
    assert brokers == kafka.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringSaslIam"]


@pytest.mark.parametrize(
    "operation", ["describe_cluster", "describe_cluster_v2", "get_bootstrap_brokers", "delete_cluster"]
)
def test_a_stale_msk_arn_is_not_found(clients: Clients, operation: str) -> None:
    kafka, arn = clients.client("kafka"), cluster_arn(clients)
    kafka.delete_cluster(ClusterArn=arn)
    with pytest.raises(ClientError) as caught:
        getattr(kafka, operation)(ClusterArn=arn)
    assert code_of(caught) == (404, "NotFoundException")


def test_two_msk_clusters_of_one_name_conflict(clients: Clients) -> None:
    cluster_arn(clients)
    with pytest.raises(ClientError) as caught:
        cluster_arn(clients)
    assert code_of(caught) == (409, "ConflictException")


def test_a_stage_can_be_updated(clients: Clients) -> None:
    gateway = clients.client("apigatewayv2")
    api_id = gateway.create_api(Name="edge", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(
        ApiId=api_id,
        StageName="v1",
        AutoDeploy=True,
        DefaultRouteSettings={"ThrottlingRateLimit": 200.0, "ThrottlingBurstLimit": 400},
    )
    gateway.update_stage(ApiId=api_id, StageName="v1", DefaultRouteSettings={"ThrottlingRateLimit": 50.0})
    stage = gateway.get_stage(ApiId=api_id, StageName="v1")
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50.0, "ThrottlingBurstLimit": 400}
    assert stage["AutoDeploy"] is True
    with pytest.raises(ClientError) as caught:
        gateway.update_stage(ApiId=api_id, StageName="v2", Description="x")
    assert code_of(caught) == (404, "NotFoundException")


def test_a_state_machine_runs(clients: Clients) -> None:
    result = {"commit_authority": "step_functions_only", "phase": "P5"}
    definition = {"StartAt": "Commit", "States": {"Commit": {"Type": "Pass", "Result": result, "End": True}}}
    finished = run_machine(clients, definition)
    assert finished["status"] == "SUCCEEDED"
    assert json.loads(finished["output"]) == result


def test_a_task_of_a_state_machine_acts_in_its_own_world(clients: Clients) -> None:
    queue = clients.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody": "from the machine"},
        "End": True,
    }
    finished = run_machine(clients, {"StartAt": "Send", "States": {"Send": send}})
    assert finished["status"] == "SUCCEEDED"
    received = clients.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2)
    assert received["Messages"][0]["Body"] == "from the machine"


def run_machine(clients: Clients, definition: dict[str, object]) -> dict[str, str]:
    machines = clients.client("stepfunctions")
    machine = machines.create_state_machine(
        name="machine", definition=json.dumps(definition), roleArn=role_arn(clients, "orchestrator")
    )["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine, name="one", input="{}")["executionArn"]
    deadline = time.monotonic() + 10
    while (found := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(found)


@pytest.mark.parametrize(
    "policy", ["AmazonEKSWorkerNodePolicy", "AmazonEKSClusterPolicy", "service-role/AWSLambdaBasicExecutionRole"]
)
def test_an_aws_managed_policy_can_be_attached(clients: Clients, policy: str) -> None:
    iam, arn = clients.client("iam"), f"arn:aws:iam::aws:policy/{policy}"
    role_arn(clients, "role")
    iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [arn]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"] == []


@pytest.mark.parametrize("policy", ["NoSuchPolicy", "wrong-path/AmazonEKSClusterPolicy"])
def test_a_managed_policy_that_aws_does_not_have_cannot_be_attached(clients: Clients, policy: str) -> None:
    iam, arn = clients.client("iam"), f"arn:aws:iam::aws:policy/{policy}"
    role_arn(clients, "role")
    with pytest.raises(ClientError) as attaching:
        iam.attach_role_policy(RoleName="role", PolicyArn=arn)
    with pytest.raises(ClientError) as reading:
        iam.get_policy(PolicyArn=arn)
    assert code_of(attaching) == code_of(reading) == (404, "NoSuchEntity")


def test_a_secure_string_read_without_decryption_hides_the_secret(clients: Clients) -> None:
    ssm = clients.client("ssm")
    ssm.put_parameter(Name="/secret", Value="hunter2-hunter2", Type="SecureString")
    sealed = ssm.get_parameter(Name="/secret")["Parameter"]["Value"]
    listed = ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"]
    assert "hunter2" not in sealed
    assert [entry["Value"] for entry in listed] == [sealed]
    assert ssm.get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hunter2-hunter2"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        pytest.param("ec2", "describe_ipams", {}, id="ec2"),
        pytest.param(
            "iam",
            "simulate_custom_policy",
            {"PolicyInputList": ["{}"], "ActionNames": ["s3:GetObject"]},
            id="query",
        ),
        pytest.param("glue", "list_schemas", {}, id="json"),
        pytest.param("kafka", "list_nodes", {"ClusterArn": "arn:aws:kafka:eu-west-2:1:cluster/a/b"}, id="rest-json"),
        pytest.param("eks", "list_insights", {"clusterName": "c"}, id="rest-json-without-a-url"),
    ],
)
def test_an_operation_that_the_emulator_lacks_is_an_error_of_the_substrate(
    clients: Clients, service: str, operation: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(clients.client(service), operation)(**arguments)
    assert code_of(caught) == (500, UNSUPPORTED)
    assert code_of(caught)[1] in SUBSTRATE_CODES
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-phasegate-error"] == UNSUPPORTED


def test_a_real_absence_is_still_the_aws_error(clients: Clients) -> None:
    with pytest.raises(ClientError) as caught:
        clients.client("eks").describe_cluster(name="nope")
    assert code_of(caught) == (404, "ResourceNotFoundException")


def test_many_threads_in_one_world_lose_nothing(clients: Clients) -> None:
    ec2, ssm = clients.client("ec2"), clients.client("ssm")

    def create(number: int) -> None:
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
        ssm.put_parameter(Name=f"/many/{number}", Value="x", Type="String")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(40)))
    cidrs = {vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/many")
    assert {f"10.{number}.0.0/16" for number in range(40)} <= cidrs
    assert sum(len(page["Parameters"]) for page in pages) == 40
