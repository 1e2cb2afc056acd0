"""Every resource, setting and output of the five stacks, looked for with plain boto3 calls."""

from __future__ import annotations

import json
import re

import pytest

from infra.stacks import describe_all
from infra.stacks.roles import ROLE_SPECS

NAME = "fraud-platform-dev-full"
ROOT = "/fraud-platform/dev_full"
ACCOUNT = "000000000000"
COMMON_TAGS = {"project": "fraud-platform", "env": "dev_full", "owner": "platform owner name"}

OUTPUTS = {
    "core": {
        "vpc_id",
        "public_subnet_ids",
        "private_subnet_ids",
        "msk_client_subnet_ids",
        "msk_security_group_id",
        "kms_key_arn",
        "kms_key_alias",
        "s3_bucket_names",
        "role_eks_nodegroup_dev_full_arn",
        "role_eks_runtime_platform_base_arn",
        "core_handle_materialization",
    },
    "streaming": {
        "msk_cluster_arn",
        "msk_cluster_name",
        "msk_bootstrap_brokers_sasl_iam",
        "msk_client_subnet_ids",
        "msk_security_group_id",
        "ssm_msk_bootstrap_brokers_path",
        "glue_schema_registry_name",
        "glue_schema_registry_arn",
        "glue_schema_compatibility_mode",
        "streaming_handle_materialization",
    },
    "runtime": {
        "apigw_ig_api_id",
        "apigw_ig_api_endpoint",
        "lambda_ig_handler_name",
        "lambda_ig_handler_arn",
        "ddb_ig_idempotency_table",
        "ddb_ig_idempotency_table_arn",
        "ig_dlq_queue_name",
        "ig_dlq_queue_url",
        "ssm_ig_api_key_path",
        "sfn_platform_run_orchestrator_arn",
        "sfn_platform_run_orchestrator_name",
        "eks_cluster_arn",
        "role_flink_execution_arn",
        "role_lambda_ig_execution_arn",
        "role_apigw_ig_invoke_arn",
        "role_ddb_ig_idempotency_rw_arn",
        "role_step_functions_orchestrator_arn",
        "role_eks_irsa_ig_arn",
        "role_eks_irsa_rtdl_arn",
        "role_eks_irsa_decision_lane_arn",
        "role_eks_irsa_case_labels_arn",
        "role_eks_irsa_obs_gov_arn",
        "runtime_path_governance_contract",
        "runtime_handle_materialization",
    },
    "data_ml": {
        "role_sagemaker_execution_arn",
        "role_databricks_cross_account_access_arn",
        "ssm_databricks_workspace_url_path",
        "ssm_databricks_token_path",
        "ssm_mlflow_tracking_uri_path",
        "ssm_sagemaker_model_exec_role_arn_path",
        "data_ml_handle_materialization",
    },
    "ops": {
        "role_mwaa_execution_arn",
        "ssm_mwaa_webserver_url_path",
        "ssm_aurora_endpoint_path",
        "ssm_aurora_reader_endpoint_path",
        "ssm_aurora_username_path",
        "ssm_aurora_password_path",
        "ssm_redis_endpoint_path",
        "cloudwatch_runtime_bootstrap_log_group",
        "ops_handle_materialization",
    },
}

HANDLES = {
    "core": {
        "S3_OBJECT_STORE_BUCKET",
        "S3_EVIDENCE_BUCKET",
        "S3_ARTIFACTS_BUCKET",
        "KMS_KEY_ALIAS_PLATFORM",
        "ROLE_EKS_NODEGROUP_DEV_FULL",
        "ROLE_EKS_RUNTIME_PLATFORM_BASE",
        "MSK_CLIENT_SUBNET_IDS",
        "MSK_SECURITY_GROUP_ID",
    },
    "streaming": {
        "MSK_CLUSTER_ARN",
        "MSK_BOOTSTRAP_BROKERS_SASL_IAM",
        "MSK_CLIENT_SUBNET_IDS",
        "MSK_SECURITY_GROUP_ID",
        "SSM_MSK_BOOTSTRAP_BROKERS_PATH",
        "GLUE_SCHEMA_REGISTRY_NAME",
        "GLUE_SCHEMA_COMPATIBILITY_MODE",
    },
    "runtime": {
        "APIGW_IG_API_ID",
        "LAMBDA_IG_HANDLER_NAME",
        "DDB_IG_IDEMPOTENCY_TABLE",
        "ROLE_FLINK_EXECUTION",
        "ROLE_LAMBDA_IG_EXECUTION",
        "ROLE_APIGW_IG_INVOKE",
        "ROLE_DDB_IG_IDEMPOTENCY_RW",
        "ROLE_STEP_FUNCTIONS_ORCHESTRATOR",
        "ROLE_EKS_IRSA_IG",
        "ROLE_EKS_IRSA_RTDL",
        "ROLE_EKS_IRSA_DECISION_LANE",
        "ROLE_EKS_IRSA_CASE_LABELS",
        "ROLE_EKS_IRSA_OBS_GOV",
        "EKS_CLUSTER_ARN",
        "SFN_PLATFORM_RUN_ORCHESTRATOR_V0",
        "SR_READY_COMMIT_AUTHORITY",
        "SSM_IG_API_KEY_PATH",
        "PHASE_RUNTIME_PATH_MODE",
        "IG_AUTH_MODE",
        "IG_AUTH_HEADER_NAME",
        "IG_MAX_REQUEST_BYTES",
        "IG_REQUEST_TIMEOUT_SECONDS",
        "IG_INTERNAL_RETRY_MAX_ATTEMPTS",
        "IG_INTERNAL_RETRY_BACKOFF_MS",
        "IG_IDEMPOTENCY_TTL_SECONDS",
        "IG_DLQ_MODE",
        "IG_DLQ_QUEUE_NAME",
        "IG_DLQ_URL",
        "IG_REPLAY_MODE",
        "IG_RATE_LIMIT_RPS",
        "IG_RATE_LIMIT_BURST",
        "APIGW_IG_STAGE_THROTTLE_RPS",
        "APIGW_IG_STAGE_THROTTLE_BURST",
        "APIGW_IG_INTEGRATION_TIMEOUT_MS",
        "IG_BASE_URL",
    },
    "data_ml": {
        "ROLE_SAGEMAKER_EXECUTION",
        "ROLE_DATABRICKS_CROSS_ACCOUNT_ACCESS",
        "SSM_DATABRICKS_WORKSPACE_URL_PATH",
        "SSM_DATABRICKS_TOKEN_PATH",
        "SSM_MLFLOW_TRACKING_URI_PATH",
        "SSM_SAGEMAKER_MODEL_EXEC_ROLE_ARN",
    },
    "ops": {
        "ROLE_MWAA_EXECUTION",
        "SSM_MWAA_WEBSERVER_URL_PATH",
        "SSM_AURORA_ENDPOINT_PATH",
        "SSM_AURORA_READER_ENDPOINT_PATH",
        "SSM_AURORA_USERNAME_PATH",
        "SSM_AURORA_PASSWORD_PATH",
        "SSM_REDIS_ENDPOINT_PATH",
        "CLOUDWATCH_LOG_GROUP_PREFIX",
        "CLOUDWATCH_RUNTIME_BOOTSTRAP_LG",
    },
}


def test_all_five_stand_in_order(built) -> None:
    assert [result.stack for result in built.results] == ["core", "streaming", "runtime", "data_ml", "ops"]
    assert [(result.stack, result.error) for result in built.results if result.status != "PASS"] == []


@pytest.mark.parametrize("stack", OUTPUTS)
def test_a_stack_has_the_outputs_and_handles_of_the_platforms_record(built, stack) -> None:
    (result,) = [result for result in built.results if result.stack == stack]
    assert set(result.outputs) == OUTPUTS[stack]
    assert set(result.handles) >= HANDLES[stack]
    assert result.outputs[f"{stack}_handle_materialization"] == result.handles
    assert all(value not in ("", None, []) for value in {**result.outputs, **result.handles}.values())


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


def parameters(clients) -> dict[str, str]:
    pages = clients.client("ssm").get_paginator("describe_parameters").paginate()
    return {item["Name"].removeprefix(f"{ROOT}/"): item["Type"] for page in pages for item in page["Parameters"]}


def value_of(clients, name: str) -> str:
    answer = clients.client("ssm").get_parameter(Name=f"{ROOT}/{name}", WithDecryption=True)
    return answer["Parameter"]["Value"]


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


def test_everything_that_can_be_tagged_has_the_common_tags_and_a_purpose(built) -> None:
    untagged = [name for name, tags in every_tag(built).items() if not COMMON_TAGS.items() <= tags.items()]
    purposeless = [name for name, tags in every_tag(built).items() if not tags.get("fp_resource")]
    assert (untagged, purposeless) == ([], [])


def every_tag(built) -> dict[str, dict[str, str]]:
    """The tags of every resource, asked of each service in its own way."""
    client = built.clients.client
    pairs = lambda tags, key="Key", value="Value": {tag[key]: tag[value] for tag in tags}  # noqa: E731
    outputs = built.outputs
    found = {}
    ec2 = client("ec2").describe_tags()["Tags"]
    mine = {tag["ResourceId"] for tag in ec2 if tag["Key"] == "Name" and tag["Value"].startswith(NAME)}
    assert len(mine) == 9
    for resource in mine:
        found[resource] = pairs([tag for tag in ec2 if tag["ResourceId"] == resource])
    key = client("kms").list_resource_tags(KeyId=outputs["kms_key_arn"])
    found["kms"] = pairs(key["Tags"], "TagKey", "TagValue")
    for bucket in outputs["s3_bucket_names"].values():
        found[bucket] = pairs(client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"])
    for spec in ROLE_SPECS.values():
        found[spec.name] = pairs(client("iam").list_role_tags(RoleName=spec.name)["Tags"])
    (provider,) = client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    oidc = client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    found["oidc"] = pairs(oidc["Tags"])
    found["msk"] = client("kafka").list_tags_for_resource(ResourceArn=outputs["msk_cluster_arn"])["Tags"]
    registry = outputs["glue_schema_registry_arn"]
    schema = f"{registry.replace(':registry/', ':schema/')}/fp-bus-control-v1-envelope"
    for arn in (registry, schema):
        found[arn] = client("glue").get_tags(ResourceArn=arn)["Tags"]
    table = client("dynamodb").list_tags_of_resource(ResourceArn=outputs["ddb_ig_idempotency_table_arn"])
    found["table"] = pairs(table["Tags"])
    for name in parameters(built.clients):
        tags = client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=f"{ROOT}/{name}")
        found[name] = pairs(tags["TagList"])
    found["handler"] = client("lambda").list_tags(Resource=outputs["lambda_ig_handler_arn"])["Tags"]
    found["api"] = client("apigatewayv2").get_api(ApiId=outputs["apigw_ig_api_id"])["Tags"]
    stage = client("apigatewayv2").get_stage(ApiId=outputs["apigw_ig_api_id"], StageName="v1")
    found["stage"] = stage["Tags"]
    found["dlq"] = client("sqs").list_queue_tags(QueueUrl=outputs["ig_dlq_queue_url"])["Tags"]
    machine = client("stepfunctions").list_tags_for_resource(resourceArn=outputs["sfn_platform_run_orchestrator_arn"])
    found["machine"] = pairs(machine["tags"], "key", "value")
    found["eks"] = client("eks").describe_cluster(name=NAME)["cluster"]["tags"]
    group = outputs["cloudwatch_runtime_bootstrap_log_group"]
    found["logs"] = client("logs").list_tags_log_group(logGroupName=group)["tags"]
    return found
