"""The stack `streaming`: the MSK cluster, its brokers, and the schema registry."""

from __future__ import annotations

from typing import Any

from infra.names import PARAMETERS, PREFIX
from infra.roles import MSK_CLUSTER
from infra.stacks.core import PRIVATE_SUBNETS
from infra.stacks.resources.parameters import Parameter
from infra.stacks.resources.streaming import EnvelopeSchema, SchemaRegistry, ServerlessCluster
from infra.stacks.stack import Known, Stack


def handles(known: Known) -> dict[str, Any]:
    """The handle values that it materialises."""
    return {
        "MSK_CLUSTER_ARN": known["streaming.msk"]["arn"],
        "MSK_BOOTSTRAP_BROKERS_SASL_IAM": known["streaming.msk"]["brokers"],
        "MSK_CLIENT_SUBNET_IDS": [known[subnet]["id"] for subnet in PRIVATE_SUBNETS],
        "MSK_SECURITY_GROUP_ID": known["core.msk_client"]["id"],
        "SSM_MSK_BOOTSTRAP_BROKERS_PATH": known["streaming.bootstrap_brokers"]["path"],
        "GLUE_SCHEMA_REGISTRY_NAME": known["streaming.registry"]["name"],
        "GLUE_SCHEMA_COMPATIBILITY_MODE": known["streaming.control_envelope"]["compatibility"],
    }


def outputs(known: Known) -> dict[str, Any]:
    """Its outputs."""
    return {
        "msk_cluster_arn": known["streaming.msk"]["arn"],
        "msk_cluster_name": known["streaming.msk"]["name"],
        "msk_bootstrap_brokers_sasl_iam": known["streaming.msk"]["brokers"],
        "msk_client_subnet_ids": [known[subnet]["id"] for subnet in PRIVATE_SUBNETS],
        "msk_security_group_id": known["core.msk_client"]["id"],
        "ssm_msk_bootstrap_brokers_path": known["streaming.bootstrap_brokers"]["path"],
        "glue_schema_registry_name": known["streaming.registry"]["name"],
        "glue_schema_registry_arn": known["streaming.registry"]["arn"],
        "glue_schema_compatibility_mode": known["streaming.control_envelope"]["compatibility"],
        "streaming_handle_materialization": handles(known),
    }


STREAMING = Stack(
    name="streaming",
    requires=("core",),
    resources=(
        ServerlessCluster("streaming.msk", MSK_CLUSTER, PRIVATE_SUBNETS, "core.msk_client"),
        Parameter(
            "streaming.bootstrap_brokers",
            f"{PARAMETERS}/msk/bootstrap_brokers",
            "SecureString",
            from_=("streaming.msk", "brokers"),
        ),
        SchemaRegistry("streaming.registry", PREFIX),
        EnvelopeSchema(
            "streaming.control_envelope",
            "fp-bus-control-v1-envelope",
            "streaming.registry",
            ("platform_run_id", "phase_id", "event_type", "written_at_utc"),
            "BACKWARD",
        ),
    ),
    outputs=outputs,
    handles=handles,
)
