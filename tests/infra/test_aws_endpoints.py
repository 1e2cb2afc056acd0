"""AWS is AWS: whatever the user's environment names, no client of it reaches an emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from infra.aws_endpoints import NotAwsError, only_aws, partition_of
from infra.clients import Clients
from infra.errors import SubstrateError

ELSEWHERE = "http://127.0.0.1:9"
CONFIG = f"""
[default]
endpoint_url = {ELSEWHERE}
services = emulated
ignore_configured_endpoint_urls = false
ca_bundle = /nowhere.pem
[services emulated]
s3 =
  endpoint_url = {ELSEWHERE}
"""
SERVICES = (
    "apigatewayv2",
    "dynamodb",
    "ec2",
    "eks",
    "iam",
    "kafka",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sqs",
    "ssm",
    "sts",
)


@pytest.fixture
def lured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that names an emulator in every way that the SDK knows."""
    (tmp_path / "config").write_text(CONFIG)
    models = tmp_path / "models"
    models.mkdir()
    (models / "partitions.json").write_text('{"partitions": []}')
    for name, value in {
        "AWS_ENDPOINT_URL": ELSEWHERE,
        "AWS_ENDPOINT_URL_S3": ELSEWHERE,
        "AWS_ENDPOINT_URL_STS": ELSEWHERE,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_DATA_PATH": str(models),
        "AWS_CA_BUNDLE": "/nowhere.pem",
        "REQUESTS_CA_BUNDLE": "/nowhere.pem",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)


def sent_to(client: object, operation: str, **arguments: object) -> str:
    """The URL that a call would go to; nothing is sent."""
    seen: list[str] = []

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        seen.append(request.url)
        return AWSResponse(request.url, 403, {}, None)

    client.meta.events.register_last("before-send", answer)  # type: ignore[attr-defined]
    with pytest.raises(Exception):  # noqa: B017, PT011 - the answer is no answer; the address is what counts
        getattr(client, operation)(**arguments)
    return seen[0]


@pytest.mark.usefixtures("lured")
def test_no_endpoint_or_certificate_of_the_environment_counts() -> None:
    clients = Clients.aws("eu-west-2")
    for service in SERVICES:
        client = clients.client(service)
        assert client.meta.endpoint_url.startswith("https://"), service
        assert client.meta.endpoint_url.endswith(".amazonaws.com"), service
        assert client._endpoint.http_session._verify is True
    assert sent_to(clients.client("s3"), "list_objects_v2", Bucket="bucket").startswith(
        "https://bucket.s3.eu-west-2.amazonaws.com/"
    )


@pytest.mark.usefixtures("lured")
def test_a_client_that_fetches_credentials_obeys_as_well() -> None:
    clients = Clients.aws("eu-west-2")
    clients.client("sts")
    of_the_session = clients._session._session.create_client("sts", region_name="eu-west-2")
    assert of_the_session.meta.endpoint_url == "https://sts.eu-west-2.amazonaws.com"
    of_the_session.meta.events.register_first(
        "request-created.sts", lambda request, **_: setattr(request, "url", ELSEWHERE)
    )
    with pytest.raises(NotAwsError):
        of_the_session.get_caller_identity()


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-2", "https://bucket.s3.eu-west-2.amazonaws.com/key"),
        ("eu-west-2", "https://s3.us-east-1.amazonaws.com/"),
        ("eu-west-2", "https://s3.dualstack.eu-west-2.amazonaws.com/"),
        ("eu-west-2", "https://ssm.eu-west-2.api.aws/"),
        ("eu-west-2", "https://iam.amazonaws.com:443/"),
        ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"),
        ("cn-north-1", "https://sts.cn-north-1.api.amazonwebservices.com.cn/"),
    ],
)
def test_hosts_of_the_partition_are_let_through(region: str, url: str) -> None:
    only_aws(partition_of(region))(AWSPreparedRequest("GET", url, {}, b"", stream_output=False))


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.eu-west-2.amazonaws.com/",
        "https://s3.eu-west-2.amazonaws.com:4566/",
        "https://user@s3.eu-west-2.amazonaws.com/",
        "https://amazonaws.com/",
        "https://s3.amazonaws.com.example.com/",
        "https://evilamazonaws.com/",
        "https://sts.cn-north-1.amazonaws.com.cn/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https:///",
    ],
)
def test_every_other_host_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NotAwsError) as caught:
        only_aws(partition_of("eu-west-2"))(AWSPreparedRequest("GET", url, {}, b"", stream_output=False))
    assert caught.value.exit_code == 10
    assert "nothing was sent" in caught.value.problems[0].remedy


def test_a_redirect_to_another_host_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sqs = Clients.aws("eu-west-2").client("sqs")
    sqs.meta.events.register_first("request-created.sqs", lambda request, **_: setattr(request, "url", ELSEWHERE))
    with pytest.raises(NotAwsError):
        sqs.list_queues()


@pytest.mark.parametrize(
    "region", ["eu-west-99", "aws-global", "", "eu-west-2.evil.example", "EU-WEST-2", "us-east-1#"]
)
def test_a_region_that_does_not_exist_is_an_error_with_a_remedy(region: str) -> None:
    with pytest.raises(SubstrateError, match="knows no AWS region") as caught:
        Clients.aws(region)
    assert caught.value.exit_code == 10


def test_a_named_vpc_endpoint_is_used() -> None:
    named = [
        "ssm=https://vpce-0abc-xyz.ssm.eu-west-2.vpce.amazonaws.com",
        "s3=https://bucket.vpce-0abc-xyz.s3.eu-west-2.vpce.amazonaws.com/",
        "stepfunctions=https://vpce-0abc-xyz.states.eu-west-2.vpce.amazonaws.com",
    ]
    clients = Clients.aws("eu-west-2", endpoints=named)
    assert clients.client("ssm").meta.endpoint_url == "https://vpce-0abc-xyz.ssm.eu-west-2.vpce.amazonaws.com"
    assert clients.client("sts").meta.endpoint_url == "https://sts.eu-west-2.amazonaws.com"


@pytest.mark.parametrize(
    "named",
    [
        "ssm",
        "ssm=",
        "teleport=https://vpce-0abc.teleport.eu-west-2.vpce.amazonaws.com",
        f"ssm={ELSEWHERE}",
        "ssm=http://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com",
        "ssm=https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com:8443",
        "ssm=https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com:x",
        "ssm=https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com/other",
        "ssm=https://vpce-0abc.ssm.us-east-1.vpce.amazonaws.com",
        "ssm=https://vpce-0abc.kms.eu-west-2.vpce.amazonaws.com",
        "ssm=https://vpce-0abc.vpce-svc-0def.eu-west-2.vpce.amazonaws.com",
        "ssm=https://abc.execute-api.eu-west-2.amazonaws.com",
        "ssm=https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com.example.com",
        "ssm=https://[",
    ],
)
def test_anything_else_that_is_named_is_refused(named: str) -> None:
    with pytest.raises(SubstrateError) as caught:
        Clients.aws("eu-west-2", endpoints=[named])
    assert caught.value.exit_code == 10
    assert caught.value.problems[0].place == f"--aws-endpoint {named}"


def test_a_service_is_named_once() -> None:
    url = "https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com"
    with pytest.raises(SubstrateError, match="named twice"):
        Clients.aws("eu-west-2", endpoints=[f"ssm={url}", f"ssm={url}"])


def test_certificates_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SubstrateError, match="not there"):
        Clients.aws("eu-west-2", ca_bundle=tmp_path / "none.pem")


@pytest.mark.parametrize("broken", ["credentials", "config"])
def test_files_of_the_sdk_that_cannot_be_read_are_an_error(
    broken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_bytes(b"[default]\naws_access_key_id = \xff\xfe")
    (tmp_path / "config").write_bytes(b"[default\nnothing")
    used = {"credentials": "AWS_SHARED_CREDENTIALS_FILE", "config": "AWS_CONFIG_FILE"}[broken]
    monkeypatch.setenv(used, str(tmp_path / broken))
    with pytest.raises(SubstrateError) as caught:
        _ = Clients.aws("eu-west-2").account_id
    assert caught.value.exit_code == 10
