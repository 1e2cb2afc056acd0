"""Worlds for gates: built once, pinned in a copy of the registry, then left as somebody may have changed them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import infra.handles
from infra.clients import Clients
from infra.emulator.faults import Fault
from infra.emulator.process import SubstrateProcess
from infra.emulator.world import World, open_fresh_world, open_world
from infra.errors import RegistryError, SubstrateError
from infra.handles import load

REGISTRY = Path(infra.handles.__file__).with_name("dev_full_handles.registry.v0.md")


@pytest.fixture(scope="module")
def world(substrate: SubstrateProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = open_fresh_world(substrate, REGISTRY, tmp_path_factory.mktemp("world"))
    yield made
    made.clients.close()


def reopened(substrate: SubstrateProcess, world: World, out_dir: Path) -> World:
    again = open_world(substrate, world.account_id, REGISTRY, out_dir)
    again.clients.close()
    return again


def test_a_fresh_world_has_its_five_stacks(world: World) -> None:
    assert world.ensured_here
    assert [(stack["stack"], stack["status"]) for stack in world.stacks] == [
        (name, "PASS") for name in ("core", "streaming", "runtime", "data_ml", "ops")
    ]
    [cluster] = world.clients.client("kafka").list_clusters_v2()["ClusterInfoList"]
    assert cluster["ClusterArn"] == world.handles["MSK_CLUSTER_ARN"]


def test_the_registry_copy_points_at_the_world_and_the_registry_stays_as_it_is(world: World) -> None:
    copy = load(world.registry_path)
    assert copy.value("MSK_CLUSTER_ARN") == world.handles["MSK_CLUSTER_ARN"]
    assert world.account_id in str(copy.value("S3_EVIDENCE_BUCKET"))
    assert world.registry_sha256 == copy.sha256 == sha256(world.registry_path.read_bytes()).hexdigest()
    assert load(REGISTRY).value("MSK_CLUSTER_ARN") != world.handles["MSK_CLUSTER_ARN"]
    assert not set(world.without_line) & set(copy)


def test_a_known_world_is_not_put_in_order_so_drift_stays(
    substrate: SubstrateProcess, world: World, tmp_path: Path
) -> None:
    logs, group = world.clients.client("logs"), "/fraud-platform/dev_full/runtime-bootstrap"
    logs.delete_log_group(logGroupName=group)
    again = reopened(substrate, world, tmp_path)
    assert not again.ensured_here
    assert (again.handles, again.stacks) == (world.handles, world.stacks)
    assert again.registry_sha256 == world.registry_sha256
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_a_world_opened_from_two_sides_at_once_is_built_once(
    substrate: SubstrateProcess, account: str, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        opened = list(pool.map(lambda _: open_world(substrate, account, REGISTRY, tmp_path), range(2)))
    assert sorted(world.ensured_here for world in opened) == [False, True]
    assert opened[0].registry_sha256 == opened[1].registry_sha256
    for world in opened:
        world.clients.close()


def test_a_stack_that_fails_is_named_and_the_world_is_not_recorded(
    substrate: SubstrateProcess, account: str, tmp_path: Path
) -> None:
    fault = Fault(account_id=account, service="logs", operation="CreateLogGroup", status=500)
    with substrate.faults.injected(fault), pytest.raises(SubstrateError, match="the stack ops is not up") as caught:
        open_world(substrate, account, REGISTRY, tmp_path)
    assert [problem.place for problem in caught.value.problems] == [f"account {account} at {substrate.endpoint_url}"]
    assert substrate.worlds.get(account) is None
    repaired = open_world(substrate, account, REGISTRY, tmp_path)
    assert repaired.ensured_here
    repaired.clients.close()


@pytest.mark.parametrize("record", [{}, [], {"stacks": {}, "handles": {}}, {"stacks": []}])
def test_a_record_that_is_not_ours_is_refused(
    substrate: SubstrateProcess, account: str, tmp_path: Path, record: object
) -> None:
    substrate.worlds.put(account, record)
    with pytest.raises(SubstrateError, match="not one of ours"):
        open_world(substrate, account, REGISTRY, tmp_path)


def test_a_registry_that_cannot_be_read_stops_before_anything_is_built(
    substrate: SubstrateProcess, clients: Clients, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError):
        open_world(substrate, clients.account_id, tmp_path / "missing.md", tmp_path)
    assert clients.client("kafka").list_clusters_v2()["ClusterInfoList"] == []
    with pytest.raises(ClientError):
        clients.client("dynamodb").describe_table(TableName="fraud-platform-dev-full-ig-idempotency")


def test_a_folder_that_cannot_be_made_is_named(substrate: SubstrateProcess, world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SubstrateError, match="cannot be made"):
        reopened(substrate, world, tmp_path / "file")
