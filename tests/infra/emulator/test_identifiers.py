"""What a world is built of has the same ids in every process, and never the same twice in one."""

from __future__ import annotations

import os
from pathlib import Path

from infra.clients import Clients
from infra.emulator.process import SubstrateProcess, ensure_running

VPC = {"VpcConfigs": [{"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}]}


def made(clients: Clients) -> tuple[str, str]:
    """The ids of an API and a cluster, which are deleted again."""
    apis, kafka = clients.client("apigatewayv2"), clients.client("kafka")
    api = apis.create_api(Name="ids", ProtocolType="HTTP", Tags={"kind": "probe"})
    assert api["ApiEndpoint"].startswith(f"https://{api['ApiId']}.execute-api.")
    assert apis.get_api(ApiId=api["ApiId"])["Tags"] == {"kind": "probe"}
    arn = kafka.create_cluster_v2(ClusterName="ids", Serverless=VPC)["ClusterArn"]
    apis.delete_api(ApiId=api["ApiId"])
    kafka.delete_cluster(ClusterArn=arn)
    return api["ApiId"], arn


def test_another_process_gives_the_same_ids_and_another_turn_or_world_others(
    substrate: SubstrateProcess, account: str, tmp_path: Path
) -> None:
    once, again = made(substrate.clients(account)), made(substrate.clients(account))
    elsewhere = made(substrate.clients(substrate.worlds.fresh_account()))
    other = ensure_running(tmp_path / "substrate", owner_pid=os.getpid())
    try:
        assert made(other.clients(account)) == once
    finally:
        other.stop()
    assert not {*once} & {*again, *elsewhere}
