"""The private path: health, worlds and owners for whoever holds the token, nothing for anybody else."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from infra.clients import Clients
from infra.emulator.control import MAX_CALL_BYTES
from infra.emulator.control_client import ControlClient
from infra.emulator.patches import PATCHES
from infra.emulator.process import SubstrateProcess
from infra.errors import SubstrateError


def raw(
    substrate: SubstrateProcess, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, bytes]:
    target = urlsplit(substrate.endpoint_url)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=5)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_health_tells_what_runs(substrate: SubstrateProcess, clients: Clients) -> None:
    clients.client("sts").get_caller_identity()
    health = substrate.health()
    assert health["pid"] == substrate.pid
    assert health["endpoint_url"] == substrate.endpoint_url
    assert health["patches"] == [patch.name for patch in PATCHES]
    assert health["defects"] == {}
    assert health["uptime_seconds"] > 0
    assert clients.account_id in health["accounts_seen"]


@pytest.mark.parametrize("token", [None, "", "guess", "ünïcode"])
@pytest.mark.parametrize(("method", "path"), [("POST", "shutdown"), ("GET", "health"), ("POST", "faults")])
def test_nothing_happens_without_the_token(
    substrate: SubstrateProcess, method: str, path: str, token: str | None
) -> None:
    headers = {} if token is None else {"x-phasegate-token": token.encode("utf-8").decode("latin-1")}
    status, body = raw(substrate, method, f"/_phasegate/{path}", headers)
    assert status == 403
    assert "token" in json.loads(body)["error"]
    assert substrate.health()["pid"] == substrate.pid


def test_no_bucket_can_shadow_the_private_path(substrate: SubstrateProcess, clients: Clients) -> None:
    with pytest.raises(ClientError):
        clients.client("s3").create_bucket(
            Bucket="_phasegate", CreateBucketConfiguration={"LocationConstraint": clients.region}
        )


@pytest.mark.parametrize("state", [{"outputs": {"vpc_id": "vpc-1"}, "list": [1, None, "ä"]}, [], "text", 0])
def test_a_world_remembers_what_was_recorded(substrate: SubstrateProcess, account: str, state: Any) -> None:
    assert substrate.worlds.get(account) is None
    substrate.worlds.put(account, state)
    assert substrate.worlds.get(account) == state
    assert account in substrate.worlds.recorded()
    substrate.worlds.forget(account)
    assert substrate.worlds.get(account) is None


def test_a_world_state_has_a_limit(substrate: SubstrateProcess, account: str) -> None:
    with pytest.raises(SubstrateError, match=f"at most {MAX_CALL_BYTES} bytes"):
        substrate.worlds.put(account, "x" * MAX_CALL_BYTES)


def test_fresh_accounts_never_repeat(substrate: SubstrateProcess) -> None:
    handed = [substrate.worlds.fresh_account() for _ in range(20)]
    assert len(set(handed)) == 20
    assert all(len(account) == 12 and account.isdigit() for account in handed)


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "nowhere", None, "no control call GET nowhere"),
        ("GET", "worlds/12", None, "no control call"),
        ("PATCH", "worlds/000000000000", None, "knows no PATCH"),
        ("PATCH", "faults", None, "know no PATCH"),
        ("POST", "owners", {"pid": 0, "started": "1"}, "a pid and its start mark"),
        ("POST", "owners", "me", "a pid and its start mark"),
        ("POST", "faults", None, "no JSON"),
    ],
)
def test_a_wrong_call_is_refused_with_the_reason(
    substrate: SubstrateProcess, method: str, path: str, body: Any, said: str
) -> None:
    with pytest.raises(SubstrateError, match=said):
        substrate.control.call(method, path, body)


def test_an_owner_that_is_gone_is_not_accepted(substrate: SubstrateProcess) -> None:
    answer = substrate.control.call("POST", "owners", {"pid": substrate.pid, "started": "long ago"})
    assert answer == {"accepted": False}


def test_a_client_with_a_token_of_another_process_is_refused(substrate: SubstrateProcess) -> None:
    with pytest.raises(SubstrateError, match="the substrate refuses"):
        ControlClient(replace(substrate.record, token="other")).call("GET", "health")


def test_a_request_without_a_usable_length_is_refused_and_the_process_goes_on(substrate: SubstrateProcess) -> None:
    status, _ = raw(substrate, "POST", "/", {"Content-Length": "many"})
    assert status == 400
    assert substrate.health()["pid"] == substrate.pid


def test_one_connection_serves_many_requests(substrate: SubstrateProcess) -> None:
    target = urlsplit(substrate.endpoint_url)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=5)
    headers = {"x-phasegate-token": substrate.record.token}
    connection.connect()
    opened = connection.sock
    for _ in range(5):
        connection.request("GET", "/_phasegate/health", headers=headers)
        connection.getresponse().read()
        assert connection.sock is opened
    connection.close()


def test_a_chunked_body_is_read_whole(substrate: SubstrateProcess, account: str) -> None:
    target = urlsplit(substrate.endpoint_url)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=5)
    headers = {"x-phasegate-token": substrate.record.token}
    for _ in range(2):
        connection.request(
            "PUT", f"/_phasegate/worlds/{account}", body=iter([b'{"a":', b" 1}"]), headers=headers, encode_chunked=True
        )
        assert connection.getresponse().read() == b'{"recorded": true}'
    connection.close()
    assert substrate.worlds.get(account) == {"a": 1}


def test_a_client_that_asks_first_is_told_to_go_on(substrate: SubstrateProcess, account: str) -> None:
    target = urlsplit(substrate.endpoint_url)
    head = (
        f"PUT /_phasegate/worlds/{account} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Length: 2\r\n"
        f"x-phasegate-token: {substrate.record.token}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((str(target.hostname), target.port), timeout=5) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert substrate.worlds.get(account) == {}
