"""What goes wrong around the gates: registries, stores, a substrate that dies, evidence that is missing."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from infra.emulator.faults import Fault
from infra.emulator.process import ensure_running
from infra.emulator.world import open_fresh_world
from phasegate.errors import ExitCode
from tests.gates.conftest import REGISTRY, Platform

FOUR = "m4a or m4b or m4c or m4d"


def no_traceback(run) -> bool:
    return "Traceback (most recent call last)" not in run.output and "INTERNALERROR" not in run.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b'* `NAME = "\xff\xfe"`\n', "UTF-8"),
        (b"#" * 50_000_000, "MiB"),
        (b'* `AWS_REGION = "eu-west-2"`\n* `AWS_REGION = "us-east-1"`\n', "AWS_REGION"),
    ],
    ids=["missing", "not UTF-8", "50 MB", "conflicting"],
)
def test_a_registry_that_cannot_be_used_stops_the_session_before_a_gate_runs(platform, content, message) -> None:
    platform.registry = platform.path / "registry.md"
    if content is not None:
        platform.registry.write_bytes(content)
    run = platform.run("m4a")
    assert run.code == ExitCode.REGISTRY, run.output
    assert message in run.output
    assert "remedy" in run.output
    assert no_traceback(run)
    assert not list(platform.runs.glob("dev_full/m4/m4a_*"))


def test_differing_values_block_the_gates_that_need_the_name_and_no_other(platform) -> None:
    text = platform.world.registry_path.read_text(encoding="utf-8")
    alternatives = '\n* `DBX_WORKSPACE_URL = "https://a"`\n* `DBX_WORKSPACE_URL = "https://b"`\n'
    platform.use_registry(text + alternatives + "* `OTEL_ENABLED = false`\n\n<!--\n* `OTEL_ENABLED = 5`\n-->\n")
    run = platform.run("m4a")
    assert run.code == ExitCode.BLOCKED, run.output
    assert run.blockers("M4.A") == ["M4A-B2"]
    assert "OTEL_ENABLED (run_scope_and_observability) is contradiction" in run.details("M4.A", "M4A-B2")
    snapshot = run.artifact("M4.A", "m4a_handle_closure_snapshot.json")
    assert "DBX_WORKSPACE_URL" in json.dumps(snapshot)


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_store_that_refuses_or_fails_blocks_with_the_publish_code(platform, status) -> None:
    fault = Fault(account_id=platform.world.account_id, service="s3", operation="PutObject", status=status)
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4a")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.A") == ["M4A-B6"]
    assert ("DENIED" if status == 403 else "UNAVAILABLE") in run.details("M4.A", "M4A-B6")
    assert not any(row["read_back"] for row in run.summary("M4.A")["artifacts"])
    assert no_traceback(run)


def test_a_read_back_that_differs_blocks_with_the_publish_code(platform) -> None:
    fault = Fault(kind="corrupt", account_id=platform.world.account_id, service="s3", operation="GetObject")
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4a")
    assert run.blockers("M4.A") == ["M4A-B6"]
    assert "read back" in run.details("M4.A", "M4A-B6")


def test_a_summary_that_cannot_be_published_blocks_a_gate_whose_verifiers_all_passed(platform) -> None:
    fault = Fault(
        account_id=platform.world.account_id, service="s3", operation="PutObject", path="execution_summary", status=500
    )
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4a")
    assert run.code != ExitCode.OK
    summary = run.summary("M4.A")
    assert summary["blockers"] == ["M4A-B6"]
    assert [row["outcome"] for row in summary["verifiers"]] == ["PASSED"] * 5
    listed = platform.clients.client("s3").list_objects_v2(Bucket=platform.world.handles["S3_EVIDENCE_BUCKET"])
    names = {item["Key"].rpartition("/")[2] for item in listed.get("Contents", [])}
    assert "INVALIDATED.txt" in names
    assert "m4a_execution_summary.json" not in names


def test_a_control_plane_that_denies_is_a_finding_and_never_a_pass(platform) -> None:
    account = platform.world.account_id
    faults = [
        Fault(account_id=account, service="kafka", operation="DescribeClusterV2", status=403),
        Fault(account_id=account, service="logs", operation="DescribeLogGroups", status=500),
        Fault(account_id=account, service="eks", operation="DescribeCluster", kind="delay", delay_seconds=12),
    ]
    run_first = platform.run("m4a or m4b or m4c")
    assert run_first.code == ExitCode.OK, run_first.output
    with platform.substrate.faults.injected(*faults):
        run = platform.run("m4d")
    assert run.blockers("M4.D") == ["M4D-B3", "M4D-B5"]
    failures = run.artifact("M4.D", "m4d_probe_failure_classification.json")["failures"]
    found = {row["probe"]: row["category"] for row in failures}
    assert found[1] == "ACCESS_DENIED"
    assert found[9] == "TIMEOUT"
    assert found[16] == "SERVICE_ERROR"


def test_roles_that_cannot_be_read_back_block(platform) -> None:
    fault = Fault(account_id=platform.world.account_id, service="iam", operation="GetRole", status=403)
    with platform.substrate.faults.injected(fault):
        run = platform.run("m4c", "--upstream=run")
    assert "M4C-B3" in run.blockers("M4.C")
    assert "ACCESS_DENIED" in run.details("M4.C", "M4C-B3")


def test_a_substrate_killed_in_mid_run_blocks_and_says_so(tmp_path_factory, tmp_path) -> None:
    process = ensure_running(tmp_path_factory.mktemp("doomed"), owner_pid=os.getpid())
    platform = Platform(process, open_fresh_world(process, REGISTRY, tmp_path / "world"), tmp_path)
    killer = tmp_path / "killer.py"
    killer.write_text(
        "import os, signal\n"
        "def pytest_runtest_setup(item):\n"
        "    if item.get_closest_marker('m4c'):\n"
        f"        try: os.kill({process.pid}, signal.SIGKILL)\n"
        "        except ProcessLookupError: pass\n"
    )
    platform.environment = {"PYTHONPATH": str(tmp_path)}
    run = platform.run(FOUR, "-p", "killer")
    assert run.code == ExitCode.BLOCKED, run.output
    assert run.blockers("M4.B") == []
    assert {"M4C-B3", "M4C-B4", "M4C-B7"} <= set(run.blockers("M4.C"))
    assert {"M4D-B1", "M4D-B3", "M4D-B4", "M4D-B5", "M4D-B7"} <= set(run.blockers("M4.D"))
    assert "UNREACHABLE" in run.details("M4.D", "M4D-B3")
    assert "INTERNALERROR" not in run.output
    process.stop()


def test_a_gate_alone_without_evidence_blocks_at_its_entry_and_names_the_way_out(platform) -> None:
    run = platform.run("m4c")
    assert run.code == ExitCode.BLOCKED
    assert run.blockers("M4.C") == ["M4C-B1"]
    assert "--upstream=run" in run.output
    assert run.summary("M4.C")["metrics"]["resolved_role_count"] == 11
    again = platform.run("m4c", "--upstream=run")
    assert again.code == ExitCode.OK, again.output
    assert platform.run("m4c").code == ExitCode.OK


def test_evidence_edited_by_hand_is_found_by_the_next_gate(platform) -> None:
    assert platform.run("m4a or m4b").code == ExitCode.OK
    path = next(platform.runs.glob("dev_full/m4/m4b_*/m4b_runtime_path_manifest.json"))
    path.write_bytes(path.read_bytes().replace(b"msk_flink", b"msk_flank"))
    run = platform.run("m4c")
    assert run.blockers("M4.C") == ["M4C-B1"]
    assert "m4b_runtime_path_manifest.json: was altered" in run.details("M4.C", "M4C-B1")


def test_the_handoff_of_m3_is_verified_like_any_other_pack(platform) -> None:
    assert platform.run("m4a").code == ExitCode.OK
    path = next(platform.runs.glob("dev_full/m3/m3f_*/m4_handoff_pack.json"))
    text = path.read_bytes()
    path.write_bytes(text.replace(b"scenario_", b"scenarix_"))
    run = platform.run("m4a")
    assert run.blockers("M4.A") == ["M4A-B4"]
    path.write_bytes(text)
    assert platform.run("m4a").code == ExitCode.OK


def test_a_full_run_twice_supersedes_and_two_workers_see_the_same(platform) -> None:
    first = platform.run(FOUR)
    second = platform.run(FOUR, "-n", "2")
    assert first.code == second.code == ExitCode.OK, second.output
    index = (platform.runs / "dev_full/m4/RUN_INDEX.md").read_text()
    assert len(re.findall(r"\| authoritative \|", index)) == 4
    assert len(re.findall(r"\| superseded by m4[abcd]_", index)) == 4


def test_two_workers_leave_the_same_packs_as_one_process(platform) -> None:
    def packs() -> dict[str, str]:
        found = {}
        for path in sorted(platform.runs.glob("dev_full/m4/m4*/[!a]*.json")):  # not the attestations
            text = re.sub(r"_\d{8}T\d{6}Z", "_TIME", path.read_text())
            text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z", "TIME", text)
            text = re.sub(r'"(version_id|sha256)":"[^"]*"|"duration_ms":[\d.]+', "ID", text)
            text = re.sub(r'("bytes":)\d+', r"\1N", text)
            found[f"{path.parent.name[:3]}/{path.name}"] = text
        return found

    assert platform.run(FOUR).code == ExitCode.OK
    alone = packs()
    (platform.runs / "dev_full").rename(platform.path / "alone")
    time.sleep(1.1)  # a new second, so that the durable keys of the two runs differ
    assert platform.run(FOUR, "-n", "2").code == ExitCode.OK
    assert packs() == alone
    assert len(json.dumps(alone)) > 10_000


def test_a_world_that_does_not_exist_yet_is_built_and_a_bad_account_is_refused(platform) -> None:
    platform.world = type(platform.world)(
        **{
            **{name: getattr(platform.world, name) for name in platform.world.__slots__},
            "account_id": "12",
        }
    )
    run = platform.run("m4a")
    assert run.code not in (ExitCode.OK, ExitCode.INTERNAL), run.output
    assert "twelve digits" in run.output
    assert no_traceback(run)
