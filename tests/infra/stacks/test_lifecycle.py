"""Bringing stacks up and taking them down: again, in part, against failures, and beside other worlds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from infra.clients import Clients
from infra.emulator.faults import Fault
from infra.errors import InfraError
from infra.stacks import APPLY_ORDER, DESTROY_ORDER, delete_all, describe_all, ensure_all, handles_of

NAME = "fraud-platform-dev-full"
ROOT = "/fraud-platform/dev_full"


def left_of(clients: Clients) -> set[str]:
    return {address for address, state in describe_all(clients).items() if state.presence != "absent"}


def statuses(results) -> dict[str, str]:
    return {result.stack: result.status for result in results}


def api_key(clients: Clients) -> str:
    found = clients.client("ssm").get_parameter(Name=f"{ROOT}/ig/api_key", WithDecryption=True)
    return found["Parameter"]["Value"]


def test_ensuring_again_creates_and_repairs_nothing_and_changes_no_output_and_no_secret(built) -> None:
    before = api_key(built.clients)
    second = ensure_all(built.clients)
    assert [(result.created, result.repaired) for result in second] == [(0, 0)] * 5
    assert [result.outputs for result in second] == [result.outputs for result in built.results]
    assert handles_of(second) == built.handles
    assert api_key(built.clients) == before


def test_worlds_do_not_share_anything(built, fresh) -> None:
    results = ensure_all(fresh)
    assert {result.stack: result.created for result in results} == {
        "core": 15,
        "streaming": 4,
        "runtime": 23,
        "data_ml": 6,
        "ops": 8,
    }
    theirs = handles_of(results)
    mine = built.handles
    assert theirs["S3_EVIDENCE_BUCKET"] == f"{NAME}-evidence-{fresh.account_id}"
    assert mine["S3_EVIDENCE_BUCKET"] == f"{NAME}-evidence"
    own = ("APIGW_IG_API_ID", "MSK_CLUSTER_ARN", "MSK_SECURITY_GROUP_ID", "IG_BASE_URL", "ROLE_EKS_IRSA_IG")
    assert [name for name in own if theirs[name] == mine[name]] == []
    assert api_key(fresh) != api_key(built.clients)
    listed = {bucket["Name"] for bucket in fresh.client("s3").list_buckets()["Buckets"]}
    assert listed == {f"{NAME}-{role}-{fresh.account_id}" for role in ("object-store", "evidence", "artifacts")}
    clusters = fresh.client("kafka").list_clusters_v2()["ClusterInfoList"]
    assert [cluster["ClusterArn"] for cluster in clusters] == [theirs["MSK_CLUSTER_ARN"]]
    delete_all(fresh)
    assert left_of(fresh) == set()
    states = describe_all(built.clients)
    assert (len(states), {state.presence for state in states.values()}) == (56, {"present"})


def test_deleting_takes_everything_down_and_ensuring_builds_it_anew(fresh) -> None:
    ensure_all(fresh)
    results = delete_all(fresh)
    assert [(result.stack, result.status, result.error) for result in results] == [
        (name, "PASS", "") for name in DESTROY_ORDER
    ]
    assert left_of(fresh) == set()
    assert set(statuses(delete_all(fresh)).values()) == {"PASS"}
    assert set(statuses(ensure_all(fresh)).values()) == {"PASS"}


def test_a_bucket_that_holds_evidence_survives_and_the_next_world_encrypts_it_with_its_own_key(fresh) -> None:
    bucket = handles_of(ensure_all(fresh))["S3_EVIDENCE_BUCKET"]
    fresh.client("s3").put_object(Bucket=bucket, Key="evidence/x.json", Body=b"{}")
    results = {result.stack: result for result in delete_all(fresh)}
    assert {name: result.status for name, result in results.items()} == {
        "ops": "PASS",
        "data_ml": "PASS",
        "runtime": "PASS",
        "streaming": "PASS",
        "core": "FAIL",
    }
    assert results["core"].error.startswith("core.evidence: ")
    assert "BucketNotEmpty" in results["core"].error
    assert left_of(fresh) == {"core.evidence"}

    core = ensure_all(fresh)[0]
    assert (core.status, core.created, core.repaired) == ("PASS", 14, 1)
    rules = fresh.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == core.outputs["kms_key_arn"]
    assert fresh.client("s3").get_object(Bucket=bucket, Key="evidence/x.json")["Body"].read() == b"{}"


@pytest.mark.parametrize(
    ("fault", "failed", "stopped"),
    [
        ({"service": "s3", "operation": "CreateBucket"}, "core", ["streaming", "runtime"]),
        ({"service": "kafka", "operation": "CreateClusterV2"}, "streaming", ["runtime"]),
        ({"service": "eks", "operation": "CreateCluster"}, "runtime", []),
        ({"service": "logs", "operation": "CreateLogGroup"}, "ops", []),
    ],
)
def test_a_failing_stack_stops_what_rests_on_it_and_nothing_else(
    shared_substrate, fresh, fault, failed, stopped
) -> None:
    with shared_substrate.faults.injected(Fault(account_id=fresh.account_id, **fault)):
        results = {result.stack: result for result in ensure_all(fresh)}
    expected = dict.fromkeys(APPLY_ORDER, "PASS") | {failed: "FAIL"} | dict.fromkeys(stopped, "NOT_ATTEMPTED")
    assert statuses(results.values()) == expected
    assert fault["operation"] in results[failed].error
    assert results[failed].outputs == {}
    assert all(failed in results[name].error or "streaming" in results[name].error for name in stopped)
    if failed == "runtime":  # what could not come about names what it waited for
        assert "runtime.oidc: not attempted: it needs runtime.eks" in results[failed].error
        assert "runtime.ROLE_EKS_IRSA_IG: not attempted: it needs runtime.oidc" in results[failed].error
    begun = {address.partition(".")[0] for address in left_of(fresh)}
    assert begun.isdisjoint(stopped)


def test_a_stack_that_was_made_by_halves_is_completed_before_it_passes(shared_substrate, fresh) -> None:
    halves = {
        "ModifyVpcAttribute": "core.vpc",
        "EnableKeyRotation": "core.key",
        "AttachRolePolicy": "core.ROLE_EKS_NODEGROUP_DEV_FULL",
        "PutRetentionPolicy": "ops.log_group",
    }
    with ExitStack() as faults:
        for operation in halves:
            faults.enter_context(
                shared_substrate.faults.injected(Fault(account_id=fresh.account_id, operation=operation))
            )
        assert statuses(ensure_all(fresh))["core"] == "FAIL"
        assert statuses(ensure_all(fresh))["core"] == "FAIL"
    states = describe_all(fresh)
    assert {states[address].presence for address in halves.values()} == {"drifted"}
    unversioned = Fault(account_id=fresh.account_id, operation="PutBucketVersioning")
    with shared_substrate.faults.injected(unversioned):
        assert statuses(ensure_all(fresh))["core"] == "FAIL"
    results = ensure_all(fresh)
    assert set(statuses(results).values()) == {"PASS"}
    assert {state.presence for state in describe_all(fresh).values()} == {"present"}
    bucket = results[0].handles["S3_ARTIFACTS_BUCKET"]
    assert fresh.client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_what_cannot_be_looked_at_is_not_reported_as_absent(shared_substrate, fresh) -> None:
    ensure_all(fresh)
    denied = Fault(account_id=fresh.account_id, service="iam", operation="GetRole", status=403)
    with shared_substrate.faults.injected(denied), pytest.raises(InfraError, match="AccessDenied") as caught:
        describe_all(fresh)
    assert len(caught.value.problems) >= 15


def test_a_setting_that_cannot_be_looked_at_is_not_reported_as_right(shared_substrate, built) -> None:
    fault = Fault(account_id="000000000000", service="s3", operation="GetBucketEncryption", status=403)
    with shared_substrate.faults.injected(fault):
        results = {result.stack: result for result in ensure_all(built.clients)}
        with pytest.raises(InfraError, match="GetBucketEncryption"):
            describe_all(built.clients)
    assert results["core"].status == "FAIL"


def test_teardown_goes_on_past_what_cannot_be_looked_at_or_deleted_and_records_it(shared_substrate, fresh) -> None:
    ensure_all(fresh)
    unseen = Fault(account_id=fresh.account_id, service="glue", operation="GetSchema", status=500)
    refused = Fault(account_id=fresh.account_id, service="sqs", operation="DeleteQueue", status=403)
    with shared_substrate.faults.injected(unseen), shared_substrate.faults.injected(refused):
        results = {result.stack: result for result in delete_all(fresh)}
    assert statuses(results.values()) == {
        "ops": "PASS",
        "data_ml": "PASS",
        "runtime": "FAIL",
        "streaming": "FAIL",
        "core": "PASS",
    }
    assert "streaming.control_envelope" in results["streaming"].error
    assert results["runtime"].error.startswith("runtime.dlq: ")
    assert left_of(fresh) <= {"runtime.dlq", "streaming.control_envelope"}
    assert set(statuses(delete_all(fresh)).values()) == {"PASS"}
    assert left_of(fresh) == set()


def test_two_teardowns_at_once_do_not_trip_over_each_other(fresh) -> None:
    ensure_all(fresh, stacks=["streaming", "ops"])
    with ThreadPoolExecutor(2) as pool:
        both = [future.result() for future in [pool.submit(delete_all, fresh) for _ in range(2)]]
    assert [(result.stack, result.error) for results in both for result in results if result.error] == []
    assert left_of(fresh) == set()


def test_a_resource_that_another_teardown_left_half_gone_is_deleted_in_a_second_round(shared_substrate, fresh) -> None:
    ensure_all(fresh, stacks=["core"])
    gone = Fault(
        account_id=fresh.account_id,
        service="iam",
        operation="DetachRolePolicy",
        status=404,
        code="NoSuchEntity",
        times=1,
    )
    with shared_substrate.faults.injected(gone):
        (core,) = delete_all(fresh, stacks=["core"])
    assert (core.status, core.error) == ("PASS", "")
    assert left_of(fresh) == set()


def test_a_provider_whose_cluster_is_gone_does_not_survive_the_teardown(fresh) -> None:
    ensure_all(fresh, stacks=["runtime"])
    fresh.client("eks").delete_cluster(name=NAME)
    assert set(statuses(delete_all(fresh, stacks=["runtime"])).values()) == {"PASS"}
    assert fresh.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_an_alias_left_on_a_key_that_waits_for_deletion_goes_to_the_new_key(fresh) -> None:
    old: str = ensure_all(fresh, stacks=["core"])[0].outputs["kms_key_arn"]
    fresh.client("kms").schedule_key_deletion(KeyId=old.rpartition("/")[2], PendingWindowInDays=10)
    (core,) = ensure_all(fresh, stacks=["core"])
    assert (core.status, core.created, core.repaired) == ("PASS", 1, 3)
    assert core.outputs["kms_key_arn"] != old
    assert fresh.client("kms").describe_key(KeyId=f"alias/{NAME}")["KeyMetadata"]["Arn"] == core.outputs["kms_key_arn"]


def test_a_stack_alone_brings_what_it_requires_and_goes_alone(fresh) -> None:
    assert [result.stack for result in ensure_all(fresh, stacks=["streaming"])] == ["core", "streaming"]
    assert [result.stack for result in delete_all(fresh, stacks=["streaming"])] == ["streaming"]
    assert {address.partition(".")[0] for address in left_of(fresh)} == {"core"}


@pytest.mark.parametrize("call", [ensure_all, describe_all, delete_all])
def test_an_unknown_stack_is_refused(built, call) -> None:
    with pytest.raises(InfraError, match="there is no stack nope"):
        call(built.clients, stacks=["core", "nope"])


@pytest.mark.parametrize("do", [ensure_all, delete_all])
def test_nothing_is_built_or_deleted_on_real_aws(do) -> None:
    with pytest.raises(InfraError, match="on the embedded substrate alone"):
        do(Clients.aws("eu-west-2"))
