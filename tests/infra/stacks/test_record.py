"""The five stacks stand, with the outputs and handles of the platform's record, and all that can be is tagged."""

from __future__ import annotations

import pytest

from infra.roles import ROLE_SPECS
from tests.infra.stacks.names import NAME, ROOT, parameters

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
