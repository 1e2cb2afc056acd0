"""Where the gates look: the account and region of the registry, on AWS only what is AWS."""

from __future__ import annotations

import pytest

from fixtures.account import hold_account, reached
from infra.clients import Clients
from infra.errors import SubstrateError
from infra.handles import load
from phasegate.errors import ExitCode
from tests.gates.rehearsal import CATALOGUE

NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
"""What keeps a run on AWS on this machine, whatever the machine can reach."""

REQUIRED = {name for gate in CATALOGUE.gates.values() for names in gate.handles.values() for name in names}


@pytest.mark.parametrize("case", ["emulator", "no credentials", "unknown profile", "malformed endpoint", "workers"])
def test_a_run_on_aws_that_cannot_reach_aws_ends_with_10_and_leaves_no_evidence(platform, case) -> None:
    key = {"AWS_ACCESS_KEY_ID": platform.world.account_id, "AWS_SECRET_ACCESS_KEY": "x"}
    environment = {
        "emulator": {"AWS_ENDPOINT_URL": platform.substrate.endpoint_url, **key},
        "no credentials": {"AWS_SHARED_CREDENTIALS_FILE": str(platform.path / "none")},
        "unknown profile": {"AWS_PROFILE": "nobody", "AWS_CONFIG_FILE": str(platform.path / "none")},
        "malformed endpoint": {"AWS_ENDPOINT_URL": "::not a url::", **key},
        "workers": key,
    }[case]
    platform.environment = NOWHERE | environment
    platform.registry = platform.world.registry_path
    run = platform.run("m4a or m4b", "--substrate=aws", *(["-n", "1"] if case == "workers" else []))
    assert run.code == ExitCode.SUBSTRATE, run.output
    assert "remedy" in run.output
    assert "Traceback (most recent call last)" not in run.output
    assert "INTERNALERROR" not in run.output
    assert not list(platform.runs.glob("dev_full/m4/m4*"))


def test_certificates_that_are_not_there_are_an_error_of_usage(platform) -> None:
    platform.registry = platform.world.registry_path
    run = platform.run("m4a", "--substrate=aws", "--aws-ca-bundle=none.pem")
    assert run.code == ExitCode.USAGE, run.output
    assert "--aws-ca-bundle=none.pem: there is no such file" in run.output


def test_what_is_named_and_is_no_vpc_endpoint_ends_with_10(platform) -> None:
    run = platform.run("m4a", "--substrate=aws", f"--aws-endpoint=s3={platform.substrate.endpoint_url}")
    assert run.code == ExitCode.SUBSTRATE, run.output
    assert "is no VPC endpoint of s3 in eu-west-2" in run.output


def test_a_platform_in_another_region_than_the_registrys_is_not_found(platform) -> None:
    platform.edit_registry({"AWS_REGION": '"us-east-1"'})
    run = platform.run("m4a or m4b or m4c")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.C") == ["M4C-B3", "M4C-B4", "M4C-B5"]
    assert "does not exist" in run.details("M4.C", "M4C-B4")


@pytest.mark.parametrize(
    ("value", "code", "fact"),
    [
        (None, ExitCode.REGISTRY, "AWS_REGION has no value"),
        ('"TO_PIN"', ExitCode.REGISTRY, "AWS_REGION has no value"),
        ('"eu-west-99"', ExitCode.SUBSTRATE, "knows no AWS region 'eu-west-99'"),
    ],
)
def test_a_registry_without_a_usable_region_stops_the_session(platform, value, code, fact) -> None:
    platform.edit_registry({"AWS_REGION": value})
    run = platform.run("m4a")
    assert run.code == code, run.output
    assert fact in run.output


def test_the_evidence_says_by_which_endpoints_the_platform_was_reached(platform) -> None:
    assert platform.run("m4a").summary("M4.A")["provenance"]["endpoints"] == "loopback"
    vpc = "ssm=https://vpce-0abc.ssm.eu-west-2.vpce.amazonaws.com"
    bundle = platform.path / "corporate.pem"
    bundle.write_text("certificates")
    assert reached(Clients.aws("eu-west-2")) == {"endpoints": "public"}
    found = reached(Clients.aws("eu-west-2", endpoints=[vpc], ca_bundle=bundle))
    assert found["endpoints"] == f"public, {vpc}"
    assert len(found["ca_bundle_sha256"]) == 64


def test_the_account_is_the_one_that_every_arn_of_the_gates_names(platform) -> None:
    registry, account = load(platform.world.registry_path), platform.world.account_id
    hold_account(account, registry, REQUIRED)
    with pytest.raises(SubstrateError) as caught:
        hold_account("123456789012", registry, REQUIRED)
    assert caught.value.exit_code == ExitCode.SUBSTRATE
    assert len(caught.value.problems) == 13  # eleven roles, the streaming cluster, the Kubernetes cluster
    platform.edit_registry({"ROLE_EKS_IRSA_IG": '"arn:aws:iam::123456789012:role/other"', "EKS_CLUSTER_ARN": None})
    with pytest.raises(SubstrateError, match="ROLE_EKS_IRSA_IG names account 123456789012") as caught:
        hold_account(account, load(platform.registry), REQUIRED)
    assert len(caught.value.problems) == 1


def test_a_secret_under_a_key_of_somebody_else_is_m4c_b4(platform) -> None:
    kms, ssm = platform.clients.client("kms"), platform.clients.client("ssm")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    path = "/fraud-platform/dev_full/ig/api_key"
    ssm.put_parameter(Name=path, Type="SecureString", Value="planted-secret", KeyId=key, Overwrite=True)
    kms.disable_key(KeyId=key)
    run = platform.run("m4a or m4b or m4c")
    assert run.blockers("M4.C") == ["M4C-B4"]
    assert f"{path}: its key {key} is Disabled" in run.details("M4.C", "M4C-B4")
    rows = run.artifact("M4.C", "m4c_secret_path_conformance_snapshot.json")["paths"]
    assert [(row["readable_by"], row["pass"]) for row in rows if row["path"] == path] == [([], False)]
