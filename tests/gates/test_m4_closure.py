"""M4.H to M4.J: from a phase that passed, one thing broken at a time; and the same inputs, twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.emulator.faults import Fault
from phasegate.errors import ExitCode
from tests.gates.conftest import Platform

RUN = "platform_20260223T184232Z"
OPERATE = f"evidence/runs/{RUN}/operate"
HEADER = {"phase_execution_id", "gate", "alias"}


@pytest.fixture
def platform(passed: Platform, tmp_path: Path) -> Platform:
    """That world, with a copy of its evidence that a test may break."""
    copy = Platform(passed.substrate, passed.world, tmp_path)
    shutil.copytree(passed.runs, copy.runs)
    return copy


def newest(platform: Platform, prefix: str) -> Path:
    return max((platform.runs / "dev_full/m4").glob(f"{prefix}_*"))


def test_the_same_inputs_give_the_same_rollup_register_and_verdict(platform) -> None:
    first, second = platform.run("m4i"), platform.run("m4i")
    assert first.blockers("M4.I") == second.blockers("M4.I") == []
    names = ("m4i_gate_rollup_matrix.json", "m4i_blocker_register.json", "m4i_phase_verdict.json")
    folders = sorted((platform.runs / "dev_full/m4").glob("m4i_*"))
    assert len(folders) == 3
    for name in names:
        contents = [json.loads((folder / name).read_bytes()) for folder in folders]
        assert len({content["phase_execution_id"] for content in contents}) == 3
        bare = {json.dumps({k: v for k, v in content.items() if k not in HEADER}) for content in contents}
        assert len(bare) == 1, name
    verdict = second.artifact("M4.I", "m4i_phase_verdict.json")
    assert verdict["payload_sha256"] == verdict["payload_sha256_again"]


def test_the_register_names_every_code_of_eight_gates_once(platform) -> None:
    register = platform.run("m4i").artifact("M4.I", "m4i_blocker_register.json")
    assert register["unresolved"] == []
    codes = [row["code"] for row in register["resolved"]]
    assert len(codes) == len(set(codes))
    assert {code[:3] for code in codes} == {f"M4{letter}" for letter in "ABCDEFGH"}
    assert all(row["severity"] in {"S1", "S2"} for row in register["resolved"])


def test_a_gate_that_is_held_holds_the_phase(platform) -> None:
    platform.use_registry(platform.world.registry_path.read_text())
    platform.edit_registry({"OTEL_ENABLED": "false"})
    assert platform.run("m4f").blockers("M4.F") == ["M4F-B5"]
    run = platform.run("m4i or m4j")
    # M4.G and M4.H passed, and rest on the attempt of M4.F that is not the authoritative one any more.
    assert run.blockers("M4.I") == ["M4I-B2"]
    verdict = run.artifact("M4.I", "m4i_phase_verdict.json")
    assert verdict["verdict"] == run.summary("M4.I")["verdict"] == "HOLD_REMEDIATE"
    unresolved = run.artifact("M4.I", "m4i_blocker_register.json")["unresolved"]
    assert [(row["gate"], row["code"], row["severity"], row["rolls_up_to"]) for row in unresolved] == [
        ("M4.F", "M4F-B5", "S2", "M4-B6"),
        ("M4.G", "M4I-B2", "S2", "M4-B9"),
        ("M4.H", "M4I-B2", "S2", "M4-B9"),
    ]
    assert "took its place); run M4.G again" in unresolved[1]["reason"]
    facts = {row["fact"]: row["values"] for row in run.artifact("M4.I", "m4i_gate_rollup_matrix.json")["differences"]}
    assert sorted(len(row["gates"]) for row in facts["registry_sha256"]) == [1, 7]
    assert {"M4J-B2", "M4J-B3"} <= set(run.blockers("M4.J"))
    summary = run.artifact("M4.J", "m4_execution_summary.json")
    assert (summary["verdict"], summary["overall_pass"]) == ("HOLD_REMEDIATE", False)
    assert run.artifact("M4.J", "m5_handoff_pack.json")["m5_entry_ready"] is False


def test_evidence_that_is_gone_is_a_no_go(platform) -> None:
    shutil.rmtree(newest(platform, "m4d"))
    run = platform.run("m4i")
    assert "M4I-B1" in run.blockers("M4.I")
    assert run.artifact("M4.I", "m4i_phase_verdict.json")["verdict"] == "NO_GO_RESET_REQUIRED"
    assert run.summary("M4.I")["verdict"] == "NO_GO_RESET_REQUIRED"


def test_an_altered_artifact_is_found_by_the_next_gate_and_by_the_rollup(platform) -> None:
    altered = newest(platform, "m4f") / "m4f_correlation_audit_snapshot.json"
    data = json.loads(altered.read_bytes())
    data["rows"][0]["pass"] = False
    altered.chmod(0o644)
    altered.write_text(json.dumps(data))
    run = platform.run("m4h or m4i")
    assert {"M4H-B1", "M4H-B2"} <= set(run.blockers("M4.H"))
    assert "M4I-B1" in run.blockers("M4.I")


def test_a_run_scoped_target_without_a_handle_is_m4h_b4(platform) -> None:
    platform.edit_registry({"P2_RUNTIME_READINESS_PATH_PATTERN": None})
    run = platform.run("m4h")
    assert run.blockers("M4.H") == ["M4H-B4"]
    assert "P2_RUNTIME_READINESS_PATH_PATTERN" in run.details("M4.H", "M4H-B4")


def test_a_run_scoped_object_of_somebody_else_is_not_overwritten(platform) -> None:
    s3, bucket = platform.clients.client("s3"), platform.world.handles["S3_EVIDENCE_BUCKET"]
    key = f"{OPERATE}/runtime_lanes_ready.json"
    with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        ours = body.read()
    s3.put_object(Bucket=bucket, Key=key, Body=b'{"of": "somebody else"}')
    try:
        run = platform.run("m4h")
        assert run.blockers("M4.H") == ["M4H-B4"]
        assert "CONFLICT" in run.details("M4.H", "M4H-B4")
        with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            assert body.read() == b'{"of": "somebody else"}'
        closed = platform.run("m4j")
        assert "M4J-B4" in closed.blockers("M4.J")
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=ours)


def test_a_later_attempt_supersedes_the_run_scoped_objects_as_new_versions(platform) -> None:
    s3, bucket = platform.clients.client("s3"), platform.world.handles["S3_EVIDENCE_BUCKET"]
    key = f"{OPERATE}/runtime_binding_matrix.json"
    before = len(s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"])
    run = platform.run("m4h")
    assert run.blockers("M4.H") == []
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert len(versions) == before + 1
    receipts = run.artifact("M4.H", "m4h_readiness_publication_snapshot.json")["receipts"]
    assert {row["version_id"] for row in receipts} & {version["VersionId"] for version in versions}


def test_a_source_whose_durable_copy_is_gone_is_m4h_b3(platform) -> None:
    prefix = f"evidence/dev_full/run_control/{newest(platform, 'm4g').name}/m4g_runtime_drill_snapshot.json"
    fault = Fault(account_id=platform.world.account_id, service="s3", method="GET", path=f".*{prefix}", status=404)
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4h")
    assert run.blockers("M4.H") == ["M4H-B3"]


def test_a_target_that_changed_since_m4h_used_it_is_m4j_b4_and_m4h_does_not_count(platform) -> None:
    platform.run("m4h or m4i")  # the run-scoped objects are those of this test's own evidence again
    platform.edit_registry({"P2_RUNTIME_BINDING_MATRIX_PATH_PATTERN": None})
    assert platform.run("m4j").blockers("M4.J") == ["M4J-B2", "M4J-B4"]


def test_a_closure_that_cannot_be_published_is_m4j_b7_and_no_handoff_is_ready(platform) -> None:
    platform.run("m4h or m4i")
    fault = Fault(account_id=platform.world.account_id, service="s3", operation="PutObject", status=503)
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4j")
    assert run.blockers("M4.J") == ["M4J-B7"]
    assert run.summary("M4.J")["overall_pass"] is False


def test_the_phase_leaves_the_same_evidence_on_two_workers(platform) -> None:
    run = platform.run("m4", "-n", "2")
    assert run.code == ExitCode.OK, run.output
    assert run.summary("M4.J")["verdict"] == "ADVANCE_TO_M5"
