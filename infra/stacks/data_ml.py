"""The stack `data_ml`: execution roles and parameters of the data and model services."""

from __future__ import annotations

from typing import Any

from infra.names import PARAMETERS
from infra.stacks.resources.parameters import Parameter
from infra.stacks.stack import Known, Stack, role, role_handles, role_outputs

ROLES = ("ROLE_SAGEMAKER_EXECUTION", "ROLE_DATABRICKS_CROSS_ACCOUNT_ACCESS")


def handles(known: Known) -> dict[str, Any]:
    """The handle values that it materialises."""
    return {
        **role_handles("data_ml", ROLES, known),
        "SSM_DATABRICKS_WORKSPACE_URL_PATH": known["data_ml.workspace_url"]["path"],
        "SSM_DATABRICKS_TOKEN_PATH": known["data_ml.token"]["path"],
        "SSM_MLFLOW_TRACKING_URI_PATH": known["data_ml.tracking_uri"]["path"],
        "SSM_SAGEMAKER_MODEL_EXEC_ROLE_ARN": known["data_ml.model_exec_role"]["path"],
    }


def outputs(known: Known) -> dict[str, Any]:
    """Its outputs."""
    return {
        **role_outputs("data_ml", ROLES, known),
        "ssm_databricks_workspace_url_path": known["data_ml.workspace_url"]["path"],
        "ssm_databricks_token_path": known["data_ml.token"]["path"],
        "ssm_mlflow_tracking_uri_path": known["data_ml.tracking_uri"]["path"],
        "ssm_sagemaker_model_exec_role_arn_path": known["data_ml.model_exec_role"]["path"],
        "data_ml_handle_materialization": handles(known),
    }


DATA_ML = Stack(
    name="data_ml",
    requires=(),
    resources=(
        *(role("data_ml", handle) for handle in ROLES),
        Parameter(
            "data_ml.workspace_url",
            f"{PARAMETERS}/databricks/workspace_url",
            "String",
            "https://dev-full.databricks.example",
        ),
        Parameter("data_ml.token", f"{PARAMETERS}/databricks/token", "SecureString"),
        Parameter(
            "data_ml.tracking_uri", f"{PARAMETERS}/mlflow/tracking_uri", "String", "https://mlflow.dev-full.example"
        ),
        Parameter(
            "data_ml.model_exec_role",
            f"{PARAMETERS}/sagemaker/model_exec_role_arn",
            "String",
            from_=("data_ml.ROLE_SAGEMAKER_EXECUTION", "arn"),
        ),
    ),
    outputs=outputs,
    handles=handles,
)
