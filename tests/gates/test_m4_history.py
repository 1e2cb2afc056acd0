"""The day that M4.A to M4.D were first run: what was broken then gives the blockers of then."""

from __future__ import annotations

import json
import textwrap

from phasegate.errors import ExitCode

FOUR = "m4a or m4b or m4c or m4d"
ROOT = "/fraud-platform/dev_full"
IRSA = ["IG", "RTDL", "DECISION_LANE", "CASE_LABELS", "OBS_GOV"]
DATASTORES = ["aurora/endpoint", "aurora/reader_endpoint", "aurora/username", "aurora/password", "redis/endpoint"]


def test_the_four_gates_advance_with_the_metrics_of_their_history(platform) -> None:
    run = platform.run(FOUR)
    assert run.code == ExitCode.OK, run.output
    assert run.summary("M4.A")["metrics"] == {
        "required_handle_count": 33,
        "resolved_handle_count": 33,
        "unresolved_handle_count": 0,
        "runtime_path_contract": "PASS",
        "m3_gate": "PASS",
    }
    metrics = run.summary("M4.B")["metrics"]
    assert metrics["lane_count"] == 5
    assert metrics["single_active_path_pass"] is True
    assert metrics["eks_policy_conformance_pass"] is True
    assert len(metrics["manifest_sha256"]) == 64
    metrics = run.summary("M4.C")["metrics"]
    assert metrics["m4b_gate_pass"] is True
    assert (metrics["resolved_role_count"], metrics["required_role_count"]) == (11, 11)
    assert (metrics["present_secret_path_count"], metrics["required_secret_path_count"]) == (7, 7)
    assert metrics["role_readback_pass_count"] == 11
    assert metrics["binding_matrix_complete_pass"] is True
    assert run.summary("M4.D")["metrics"] == {
        "active_lane_count": 5,
        "matrix_complete_pass": True,
        "probe_count": 16,
        "failed_probe_count": 0,
    }
    for gate, following in zip("ABCD", "BCDE", strict=True):
        summary = run.summary(f"M4.{gate}")
        assert summary["verdict"] == f"ADVANCE_TO_M4{following}"
        assert summary["next_gate"] == f"M4.{gate}_READY"
        assert all(row["read_back"] for row in summary["artifacts"])


def test_a_required_key_under_another_name_is_m4a_b1(platform) -> None:
    text = platform.world.registry_path.read_text()
    platform.use_registry(text.replace("`RUNTIME_DEFAULT_STREAM_ENGINE =", "`RUNTIME_DEFAULT_STREAM_LANE ="))
    run = platform.run("m4a")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.A") == ["M4A-B1"]
    assert run.summary("M4.A")["next_gate"] == "BLOCKED"
    snapshot = run.artifact("M4.A", "m4a_handle_closure_snapshot.json")
    assert snapshot["missing_handles"] == ["RUNTIME_DEFAULT_STREAM_ENGINE"]


def test_roles_and_paths_that_were_never_materialised_are_m4c_b2_b4_b6(platform) -> None:
    platform.edit_registry({f"ROLE_EKS_IRSA_{name}": None for name in IRSA})
    ssm = platform.clients.client("ssm")
    ssm.delete_parameters(Names=[f"{ROOT}/{name}" for name in DATASTORES])
    run = platform.run("m4a or m4b or m4c")
    assert run.blockers("M4.A") == run.blockers("M4.B") == []
    assert run.blockers("M4.C") == ["M4C-B2", "M4C-B4", "M4C-B6"]
    metrics = run.summary("M4.C")["metrics"]
    assert (metrics["required_role_count"], metrics["resolved_role_count"]) == (11, 6)
    assert (metrics["required_secret_path_count"], metrics["present_secret_path_count"]) == (7, 2)
    assert metrics["binding_matrix_complete_pass"] is False
    details = run.details("M4.C", "M4C-B2")
    assert all(f"ROLE_EKS_IRSA_{name}" in details for name in IRSA)
    assert all(f"{ROOT}/{name}" in run.details("M4.C", "M4C-B4") for name in DATASTORES)
    assert "differentiating_services" in run.details("M4.C", "M4C-B6")


def test_stale_handles_and_no_log_group_are_m4d_b3_b5(platform) -> None:
    account = platform.world.account_id
    stale = (
        f"arn:aws:kafka:eu-west-2:{account}:cluster/fraud-platform-dev-full-msk/00000000-0000-4000-8000-000000000001-s1"
    )
    platform.edit_registry({"MSK_CLUSTER_ARN": json.dumps(stale), "APIGW_IG_API_ID": '"exampleap1"'})
    platform.clients.client("logs").delete_log_group(logGroupName=f"{ROOT}/runtime-bootstrap")
    run = platform.run(FOUR)
    assert [run.blockers(f"M4.{letter}") for letter in "ABC"] == [[], [], []]
    assert run.blockers("M4.D") == ["M4D-B3", "M4D-B5"]
    assert run.summary("M4.D")["metrics"] == {
        "active_lane_count": 5,
        "matrix_complete_pass": True,
        "probe_count": 16,
        "failed_probe_count": 3,
    }
    failures = run.artifact("M4.D", "m4d_probe_failure_classification.json")["failures"]
    assert [(row["probe"], row["category"]) for row in failures] == [
        (1, "NOT_FOUND"),
        (6, "NOT_FOUND"),
        (16, "NOT_FOUND"),
    ]


def test_a_role_that_may_do_more_than_its_lane_is_m4c_b3(platform) -> None:
    iam = platform.clients.client("iam")
    iam.put_role_policy(
        RoleName="fraud-platform-dev-full-irsa-ig",
        PolicyName="extra",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}
        ),
    )
    iam.attach_role_policy(
        RoleName="fraud-platform-dev-full-flink-execution", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
        }
    )
    iam.update_assume_role_policy(RoleName="fraud-platform-dev-full-apigw-ig-invoke", PolicyDocument=trust)
    run = platform.run("m4c", "--upstream=run")
    assert run.blockers("M4.C") == ["M4C-B3"]
    details = run.details("M4.C", "M4C-B3")
    assert "ROLE_EKS_IRSA_IG: it allows ssm:* on *" in details
    assert "ROLE_FLINK_EXECUTION: managed policy arn:aws:iam::aws:policy/AdministratorAccess" in details
    assert "ROLE_APIGW_IG_INVOKE: its trust is" in details
    assert run.summary("M4.C")["metrics"]["role_readback_pass_count"] == 8


def test_a_secret_path_of_another_type_is_m4c_b4_and_a_lax_posture_m4c_b5(platform) -> None:
    ssm = platform.clients.client("ssm")
    path = f"{ROOT}/aurora/password"
    ssm.delete_parameter(Name=path)
    ssm.put_parameter(Name=path, Type="String", Value="plain-as-day-0")
    platform.edit_registry({"SECRETS_PLAINTEXT_OUTPUT_ALLOWED": "true"})
    run = platform.run("m4c", "--upstream=run")
    assert run.blockers("M4.C") == ["M4C-B4", "M4C-B5"]
    assert "is a String, and must be a SecureString" in run.details("M4.C", "M4C-B4")


def test_a_datastore_endpoint_that_is_no_endpoint_is_m4d_b4(platform) -> None:
    ssm = platform.clients.client("ssm")
    ssm.put_parameter(Name=f"{ROOT}/redis/endpoint", Type="String", Value="redis-without-a-port", Overwrite=True)
    ssm.put_parameter(Name=f"{ROOT}/aurora/endpoint", Type="String", Value="placeholder", Overwrite=True)
    run = platform.run("m4d", "--upstream=run")
    assert run.blockers("M4.D") == ["M4D-B4"]
    classes = run.artifact("M4.D", "m4d_probe_failure_classification.json")
    assert [(row["probe"], row["category"]) for row in classes["failures"]] == [(11, "BAD_FORM"), (15, "BAD_FORM")]
    assert classes["uncategorized"] == []


def test_a_verifier_that_is_run_alone_knows_the_secrets_that_its_probes_read(platform, tmp_path, monkeypatch) -> None:
    ssm = platform.clients.client("ssm")
    secure, plain = f"{ROOT}/aurora/password", f"{ROOT}/ig/api_key"
    ssm.put_parameter(Name=secure, Type="SecureString", Value="horse-battery-1", Overwrite=True)
    ssm.delete_parameter(Name=plain)
    ssm.put_parameter(Name=plain, Type="String", Value="staple-correct-2")  # secret whatever its type
    spill = """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            yield
            print("horse-battery-1")
            assert "M4D" in item.nodeid.upper(), "staple-correct-2"
        """
    (tmp_path / "spill.py").write_text(textwrap.dedent(spill))
    platform.environment["PYTHONPATH"] = str(tmp_path)
    selected = "blocker(code='M4D-B5') or blocker(code='M4E-B3')"
    run = platform.run(selected, "-p", "spill", "-rA")
    assert "horse-battery-1" not in run.output
    assert "staple-correct-2" not in run.output
    assert f"{secure} (plain)" in run.details("M4.D", "M4D-B8")
    assert f"{plain} (plain)" in run.details("M4.E", "M4E-B6")


def test_no_secret_reaches_an_artifact(platform) -> None:
    ssm = platform.clients.client("ssm")
    names = [f"{ROOT}/aurora/password", f"{ROOT}/ig/api_key", f"{ROOT}/msk/bootstrap_brokers"]
    found = ssm.get_parameters(Names=names, WithDecryption=True)["Parameters"]
    assert len(found) == 3
    run = platform.run(FOUR)
    everything = "".join(path.read_text() for path in platform.runs.rglob("*") if path.is_file()) + run.output
    for parameter in found:
        assert parameter["Value"] not in everything, parameter["Name"]
