"""Faults to order: the right requests get them, in the form their protocol expects, as often as ordered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from infra.clients import Clients
from infra.emulator.aws_request import AwsRequest
from infra.emulator.faults import Fault, FaultBook, FaultError, corrupted
from infra.emulator.process import SubstrateProcess
from infra.errors import SubstrateError


@pytest.fixture
def bucket(clients: Clients) -> str:
    name = f"faults-{clients.account_id}"
    s3 = clients.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": clients.region})
    s3.put_object(Bucket=name, Key="kept", Body=b"as it was written")
    return name


CALLS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "S3 XML": ("s3", lambda client: client.list_buckets(), "ListBuckets"),
    "EC2 query XML": ("ec2", lambda client: client.describe_vpcs(), "DescribeVpcs"),
    "query XML": ("iam", lambda client: client.list_roles(), "ListRoles"),
    "JSON 1.0": ("dynamodb", lambda client: client.list_tables(), "ListTables"),
    "JSON 1.1": ("ssm", lambda client: client.describe_parameters(), "DescribeParameters"),
    "REST JSON": ("kafka", lambda client: client.list_clusters_v2(), "ListClustersV2"),
    "REST JSON behind another signing name": ("apigatewayv2", lambda client: client.get_apis(), "GetApis"),
}


@pytest.mark.parametrize("status", [403, 404, 500, 503])
@pytest.mark.parametrize("protocol", CALLS)
def test_an_error_comes_in_the_form_of_its_protocol(
    substrate: SubstrateProcess, clients: Clients, protocol: str, status: int
) -> None:
    service, call, operation = CALLS[protocol]
    fault = Fault(
        account_id=clients.account_id,
        operation=operation,
        status=status,
        code="OnOrder",
        message="told <so> & so",
        times=1,
    )
    with substrate.faults.injected(fault):
        with pytest.raises(ClientError) as caught:
            call(clients.client(service))
        call(clients.client(service))
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == ("OnOrder", "told <so> & so")


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (500, "InternalError")])
def test_s3_refuses_a_publish_and_keeps_what_was_there(
    substrate: SubstrateProcess, clients: Clients, bucket: str, status: int, code: str
) -> None:
    s3 = clients.client("s3")
    fault = Fault(account_id=clients.account_id, service="s3", operation="PutObject", status=status)
    with substrate.faults.injected(fault), pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="kept", Body=b"other")
    assert caught.value.response["Error"]["Code"] == code
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"as it was written"


def test_a_read_back_can_differ_without_the_client_noticing_by_itself(
    substrate: SubstrateProcess, clients: Clients, bucket: str
) -> None:
    s3 = clients.client("s3")
    fault = Fault(kind="corrupt", account_id=clients.account_id, operation="GetObject", path="/kept$", times=1)
    with substrate.faults.injected(fault):
        differing = s3.get_object(Bucket=bucket, Key="kept", ChecksumMode="ENABLED")["Body"].read()
        right = s3.get_object(Bucket=bucket, Key="kept", ChecksumMode="ENABLED")["Body"].read()
    assert differing == b"#s it was written"
    assert right == b"as it was written"


def test_a_fault_without_a_body_is_seen_by_its_status(
    substrate: SubstrateProcess, clients: Clients, bucket: str
) -> None:
    fault = Fault(account_id=clients.account_id, method="HEAD", status=403)
    with substrate.faults.injected(fault), pytest.raises(ClientError) as caught:
        clients.client("s3").head_object(Bucket=bucket, Key="kept")
    assert caught.value.response["Error"]["Code"] == "403"


def test_a_delay_holds_the_answer_back(substrate: SubstrateProcess, clients: Clients, bucket: str) -> None:
    fault = Fault(kind="delay", account_id=clients.account_id, delay_seconds=0.3, times=1)
    with substrate.faults.injected(fault):
        began = time.monotonic()
        clients.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read()
        assert time.monotonic() - began >= 0.3


def test_a_fault_of_one_world_leaves_the_others_alone(substrate: SubstrateProcess, clients: Clients) -> None:
    other = substrate.clients(substrate.worlds.fresh_account())
    with substrate.faults.injected(Fault(account_id=clients.account_id)):
        assert other.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(ClientError):
            clients.client("sqs").list_queues()
    other.close()


def test_rules_are_counted_and_cleared(substrate: SubstrateProcess, clients: Clients) -> None:
    fault = Fault(account_id=clients.account_id, service="sqs", times=1)
    fault_id = substrate.faults.inject(fault)
    with pytest.raises(ClientError):
        clients.client("sqs").list_queues()
    clients.client("sqs").list_queues()
    [status] = [entry for entry in substrate.faults.statuses() if entry.fault_id == fault_id]
    assert (status.fault, status.hits, status.remaining) == (fault, 1, 0)
    assert substrate.faults.clear(fault_id) == 1
    assert substrate.faults.clear(fault_id) == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "explode"}, "not one of error, corrupt, delay"),
        ({"status": 200}, "no HTTP error"),
        ({"status": "500"}, "status is '500'"),
        ({"times": 0}, "at least 1"),
        ({"times": True}, "times is True"),
        ({"path": "("}, "no regular expression"),
        ({"delay_seconds": 1e9}, "within 0 and 60"),
        ({"colour": "red"}, "knows nothing of colour"),
        (["status"], "knows nothing of list"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_reason(data: Any, said: str) -> None:
    with pytest.raises(FaultError, match=said):
        Fault.from_json(data)


def test_the_process_refuses_a_rule_that_makes_no_sense(substrate: SubstrateProcess) -> None:
    with pytest.raises(SubstrateError, match="knows nothing of colour"):
        substrate.control.call("POST", "faults", {"colour": "red"})


def request(**change: Any) -> AwsRequest:
    given: dict[str, Any] = {
        "method": "GET",
        "path": "/a",
        "access_key": "000000000000",
        "region": "eu-west-2",
        "service": "s3",
        "protocol": "rest-xml",
        "operation": None,
    }
    return AwsRequest(**{**given, **change})


def test_the_oldest_rule_that_is_not_spent_wins() -> None:
    book = FaultBook()
    book.add(Fault(status=403, times=1))
    book.add(Fault(status=404, service="kafka"))
    book.add(Fault(status=503))
    taken = [book.take(request(), "000000000000", lambda: None) for _ in range(2)]
    assert [fault and fault.status for fault in taken] == [403, 503]


def test_the_operation_is_worked_out_only_when_a_rule_depends_on_it() -> None:
    book, asked = FaultBook(), []

    def operation() -> str:
        asked.append(1)
        return "GetObject"

    book.add(Fault(service="kafka", operation="GetObject"))
    assert book.take(request(), "000000000000", operation) is None
    assert asked == []
    book.add(Fault(service="s3", operation="GetObject"))
    assert book.take(request(), "000000000000", operation) is not None


@given(st.binary())
def test_a_corrupted_body_always_differs(body: bytes) -> None:
    assert corrupted(body) != body


@given(
    st.builds(
        Fault,
        kind=st.sampled_from(["error", "corrupt", "delay"]),
        account_id=st.none() | st.from_regex(r"[0-9]{12}", fullmatch=True),
        operation=st.none() | st.text(),
        status=st.integers(400, 599),
        code=st.none() | st.text(),
        times=st.none() | st.integers(min_value=1),
        delay_seconds=st.floats(0, 60),
    )
)
def test_a_rule_survives_the_way_to_the_process(fault: Fault) -> None:
    assert Fault.from_json(fault.to_json()) == fault
