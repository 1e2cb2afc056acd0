"""M4.E and M4.F: what broke on the day, and each thing that can break, gives its own blockers."""

from __future__ import annotations

import json
from pathlib import Path

from phasegate.errors import ExitCode
from tests.gates.handlers import H0, TALKATIVE, deploy

UP_TO_E = "m4a or m4b or m4c or m4d or m4e"
UP_TO_F = f"{UP_TO_E} or m4f"
HANDLER_SOURCE = Path("infra/ingress/ig_handler.py")


def test_the_whole_phase_advances_with_the_metrics_of_its_history(platform) -> None:
    run = platform.run("m4")
    assert run.code == ExitCode.OK, run.output
    assert run.summary("M4.E")["metrics"] == {
        "active_lane_count": 5,
        "healthy_lane_count": 5,
        "probe_count": 19,
        "failed_probe_count": 0,
        "run_scope_pass": True,
        "runtime_stability_pass": True,
    }
    assert run.summary("M4.F")["metrics"] == {
        "required_field_count": 6,
        "required_header_count": 5,
        "ingress_boundary_pass": True,
        "orchestrator_boundary_pass": True,
        "telemetry_pass": True,
        "active_lane_count": 5,
        "lane_surface_pass_count": 5,
    }
    assert run.summary("M4.G")["metrics"] == {
        "drill_lane": "ingress_edge",
        "prestate_reserved_concurrency": "UNSET",
        "injected_reserved_concurrency": 0,
        "failure_http_status": 503,
        "recovery_action": "delete-function-concurrency",
        "poststate_reserved_concurrency": "UNSET",
        "rollback_parity": True,
        "post_health_status": 200,
        "post_ingest_status": 202,
    }
    assert run.summary("M4.H")["metrics"] == {
        "source_artifact_count": 10,
        "active_lane_count": 5,
        "invariants_pass_count": "4/4",
    }
    summary = run.summary("M4.I")
    assert summary["metrics"] == {"upstream_green": "8/8", "unresolved_blocker_count": 0}
    assert summary["verdict"] == run.artifact("M4.I", "m4i_phase_verdict.json")["verdict"] == "ADVANCE_TO_M4J"
    summary = run.summary("M4.J")
    assert summary["verdict"] == "ADVANCE_TO_M5"
    assert summary["metrics"]["upstream_green"] == "9/9"
    assert summary["metrics"]["m5_entry_ready"] is True
    handoff = run.artifact("M4.J", "m5_handoff_pack.json")
    assert (handoff["m5_entry_ready"], handoff["m4_verdict"]) == (True, "ADVANCE_TO_M5")
    assert run.artifact("M4.J", "m4_execution_summary.json")["verdict"] == "ADVANCE_TO_M5"
    assert "10 of 10 gates advance" in run.output
    s3 = platform.clients.client("s3")
    bucket = platform.world.handles["S3_EVIDENCE_BUCKET"]
    for name in ("runtime_lanes_ready.json", "runtime_binding_matrix.json"):
        key = f"evidence/runs/platform_20260223T184232Z/operate/{name}"
        with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            assert json.loads(body.read()) == run.artifact("M4.H", name)


def test_a_templated_base_url_is_m4e_b2_b3(platform) -> None:
    platform.edit_registry({"IG_BASE_URL": '"https://{api_id}.execute-api.eu-west-2.amazonaws.com/v1"'})
    run = platform.run(UP_TO_E)
    assert run.code == ExitCode.BLOCKED
    assert [run.blockers(f"M4.{letter}") for letter in "ABCD"] == [[], [], [], []]
    assert run.blockers("M4.E") == ["M4E-B2", "M4E-B3"]
    summary = run.summary("M4.E")
    assert summary["next_gate"] == "BLOCKED"
    assert summary["metrics"] == {
        "active_lane_count": 5,
        "healthy_lane_count": 4,
        "probe_count": 19,
        "failed_probe_count": 2,
        "run_scope_pass": False,
        "runtime_stability_pass": True,
    }


def test_a_stage_in_the_routes_and_none_in_the_url_is_m4e_b2_b3(platform) -> None:
    gateway = platform.clients.client("apigatewayv2")
    api = platform.world.handles["APIGW_IG_API_ID"]
    for route in gateway.get_routes(ApiId=api)["Items"]:
        method, path = route["RouteKey"].split(" ")
        gateway.update_route(ApiId=api, RouteId=route["RouteId"], RouteKey=f"{method} /v1{path}")
    deploy(platform.clients, H0)
    host = f'"https://{api}.execute-api.eu-west-2.amazonaws.com"'
    paths = {"IG_HEALTHCHECK_PATH": '"/v1/ops/health"', "IG_INGEST_PATH": '"/v1/ingest/push"'}
    platform.edit_registry({"IG_BASE_URL": host, **paths})
    run = platform.run(UP_TO_E)
    assert run.blockers("M4.E") == ["M4E-B2", "M4E-B3"]
    assert run.summary("M4.E")["metrics"]["failed_probe_count"] == 2
    assert run.summary("M4.E")["metrics"]["healthy_lane_count"] == 4
    failed = [
        row
        for lane in run.artifact("M4.E", "m4e_lane_health_snapshot.json")["lanes"]
        for row in lane["probes"]
        if row["status"] != "PASS"
    ]
    assert [(row["probe"], row["error_class"]) for row in failed] == [(8, "NOT_FOUND")]
    assert "HTTP 404" in run.details("M4.E", "M4E-B3")


def test_a_handler_without_echo_and_log_passes_health_and_is_m4f_b3_b5(platform) -> None:
    deploy(platform.clients, H0)
    run = platform.run(UP_TO_F)
    assert run.blockers("M4.E") == []
    assert run.blockers("M4.F") == ["M4F-B3", "M4F-B5"]
    metrics = run.summary("M4.F")["metrics"]
    assert metrics["ingress_boundary_pass"] is False
    assert metrics["orchestrator_boundary_pass"] is True
    assert metrics["telemetry_pass"] is False
    assert metrics["lane_surface_pass_count"] == 4
    rows = run.artifact("M4.F", "m4f_correlation_audit_snapshot.json")["rows"]
    assert [(row["boundary"], row["pass"]) for row in rows] == [
        ("ingress_edge", False),
        ("orchestrator", True),
        ("evidence_emission", True),
    ]


def test_a_handler_that_logs_the_key_is_m4f_b7_and_the_key_is_nowhere(platform) -> None:
    deploy(platform.clients, TALKATIVE, ig_handler_true=HANDLER_SOURCE.read_text(encoding="utf-8"))
    run = platform.run(UP_TO_F)
    assert run.blockers("M4.F") == ["M4F-B7"]
    path = "/fraud-platform/dev_full/ig/api_key"
    assert path in run.details("M4.F", "M4F-B7")
    key = platform.clients.client("ssm").get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"]
    everything = "".join(file.read_text() for file in platform.runs.rglob("*") if file.is_file()) + run.output
    assert key not in everything


def test_an_orchestrator_that_fails_is_m4e_b3_and_m4f_b4(platform) -> None:
    machines = platform.clients.client("stepfunctions")
    arn = machines.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    definition = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Down", "Cause": "for the test"}}}
    machines.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    run = platform.run(UP_TO_F)
    assert run.blockers("M4.E") == ["M4E-B3"]
    assert "FAILED" in run.details("M4.E", "M4E-B3")
    assert run.blockers("M4.F") == ["M4F-B1", "M4F-B4"]


def test_a_run_without_its_upstream_is_the_entry_blocker_alone(platform) -> None:
    run = platform.run("m4e")
    assert run.blockers("M4.E") == ["M4E-B1"]
    assert "M4.D has no complete, valid attempt" in run.details("M4.E", "M4E-B1")


def test_explain_tells_what_was_seen_and_what_closed_it(platform) -> None:
    platform.edit_registry({"IG_HEALTHCHECK_PATH": '"/nowhere"'})
    blocked = platform.run("m4e", "--upstream=run")
    platform.registry = None
    healed = platform.run("m4e")
    assert healed.blockers("M4.E") == []
    first, second = blocked.summary_ids("M4.E")
    told = platform.phasegate("explain", "M4E-B2", f"--runs-root={platform.runs}")
    assert told.returncode == ExitCode.OK
    assert "a lane health probe failed" in told.stdout
    assert first in told.stdout
    assert "HTTP 404" in told.stdout
    assert f"closed in {second}" in told.stdout
    assert "changed: registry_sha256" in told.stdout
    alone = platform.phasegate("explain", "M4E-B2", f"--attempt={second}", f"--runs-root={platform.runs}")
    assert f"not {second}" in alone.stdout
    unknown = platform.phasegate("explain", "M4E-B77")
    assert unknown.returncode == ExitCode.USAGE
    assert "M4E-B7" in unknown.stderr or "catalog" in unknown.stderr
