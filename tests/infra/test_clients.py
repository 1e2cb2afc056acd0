"""Clients: made once, cheap to import, and, towards the embedded substrate, unable to leave the loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from infra.clients import Clients, OutsideLoopbackError, is_loopback
from infra.errors import InfraError

ENDPOINT = "http://127.0.0.1:9"


def embedded(endpoint: str = ENDPOINT, account: str = "000000000000") -> Clients:
    return Clients.embedded(endpoint, account)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.eu-west-2.amazonaws.com",
        "http://10.0.0.1:5000",
        "http://0.0.0.0:5000",
        "http://169.254.169.254",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://example.com#127.0.0.1",
        "http://user@127.0.0.1@example.com",
        "127.0.0.1:5000",
        "",
    ],
)
def test_an_endpoint_outside_the_loopback_is_refused(endpoint: str) -> None:
    with pytest.raises(OutsideLoopbackError) as caught:
        embedded(endpoint)
    assert caught.value.exit_code == 10
    assert endpoint in caught.value.problems[0].place


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1", "http://127.9.9.9"]
)
def test_loopback_endpoints_are_accepted(endpoint: str) -> None:
    assert embedded(endpoint).endpoint_url == endpoint.rstrip("/")


@given(st.ip_addresses())
def test_only_loopback_addresses_are_loopback(address: object) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    assert is_loopback(f"http://{host}:80") == address.is_loopback


@pytest.mark.parametrize("account", ["", "12", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢"])
def test_an_account_id_is_twelve_digits(account: str) -> None:
    with pytest.raises(InfraError, match="twelve digits"):
        embedded(account=account)


def test_a_request_that_would_leave_the_loopback_is_stopped_before_it_is_sent() -> None:
    clients = embedded()
    s3 = clients.client("s3")

    def redirect(request: object, **_: object) -> None:
        request.url = "https://s3.eu-west-2.amazonaws.com/bucket"

    s3.meta.events.register_first("request-created.s3", redirect)
    with pytest.raises(OutsideLoopbackError) as caught:
        s3.list_buckets()
    assert "amazonaws.com" in caught.value.problems[0].place
    assert "nothing was sent" in caught.value.problems[0].remedy
    clients.close()


def test_neither_a_proxy_nor_a_profile_nor_an_endpoint_of_the_user_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default\nnot a configuration")
    for name, value in {
        "HTTP_PROXY": "http://proxy.example.com:3128",
        "AWS_PROFILE": "missing",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_S3": "https://example.com",
        "AWS_SESSION_TOKEN": "of somebody",
    }.items():
        monkeypatch.setenv(name, value)
    clients = embedded()
    s3 = clients.client("s3")
    assert s3.meta.endpoint_url == ENDPOINT
    assert s3.meta.region_name == "eu-west-2"
    assert s3.meta.config.proxies == {}
    clients.close()


def test_nothing_is_tried_twice_and_nothing_waits_long() -> None:
    clients = embedded()
    config = clients.client("dynamodb").meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout <= 5
    assert config.read_timeout <= 30
    clients.close()


def test_a_client_is_made_once_however_many_threads_ask() -> None:
    clients = embedded()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: clients.client("sts"), range(32)))
    assert len({id(client) for client in made}) == 1
    clients.close()


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(InfraError, match="'teleport'"):
        embedded().client("teleport")


def test_a_child_process_gets_the_same_account_and_no_file_of_the_users() -> None:
    environment = embedded(account="123456789012").environment()
    assert environment == {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": environment["AWS_SECRET_ACCESS_KEY"],
        "AWS_REGION": "eu-west-2",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def test_a_child_process_on_aws_is_told_the_profile_and_keeps_what_authenticates_it() -> None:
    assert Clients.aws("eu-west-1", profile="audit").environment() == {
        "AWS_PROFILE": "audit",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }


def test_importing_the_module_imports_no_sdk() -> None:
    code = "import sys, infra.clients, infra.emulator.process; print('boto3' in sys.modules, 'moto' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_secret_that_is_read_or_written_is_reported_by_its_name_and_nothing_else_is() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    clients = embedded(f"http://{host}:{port}", "123456789012")
    ssm, vault = clients.client("ssm"), clients.client("secretsmanager")  # made before anybody wants to know
    ssm.put_parameter(Name="/db/password", Type="SecureString", Value="read-password")
    ssm.put_parameter(Name="/db/host", Type="String", Value="db.example.com")
    vault.create_secret(Name="db", SecretString='{"username": "somebody", "password": "read-inside", "port": 5432}')
    vault.create_secret(Name="bytes", SecretBinary=b"read-bytes")
    seen: dict[str, str] = {}
    clients.report_secrets(lambda name, value: seen.setdefault(value, name))
    try:
        ssm.get_parameters(Names=["/db/host", "/db/password"], WithDecryption=True)
        ssm.get_parameters_by_path(Path="/db", WithDecryption=True)
        assert seen == {"read-password": "/db/password"}
        ssm.put_parameter(Name="/db/other", Type="SecureString", Value="written-password")
        vault.get_secret_value(SecretId="db")
        vault.get_secret_value(SecretId="bytes")
        vault.put_secret_value(SecretId="db", SecretString="written-inside")
        assert set(seen) >= {"read-password", "written-password", "read-inside", "read-bytes", "written-inside"}
        assert not {"somebody", "db.example.com"} & set(seen)
        session = clients.client("sts").get_session_token()["Credentials"]
        assert {session["SecretAccessKey"], session["SessionToken"]} <= set(seen)
        with pytest.raises(ssm.exceptions.ParameterNotFound):
            ssm.get_parameter(Name="/db/none", WithDecryption=True)
    finally:
        clients.close()
        server.stop()
