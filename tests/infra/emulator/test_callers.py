"""Who is served: signed requests under a host name of this machine, and nothing that a web page sends."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from infra.clients import Clients
from infra.emulator import signatures
from infra.emulator.callers import objection
from infra.emulator.process import SubstrateProcess
from infra.emulator.signatures import SignatureError, verify

IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass
class Wire:
    """The substrate as any program on this machine sees it."""

    netloc: str

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        """One request; its status, its code of an error, its body."""
        connection = HTTPConnection(self.netloc, timeout=10)
        try:
            connection.request(method, target, body, {"Host": self.netloc} | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("x-phasegate-error", ""), answer.read()
        finally:
            connection.close()


@pytest.fixture
def wire(substrate: SubstrateProcess) -> Wire:
    """The substrate's address, without any credentials."""
    return Wire(urlsplit(substrate.endpoint_url).netloc)


def signed(
    wire: Wire,
    access_key: str,
    secret_key: str,
    *,
    body: bytes = IDENTITY,
    method: str = "POST",
    target: str = "/",
    service: str = "sts",
    headers: Mapping[str, str] = FORM,
    token: str | None = None,
) -> dict[str, str]:
    """The headers of a request that botocore signed."""
    request = AWSRequest(method=method, url=f"http://{wire.netloc}{target}", data=body, headers=dict(headers))
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(access_key, secret_key, token), service, "eu-west-2").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:4566"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example#127.0.0.1"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "0.0.0.0"},  # noqa: S104 - a host name that is refused
        {"Host": "a.execute-api.localhost.evil.example"},
        {"Host": "b.a.execute-api.localhost"},
        {"Host": "169.254.169.254"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3000"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "of tomorrow"},
        {"Sec-Fetch-Site": ""},
    ],
    ids=str,
)
def test_what_a_web_page_sends_is_refused_at_every_door(
    wire: Wire, substrate: SubstrateProcess, account: str, headers: dict[str, str]
) -> None:
    good = signed(wire, account, substrate.record.secret_key)
    control = {"x-phasegate-token": substrate.record.token}
    api = {"Host": "a1b2c3.execute-api.localhost"} | headers
    assert wire.send("POST", "/", IDENTITY, **(good | headers))[:2] == (403, "CallerRefused")
    assert wire.send("GET", "/_phasegate/health", **(control | headers))[:2] == (403, "CallerRefused")
    assert wire.send("GET", "/v1/ops/health", **api)[:2] == (403, "CallerRefused")
    assert wire.send("OPTIONS", "/", b"", **headers)[:2] == (403, "CallerRefused")


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_HOST": "127.0.0.1:80"},
        {"HTTP_HOST": "[::1]:80"},
        {"HTTP_HOST": "LocalHost"},
        {"HTTP_HOST": "a1b2c3.execute-api.localhost:80"},
        {"HTTP_HOST": "a1b2c3.execute-api.eu-west-2.amazonaws.com"},
        {"HTTP_HOST": "127.0.0.1:80", "HTTP_ORIGIN": "http://127.0.0.1:80", "HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_HOST": "127.0.0.1:80", "HTTP_SEC_FETCH_SITE": "none"},
    ],
    ids=str,
)
def test_this_machines_own_programs_are_served(environ: dict[str, str]) -> None:
    assert objection(environ) is None


QUERY = "X-Amz-Credential=333333333333%2F20260101%2Feu-west-2%2F{}%2Faws4_request"


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", f"/?Action=CreateRole&RoleName=x&{QUERY.format('iam')}", "MissingAuthenticationToken"),
        ("POST", f"/2015-03-31/functions?{QUERY.format('lambda')}", "MissingAuthenticationTokenException"),
        (
            "POST",
            f"/2015-03-31/functions/f/invocations?X-Amz-Algorithm=AWS4-HMAC-SHA256&{QUERY.format('lambda')}",
            "MissingAuthenticationTokenException",
        ),
        ("GET", "/", "AccessDenied"),
        ("GET", "/bucket?AWSAccessKeyId=000000000000&Signature=x&Expires=9999999999", "AccessDenied"),
        ("DELETE", "/bucket/key", "AccessDenied"),
        ("PUT", "/bucket/key", "AccessDenied"),
    ],
)
def test_an_unsigned_request_is_refused(wire: Wire, method: str, target: str, code: str) -> None:
    assert wire.send(method, target, b"{}")[:2] == (403, code)


def test_a_signature_by_another_secret_is_refused_in_every_form(wire: Wire, substrate: SubstrateProcess) -> None:
    account = substrate.worlds.fresh_account()
    for secret in ("phasegate-embedded", "x", substrate.record.token):
        assert wire.send("POST", "/", IDENTITY, **signed(wire, account, secret))[0] == 403
        impostor = Clients.embedded(substrate.endpoint_url, account, secret_key=secret)
        for service, operation, code in [
            ("s3", "list_buckets", "SignatureDoesNotMatch"),
            ("ssm", "describe_parameters", "InvalidSignatureException"),
            ("lambda", "list_functions", "InvalidSignatureException"),
            ("iam", "list_roles", "SignatureDoesNotMatch"),
            ("ec2", "describe_vpcs", "SignatureDoesNotMatch"),
        ]:
            with pytest.raises(ClientError) as caught:
                getattr(impostor.client(service), operation)()
            assert caught.value.response["Error"]["Code"] == code
        impostor.close()


def test_what_was_signed_is_what_is_served(wire: Wire, substrate: SubstrateProcess, account: str) -> None:
    secret = substrate.record.secret_key
    good = signed(wire, account, secret)
    assert wire.send("POST", "/", IDENTITY, **good)[0] == 200
    assert wire.send("POST", "/", IDENTITY.replace(b"Get", b"Set"), **good)[0] == 403
    assert wire.send("POST", "/?Action=ListRoles", IDENTITY, **good)[0] == 403
    assert wire.send("PUT", "/", IDENTITY, **good)[0] == 403
    assert wire.send("POST", "/x", IDENTITY, **good)[0] == 403
    assert wire.send("POST", "/", IDENTITY, **good, **{"X-Amz-Target": "Logs.DescribeLogGroups"})[0] == 403
    assert wire.send("POST", "/", IDENTITY, **(good | {"X-Amz-Security-Token": "of nobody"}))[0] == 403
    assert wire.send("POST", "/", IDENTITY, **(good | {"X-Amz-Date": "20200101T000000Z"}))[0] == 403
    elsewhere = {name: value.replace("eu-west-2", "eu-west-1") for name, value in good.items()}
    assert wire.send("POST", "/", IDENTITY, **elsewhere)[0] == 403


@pytest.fixture
def issued(clients: Clients) -> dict[str, str]:
    """Credentials that STS issued for a role of this world."""
    role = clients.client("iam").create_role(RoleName="assumed", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    found: dict[str, str] = clients.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return found


def test_keys_that_the_emulator_issued_are_held_to_secret_token_and_state(
    wire: Wire, clients: Clients, issued: dict[str, str]
) -> None:
    key, secret, token = issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"]
    assert wire.send("POST", "/", IDENTITY, **signed(wire, key, secret, token=token))[0] == 200
    assert wire.send("POST", "/", IDENTITY, **signed(wire, key, secret))[:2] == (403, "InvalidClientTokenId")
    assert wire.send("POST", "/", IDENTITY, **signed(wire, key, secret, token=f"{token}x"))[0] == 403
    assert wire.send("POST", "/", IDENTITY, **signed(wire, key, "x" * 40, token=token))[0] == 403
    assert wire.send("POST", "/", IDENTITY, **signed(wire, "ASIA0000000000000000", secret))[0] == 403
    iam = clients.client("iam")
    iam.create_user(UserName="u")
    made = iam.create_access_key(UserName="u")["AccessKey"]
    of_user = signed(wire, made["AccessKeyId"], made["SecretAccessKey"])
    assert wire.send("POST", "/", IDENTITY, **of_user)[0] == 200
    iam.update_access_key(UserName="u", AccessKeyId=made["AccessKeyId"], Status="Inactive")
    assert wire.send("POST", "/", IDENTITY, **of_user)[0] == 403


def test_a_presigned_url_is_held_to_its_signature_method_and_term(wire: Wire, clients: Clients) -> None:
    name = f"presigned-{clients.account_id}"
    s3 = clients.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": clients.region})
    params = {"Bucket": name, "Key": "a b+c/ü%2F"}
    put = s3.generate_presigned_url("put_object", Params=params).partition(wire.netloc)[2]
    get = s3.generate_presigned_url("get_object", Params=params).partition(wire.netloc)[2]
    assert wire.send("PUT", put, b"held")[0] == 200
    assert wire.send("GET", get)[::2] == (200, b"held")
    assert wire.send("DELETE", get)[:2] == (403, "SignatureDoesNotMatch")
    assert wire.send("GET", f"{get}&versionId=1")[0] == 403
    assert wire.send("GET", get.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601"))[0] == 403
    assert wire.send("GET", get[:-1] + ("0" if get[-1] != "0" else "1"))[0] == 403
    token = clients.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert wire.send("GET", token.partition(wire.netloc)[2])[0] == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_a_bucket_is_its_accounts_alone(wire: Wire, substrate: SubstrateProcess, clients: Clients, method: str) -> None:
    name = f"private-{method.lower()}-{clients.account_id}"
    own = clients.client("s3")
    own.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": clients.region})
    own.put_object(Bucket=name, Key="k", Body=b"secret")
    other = substrate.worlds.fresh_account()
    for target in (
        f"/{name}",
        f"/{name}/k",
        f"/{name}/",
        f"/{name}?acl",
        f"//{name}/k",
        f"/%{ord(name[0]):x}{name[1:]}/k",
    ):
        foreign = signed(wire, other, substrate.record.secret_key, body=b"", method=method, target=target, service="s3")
        # Creating a bucket whose name is taken is S3's to refuse.
        assert wire.send(method, target, **foreign)[0] in ((400, 403, 409) if method == "PUT" else (403,)), target
        assert wire.send(method, target)[0] == 403, target
    assert own.get_object(Bucket=name, Key="k")["Body"].read() == b"secret"


def test_a_copy_takes_nothing_out_of_another_accounts_bucket(substrate: SubstrateProcess, clients: Clients) -> None:
    other = substrate.clients(substrate.worlds.fresh_account())
    names = {made.account_id: f"copy-{made.account_id}" for made in (clients, other)}
    for made in (clients, other):
        place = {"LocationConstraint": made.region}
        made.client("s3").create_bucket(Bucket=names[made.account_id], CreateBucketConfiguration=place)
    clients.client("s3").put_object(Bucket=names[clients.account_id], Key="k", Body=b"secret")
    for source in ({"Bucket": names[clients.account_id], "Key": "k"}, f"{names[clients.account_id]}/k"):
        with pytest.raises(ClientError, match="AccessDenied"):
            other.client("s3").copy_object(Bucket=names[other.account_id], Key="k", CopySource=source)
    other.close()


def environ_of(headers: Mapping[str, str], method: str, target: str) -> dict[str, Any]:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {"REQUEST_METHOD": method, "RAW_URI": target, "QUERY_STRING": urlsplit(target).query, **named}


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Credentials("000000000000", "secret")


def upload(payload: str) -> dict[str, str]:
    """The signed headers of an upload to S3, made at `NOW`, whose body is stated as `payload`."""
    request = AWSRequest(method="PUT", url="http://localhost/b/k", headers={"X-Amz-Content-SHA256": payload})
    signer = S3SigV4Auth(KEY, "s3", "eu-west-2")
    request.context["timestamp"] = NOW.strftime(STAMP)
    request.headers["X-Amz-Date"] = NOW.strftime(STAMP)
    request.headers["Host"] = "localhost"
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return dict(request.headers.items())


def chunk_signature(kind: str, previous: str, *digests: str) -> str:
    key = b"AWS4secret"
    for part in (NOW.strftime("%Y%m%d"), "eu-west-2", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = f"{NOW:%Y%m%d}/eu-west-2/s3/aws4_request"
    lines = [f"AWS4-HMAC-SHA256-{kind}", NOW.strftime(STAMP), scope, previous, *digests]
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def chunked(headers: Mapping[str, str], *chunks: bytes, trailer: bytes = b"") -> bytes:
    """A body in signed chunks, as SDKs send it that sign while they read."""
    previous = headers["Authorization"].rpartition("Signature=")[2]
    nothing, body = hashlib.sha256().hexdigest(), b""
    for chunk in (*chunks, b""):
        previous = chunk_signature("PAYLOAD", previous, nothing, hashlib.sha256(chunk).hexdigest())
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        stated = chunk_signature("TRAILER", previous, hashlib.sha256(trailer + b"\n").hexdigest())
        body += trailer + b"\r\nx-amz-trailer-signature:" + stated.encode() + b"\r\n"
    return body + b"\r\n"


def accepted(headers: Mapping[str, str], body: bytes, now: datetime = NOW) -> bool:
    try:
        verify(
            environ_of(headers, "PUT", "/b/k"), body, lambda _: signatures.Credentials("000000000000", "secret"), now
        )
    except SignatureError:
        return False
    return True


def test_the_bodies_of_s3_are_held_to_what_their_signature_says() -> None:
    body = b"whole"
    assert accepted(upload(hashlib.sha256(body).hexdigest()), body)
    assert not accepted(upload(hashlib.sha256(body).hexdigest()), b"other")
    assert accepted(upload("UNSIGNED-PAYLOAD"), b"anything")
    assert accepted(upload("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), b"2\r\nab\r\n0\r\n\r\n")
    assert not accepted(upload("STREAMING-OF-TOMORROW"), b"anything")


def test_each_signed_chunk_is_held_to_its_own_bytes_and_place() -> None:
    headers = upload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    first, second = b"a" * 20, b"b" * 7
    good = chunked(headers, first, second)
    assert accepted(headers, good)
    assert accepted(headers, chunked(headers))
    assert not accepted(headers, good.replace(b"aaaa", b"aaab", 1))
    assert not accepted(headers, good[: good.index(b"7;")] + good[good.index(b"0;") :])
    assert not accepted(headers, good[: good.index(b"0;")])
    assert not accepted(headers, good[:40])
    assert not accepted(headers, b"")
    with_trailer = upload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
    trailed = chunked(with_trailer, first, trailer=b"x-amz-checksum-crc32:AAAAAA==")
    assert accepted(with_trailer, trailed)
    assert not accepted(with_trailer, trailed.replace(b"AAAAAA==", b"BAAAAA=="))
    assert not accepted(with_trailer, chunked(with_trailer, first))


@pytest.mark.parametrize(("minutes", "holds"), [(0, True), (14, True), (-14, True), (16, False), (-16, False)])
def test_a_signature_holds_for_a_quarter_of_an_hour(minutes: int, holds: bool) -> None:
    assert accepted(upload("UNSIGNED-PAYLOAD"), b"", NOW + timedelta(minutes=minutes)) is holds


def test_functions_and_tasks_act_with_credentials_of_their_role_alone(
    substrate: SubstrateProcess, clients: Clients
) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = clients.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    states = clients.client("stepfunctions")
    definition = {
        "StartAt": "Who",
        "States": {"Who": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "End": True}},
    }
    machine = states.create_state_machine(name="who", definition=json.dumps(definition), roleArn=role)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        pass
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["Arn"].endswith(":assumed-role/task/states")


def test_the_printed_secret_is_not_the_token_and_changes_with_the_process(substrate: SubstrateProcess) -> None:
    environment = substrate.clients("000000000000").environment()
    secret = environment["AWS_SECRET_ACCESS_KEY"]
    assert secret == substrate.record.secret_key
    assert substrate.record.token not in secret
    assert secret not in (substrate.state_dir / "substrate.json").read_text()
    sts = boto3.client(
        "sts",
        region_name="eu-west-2",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id="123456789012",
        aws_secret_access_key=secret,
    )
    assert sts.get_caller_identity()["Account"] == "123456789012"
    sts.close()
