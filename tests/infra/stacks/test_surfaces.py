"""Every resource of the five stacks with its settings, looked for with plain boto3 calls."""

from __future__ import annotations

import json

import pytest

from tests.infra.stacks.names import ACCOUNT, NAME, ROOT


def test_the_network_is_as_the_platform_lays_it(built) -> None:
    ec2 = built.clients.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-vpc"]}])["Vpcs"]
    assert (vpc["VpcId"], vpc["CidrBlock"]) == (built.outputs["vpc_id"], "10.70.0.0/16")
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
        assert answer[attribute[0].upper() + attribute[1:]]["Value"] is True
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    ids = {item["CidrBlock"]: item["SubnetId"] for item in subnets}
    assert {item["CidrBlock"]: item["MapPublicIpOnLaunch"] for item in subnets} == {
        "10.70.0.0/20": True,
        "10.70.16.0/20": True,
        "10.70.128.0/20": False,
        "10.70.144.0/20": False,
    }
    zones = {item["CidrBlock"]: item["AvailabilityZone"] for item in subnets}
    assert zones["10.70.0.0/20"] != zones["10.70.16.0/20"]
    assert zones["10.70.128.0/20"] != zones["10.70.144.0/20"]
    public, private = (
        [ids["10.70.0.0/20"], ids["10.70.16.0/20"]],
        [ids["10.70.128.0/20"], ids["10.70.144.0/20"]],
    )
    assert (built.outputs["public_subnet_ids"], built.outputs["private_subnet_ids"]) == (public, private)
    assert built.handles["MSK_CLIENT_SUBNET_IDS"] == private

    (gateway,) = ec2.describe_internet_gateways(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-igw"]}])[
        "InternetGateways"
    ]
    assert [item["VpcId"] for item in gateway["Attachments"]] == [vpc["VpcId"]]
    for name, associated, gateways in (
        ("public", public, [gateway["InternetGatewayId"]]),
        ("private", private, []),
    ):
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-{name}-rt"]}])[
            "RouteTables"
        ]
        assert {item["SubnetId"] for item in table["Associations"]} == set(associated)
        default = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
        assert [route["GatewayId"] for route in default] == gateways
    assert ec2.describe_nat_gateways(Filters=inside)["NatGateways"] == []


def test_the_streaming_clients_are_reached_from_the_vpc_on_two_ports(built) -> None:
    ec2 = built.clients.client("ec2")
    (group,) = ec2.describe_security_groups(GroupIds=[built.handles["MSK_SECURITY_GROUP_ID"]])["SecurityGroups"]
    assert (group["GroupName"], group["VpcId"]) == (f"{NAME}-msk-client-sg", built.outputs["vpc_id"])
    ingress = [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], [item["CidrIp"] for item in rule["IpRanges"]])
        for rule in group["IpPermissions"]
    ]
    assert sorted(ingress) == [("tcp", 9094, 9094, ["10.70.0.0/16"]), ("tcp", 9098, 9098, ["10.70.0.0/16"])]
    (egress,) = group["IpPermissionsEgress"]
    assert (egress["IpProtocol"], egress["IpRanges"]) == ("-1", [{"CidrIp": "0.0.0.0/0"}])


@pytest.mark.parametrize("role", ["object-store", "evidence", "artifacts"])
def test_buckets_are_private_versioned_and_encrypted(built, role) -> None:
    s3 = built.clients.client("s3")
    bucket = f"{NAME}-{role}"
    assert built.outputs["s3_bucket_names"][role.replace("-", "_")] == bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    assert len(access) == 4
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": built.outputs["kms_key_arn"],
        },
        "BucketKeyEnabled": True,
    }
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_evidence_bucket_has_object_lock(built) -> None:
    found = built.clients.client("s3").get_object_lock_configuration(Bucket=f"{NAME}-evidence")
    assert found["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_the_key_rotates_under_its_alias(built) -> None:
    kms = built.clients.client("kms")
    key = kms.describe_key(KeyId=f"alias/{NAME}")["KeyMetadata"]
    assert (key["Arn"], key["Description"]) == (built.outputs["kms_key_arn"], f"{NAME}-kms")
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True


def test_the_stream_and_its_schema_stand(built) -> None:
    handles = built.handles
    kafka = built.clients.client("kafka")
    cluster = kafka.describe_cluster_v2(ClusterArn=handles["MSK_CLUSTER_ARN"])["ClusterInfo"]
    assert (cluster["State"], cluster["ClusterType"], cluster["ClusterName"]) == (
        "ACTIVE",
        "SERVERLESS",
        f"{NAME}-msk",
    )
    (network,) = cluster["Serverless"]["VpcConfigs"]
    assert network["SubnetIds"] == built.outputs["private_subnet_ids"]
    assert network["SecurityGroupIds"] == [handles["MSK_SECURITY_GROUP_ID"]]
    assert cluster["Serverless"]["ClientAuthentication"]["Sasl"]["Iam"]["Enabled"] is True
    brokers = kafka.get_bootstrap_brokers(ClusterArn=handles["MSK_CLUSTER_ARN"])["BootstrapBrokerStringSaslIam"]
    assert handles["MSK_BOOTSTRAP_BROKERS_SASL_IAM"] == brokers
    glue = built.clients.client("glue")
    identity = {"SchemaName": "fp-bus-control-v1-envelope", "RegistryName": NAME}
    schema = glue.get_schema(SchemaId=identity)
    assert (schema["DataFormat"], schema["Compatibility"]) == ("JSON", "BACKWARD")
    version = glue.get_schema_version(SchemaId=identity, SchemaVersionNumber={"LatestVersion": True})
    assert json.loads(version["SchemaDefinition"])["required"] == [
        "platform_run_id",
        "phase_id",
        "event_type",
        "written_at_utc",
    ]


def test_the_ingress_edge_is_wired_to_the_handler(built) -> None:
    api = built.clients.client("apigatewayv2")
    api_id = built.handles["APIGW_IG_API_ID"]
    found = api.get_api(ApiId=api_id)
    assert (found["ProtocolType"], found["Name"]) == ("HTTP", f"{NAME}-ig-edge")
    routes = api.get_routes(ApiId=api_id)["Items"]
    assert {route["RouteKey"] for route in routes} == {"POST /ingest/push", "GET /ops/health"}
    (integration,) = api.get_integrations(ApiId=api_id)["Items"]
    assert {route["Target"] for route in routes} == {f"integrations/{integration['IntegrationId']}"}
    assert integration["IntegrationUri"] == built.outputs["lambda_ig_handler_arn"]
    assert (integration["IntegrationType"], integration["PayloadFormatVersion"]) == ("AWS_PROXY", "2.0")
    assert integration["TimeoutInMillis"] == 30_000
    (stage,) = api.get_stages(ApiId=api_id)["Items"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("v1", True)
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 400
    assert built.handles["IG_BASE_URL"] == f"https://{api_id}.execute-api.eu-west-2.amazonaws.com/v1"


def test_the_handler_has_its_whole_environment_and_lets_the_edge_in(built) -> None:
    client = built.clients.client("lambda")
    found = client.get_function_configuration(FunctionName=f"{NAME}-ig-handler")
    assert (found["Runtime"], found["MemorySize"], found["Timeout"]) == ("python3.12", 256, 30)
    assert found["Role"] == f"arn:aws:iam::{ACCOUNT}:role/{NAME}-lambda-ig-execution"
    assert found["Environment"]["Variables"] == {
        "IG_IDEMPOTENCY_TABLE": f"{NAME}-ig-idempotency",
        "IG_HASH_KEY": "dedupe_key",
        "IG_TTL_ATTRIBUTE": "ttl_epoch",
        "IG_API_KEY_PATH": f"{ROOT}/ig/api_key",
        "IG_AUTH_MODE": "api_key",
        "IG_AUTH_HEADER_NAME": "X-IG-Api-Key",
        "IG_MAX_REQUEST_BYTES": "1048576",
        "IG_REQUEST_TIMEOUT_SECONDS": "30",
        "IG_INTERNAL_RETRY_MAX_ATTEMPTS": "3",
        "IG_INTERNAL_RETRY_BACKOFF_MS": "250",
        "IG_IDEMPOTENCY_TTL_SECONDS": "259200",
        "IG_DLQ_MODE": "sqs",
        "IG_DLQ_QUEUE_NAME": f"{NAME}-ig-dlq",
        "IG_REPLAY_MODE": "dlq_replay_workflow",
        "IG_RATE_LIMIT_RPS": "200",
        "IG_RATE_LIMIT_BURST": "400",
        "IG_DLQ_URL": built.handles["IG_DLQ_URL"],
    }
    (statement,) = json.loads(client.get_policy(FunctionName=f"{NAME}-ig-handler")["Policy"])["Statement"]
    assert statement["Sid"] == "AllowExecutionFromApiGateway"
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert built.handles["APIGW_IG_API_ID"] in json.dumps(statement["Condition"])


def test_the_rest_of_the_runtime_stands(built) -> None:
    clients = built.clients
    dynamodb = clients.client("dynamodb")
    table = dynamodb.describe_table(TableName=f"{NAME}-ig-idempotency")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "dedupe_key", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "dedupe_key", "AttributeType": "S"}]
    ttl = dynamodb.describe_time_to_live(TableName=f"{NAME}-ig-idempotency")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl_epoch")
    assert clients.client("sqs").get_queue_url(QueueName=f"{NAME}-ig-dlq")["QueueUrl"] == built.handles["IG_DLQ_URL"]
    machine = clients.client("stepfunctions").describe_state_machine(
        stateMachineArn=f"arn:aws:states:eu-west-2:{ACCOUNT}:stateMachine:{NAME}-platform-run-v0"
    )
    (state,) = json.loads(machine["definition"])["States"].items()
    assert (state[0], state[1]["Type"]) == ("RuntimeReadyCommit", "Pass")
    assert state[1]["Result"] == {"commit_authority": "step_functions_only", "phase": "P5"}
    assert machine["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/{NAME}-stepfunctions-orchestrator"
    cluster = clients.client("eks").describe_cluster(name=NAME)["cluster"]
    assert cluster["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/{NAME}-runtime-platform-base"
    assert cluster["resourcesVpcConfig"]["subnetIds"] == built.outputs["private_subnet_ids"]
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is True
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    iam = clients.client("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"].partition("oidc-provider/")[2] == cluster["identity"]["oidc"]["issuer"][len("https://") :]
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    assert found["ClientIDList"] == ["sts.amazonaws.com"]


def test_logs_of_the_bootstrap_are_kept_two_weeks(built) -> None:
    (group,) = built.clients.client("logs").describe_log_groups(logGroupNamePrefix=ROOT)["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (f"{ROOT}/runtime-bootstrap", 14)
