"""The five stacks against the real shared_substrate, looked at with plain boto3 calls."""

from __future__ import annotations

import json

import pytest

from infra.clients import Clients
from infra.errors import InfraError
from infra.stacks import APPLY_ORDER, delete_all, describe_all, ensure_all, handles_of
from infra.substrate.faults import Fault
from infra.substrate.process import SubstrateProcess

NAME = "fraud-platform-dev-full"
ROOT = "/fraud-platform/dev_full"


@pytest.fixture(scope="module")
def built(shared_substrate: SubstrateProcess) -> tuple[Clients, list]:
    clients = shared_substrate.clients("000000000000")
    return clients, ensure_all(clients)


@pytest.fixture
def fresh(shared_substrate: SubstrateProcess) -> Clients:
    return shared_substrate.clients(shared_substrate.worlds.fresh_account())


def test_all_five_stand_in_order(built) -> None:
    _, results = built
    assert [result.stack for result in results] == ["core", "streaming", "runtime", "data_ml", "ops"]
    assert [(result.stack, result.error) for result in results if result.status != "PASS"] == []
    assert sum(result.created for result in results) == 56


def test_ensuring_again_creates_nothing_and_changes_no_output(built) -> None:
    clients, first = built
    second = ensure_all(clients)
    assert [result.created for result in second] == [0] * 5
    assert [result.outputs for result in second] == [result.outputs for result in first]
    assert handles_of(second) == handles_of(first)


def test_the_network_is_as_the_platform_lays_it(built) -> None:
    clients, _ = built
    ec2 = clients.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-vpc"]}])["Vpcs"]
    assert vpc["CidrBlock"] == "10.70.0.0/16"
    assert {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}["env"] == "dev_full"
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    assert {item["CidrBlock"]: item["MapPublicIpOnLaunch"] for item in subnets} == {
        "10.70.0.0/20": True,
        "10.70.16.0/20": True,
        "10.70.128.0/20": False,
        "10.70.144.0/20": False,
    }
    assert len({item["AvailabilityZone"] for item in subnets}) == 2
    tables = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-*-rt"]}])["RouteTables"]
    assert sum(len(table["Associations"]) for table in tables) == 4
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{NAME}-msk-client-sg"]}])[
        "SecurityGroups"
    ]
    assert {(rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in group["IpPermissions"]} == {
        (9098, "10.70.0.0/16"),
        (9094, "10.70.0.0/16"),
    }


@pytest.mark.parametrize("role", ["object-store", "evidence", "artifacts"])
def test_buckets_are_private_versioned_and_encrypted(built, role) -> None:
    s3 = built[0].client("s3")
    bucket = f"{NAME}-{role}"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_evidence_bucket_has_object_lock(built) -> None:
    found = built[0].client("s3").get_object_lock_configuration(Bucket=f"{NAME}-evidence")
    assert found["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_the_key_rotates_under_its_alias(built) -> None:
    kms = built[0].client("kms")
    key = kms.describe_key(KeyId=f"alias/{NAME}")["KeyMetadata"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True


def test_the_ingress_edge_is_wired_to_the_handler(built) -> None:
    clients, results = built
    handles = handles_of(results)
    api = clients.client("apigatewayv2")
    api_id = handles["APIGW_IG_API_ID"]
    assert api.get_api(ApiId=api_id)["ProtocolType"] == "HTTP"
    routes = api.get_routes(ApiId=api_id)["Items"]
    assert {route["RouteKey"] for route in routes} == {"POST /ingest/push", "GET /ops/health"}
    (integration,) = api.get_integrations(ApiId=api_id)["Items"]
    assert {route["Target"] for route in routes} == {f"integrations/{integration['IntegrationId']}"}
    assert integration["TimeoutInMillis"] == 30_000
    assert integration["PayloadFormatVersion"] == "2.0"
    (stage,) = api.get_stages(ApiId=api_id)["Items"]
    assert stage["StageName"] == "v1"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 400
    configuration = clients.client("lambda").get_function_configuration(FunctionName=f"{NAME}-ig-handler")
    assert (configuration["Runtime"], configuration["MemorySize"], configuration["Timeout"]) == ("python3.12", 256, 30)
    variables = configuration["Environment"]["Variables"]
    assert variables["IG_MAX_REQUEST_BYTES"] == "1048576"
    assert variables["IG_API_KEY_PATH"] == f"{ROOT}/ig/api_key"
    assert len(variables) == 17
    assert handles["IG_BASE_URL"] == f"https://{api_id}.execute-api.eu-west-2.amazonaws.com/v1"


def test_the_rest_of_the_surfaces_stand(built) -> None:
    clients, results = built
    handles = handles_of(results)
    table = f"{NAME}-ig-idempotency"
    ttl = clients.client("dynamodb").describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl_epoch")
    cluster = clients.client("kafka").describe_cluster_v2(ClusterArn=handles["MSK_CLUSTER_ARN"])["ClusterInfo"]
    assert (cluster["State"], cluster["ClusterType"]) == ("ACTIVE", "SERVERLESS")
    schema = clients.client("glue").get_schema(
        SchemaId={"SchemaName": "fp-bus-control-v1-envelope", "RegistryName": NAME}
    )
    assert (schema["DataFormat"], schema["Compatibility"]) == ("JSON", "BACKWARD")
    (group,) = clients.client("logs").describe_log_groups(logGroupNamePrefix=ROOT)["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (f"{ROOT}/runtime-bootstrap", 14)
    assert clients.client("sqs").get_queue_url(QueueName=f"{NAME}-ig-dlq")["QueueUrl"] == handles["IG_DLQ_URL"]
    issuer = clients.client("eks").describe_cluster(name=NAME)["cluster"]["identity"]["oidc"]["issuer"]
    providers = clients.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert [item["Arn"].partition("oidc-provider/")[2] for item in providers] == [issuer.removeprefix("https://")]


def test_parameters_have_their_types_and_secrets_are_made_once(built) -> None:
    clients, results = built
    ssm = clients.client("ssm")
    pages = ssm.get_paginator("describe_parameters").paginate()
    listed = [item for page in pages for item in page["Parameters"]]
    types = {item["Name"].removeprefix(f"{ROOT}/"): item["Type"] for item in listed}
    assert {name for name, kind in types.items() if kind == "SecureString"} == {
        "msk/bootstrap_brokers",
        "ig/api_key",
        "databricks/token",
        "aurora/password",
    }
    assert len(types) == 12

    def secret() -> str:
        return ssm.get_parameter(Name=f"{ROOT}/ig/api_key", WithDecryption=True)["Parameter"]["Value"]

    before = secret()
    ensure_all(clients)
    assert secret() == before
    assert len(before) >= 40
    assert before not in json.dumps([dict(result.outputs) for result in results])


def test_worlds_do_not_share_anything(built, fresh) -> None:
    _, results = built
    other = handles_of(ensure_all(fresh))
    mine = handles_of(results)
    assert other["S3_EVIDENCE_BUCKET"] == f"{NAME}-evidence-{fresh.account_id}"
    assert mine["S3_EVIDENCE_BUCKET"] == f"{NAME}-evidence"
    assert other["APIGW_IG_API_ID"] != mine["APIGW_IG_API_ID"]


def test_deleting_takes_everything_down_and_ensuring_builds_it_anew(fresh) -> None:
    ensure_all(fresh)
    results = delete_all(fresh)
    assert [(result.stack, result.status, result.error) for result in results] == [
        (name, "PASS", "") for name in reversed(APPLY_ORDER)
    ]
    assert set(describe_all(fresh).values()) == {None}
    assert {result.status for result in delete_all(fresh)} == {"PASS"}
    assert {result.status for result in ensure_all(fresh)} == {"PASS"}


def test_a_bucket_that_holds_evidence_survives_and_core_says_so(fresh) -> None:
    handles = handles_of(ensure_all(fresh))
    fresh.client("s3").put_object(Bucket=handles["S3_EVIDENCE_BUCKET"], Key="evidence/x.json", Body=b"{}")
    results = {result.stack: result for result in delete_all(fresh)}
    assert {name for name, result in results.items() if result.status == "PASS"} == {
        "ops",
        "data_ml",
        "runtime",
        "streaming",
    }
    assert "BucketNotEmpty" in results["core"].error
    left = {address for address, found in describe_all(fresh).items() if found is not None}
    assert left == {"core.evidence"}


def test_a_failing_stack_stops_what_rests_on_it_and_nothing_else(shared_substrate, fresh) -> None:
    fault = Fault(account_id=fresh.account_id, service="kafka", operation="CreateClusterV2", status=500)
    with shared_substrate.faults.injected(fault):
        results = {result.stack: result for result in ensure_all(fresh)}
    assert results["streaming"].status == "FAIL"
    assert "streaming.msk" in results["streaming"].error
    assert results["runtime"].status in {"FAIL", "NOT_ATTEMPTED"}
    assert {name for name, result in results.items() if result.status == "PASS"} == {"core", "data_ml", "ops"}
    assert {result.status for result in ensure_all(fresh)} == {"PASS"}


def test_what_cannot_be_looked_at_is_not_reported_as_absent(shared_substrate, fresh) -> None:
    ensure_all(fresh)
    with (
        shared_substrate.faults.injected(
            Fault(account_id=fresh.account_id, service="iam", operation="GetRole", status=403)
        ),
        pytest.raises(InfraError, match="AccessDenied"),
    ):
        describe_all(fresh)


def test_a_stack_alone_brings_what_it_requires_and_an_unknown_one_is_refused(fresh) -> None:
    assert [result.stack for result in ensure_all(fresh, stacks=["streaming"])] == ["core", "streaming"]
    with pytest.raises(InfraError, match="there is no stack nope"):
        ensure_all(fresh, stacks=["nope"])
