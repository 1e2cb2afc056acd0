"""The stack `core`: network, key, buckets, and the base roles of the cluster."""

from __future__ import annotations

from typing import Any

from infra.names import PREFIX
from infra.stacks.resources.firewall import SecurityGroup
from infra.stacks.resources.network import InternetGateway, RouteTable, Subnet, Vpc
from infra.stacks.resources.storage import Bucket, Key
from infra.stacks.stack import Known, Stack, role, role_handles, role_outputs

VPC_CIDR = "10.70.0.0/16"
KEY_ALIAS = f"alias/{PREFIX}"
PRIVATE_SUBNETS = ("core.private_01", "core.private_02")
ROLES = ("ROLE_EKS_NODEGROUP_DEV_FULL", "ROLE_EKS_RUNTIME_PLATFORM_BASE")


def handles(known: Known) -> dict[str, Any]:
    """The handle values that it materialises."""
    return {
        "S3_OBJECT_STORE_BUCKET": known["core.object_store"]["name"],
        "S3_EVIDENCE_BUCKET": known["core.evidence"]["name"],
        "S3_ARTIFACTS_BUCKET": known["core.artifacts"]["name"],
        "ORACLE_STORE_BUCKET": known["core.object_store"]["name"],
        "KMS_KEY_ALIAS_PLATFORM": known["core.key"]["alias"],
        "MSK_CLIENT_SUBNET_IDS": [known[subnet]["id"] for subnet in PRIVATE_SUBNETS],
        "MSK_SECURITY_GROUP_ID": known["core.msk_client"]["id"],
        **role_handles("core", ROLES, known),
    }


def outputs(known: Known) -> dict[str, Any]:
    """Its outputs."""
    return {
        "vpc_id": known["core.vpc"]["id"],
        "public_subnet_ids": [known[f"core.public_0{number}"]["id"] for number in (1, 2)],
        "private_subnet_ids": [known[subnet]["id"] for subnet in PRIVATE_SUBNETS],
        "msk_client_subnet_ids": [known[subnet]["id"] for subnet in PRIVATE_SUBNETS],
        "msk_security_group_id": known["core.msk_client"]["id"],
        "kms_key_arn": known["core.key"]["arn"],
        "kms_key_alias": known["core.key"]["alias"],
        "s3_bucket_names": {role: known[f"core.{role}"]["name"] for role in ("object_store", "evidence", "artifacts")},
        **role_outputs("core", ROLES, known),
        "core_handle_materialization": handles(known),
    }


CORE = Stack(
    name="core",
    requires=(),
    resources=(
        Vpc("core.vpc", f"{PREFIX}-vpc", VPC_CIDR),
        InternetGateway("core.igw", f"{PREFIX}-igw", "core.vpc"),
        Subnet("core.public_01", f"{PREFIX}-public-01", "10.70.0.0/20", "a", public=True, vpc="core.vpc"),
        Subnet("core.public_02", f"{PREFIX}-public-02", "10.70.16.0/20", "b", public=True, vpc="core.vpc"),
        Subnet("core.private_01", f"{PREFIX}-private-01", "10.70.128.0/20", "a", public=False, vpc="core.vpc"),
        Subnet("core.private_02", f"{PREFIX}-private-02", "10.70.144.0/20", "b", public=False, vpc="core.vpc"),
        RouteTable(
            "core.public_rt", f"{PREFIX}-public-rt", "core.vpc", ("core.public_01", "core.public_02"), "core.igw"
        ),
        RouteTable("core.private_rt", f"{PREFIX}-private-rt", "core.vpc", PRIVATE_SUBNETS),
        SecurityGroup(
            "core.msk_client",
            f"{PREFIX}-msk-client-sg",
            "clients of the streaming cluster",
            (9098, 9094),
            VPC_CIDR,
            "core.vpc",
        ),
        Key("core.key", f"{PREFIX}-kms", KEY_ALIAS),
        Bucket("core.object_store", f"{PREFIX}-object-store", "object_store", "core.key"),
        Bucket("core.evidence", f"{PREFIX}-evidence", "evidence", "core.key", object_lock=True),
        Bucket("core.artifacts", f"{PREFIX}-artifacts", "artifacts", "core.key"),
        *(role("core", handle) for handle in ROLES),
    ),
    outputs=outputs,
    handles=handles,
)
