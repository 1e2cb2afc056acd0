"""Evidence of earlier gates counts for the platform as it is now: its handles, its account, its code."""

from __future__ import annotations

import json

from infra.emulator.world import open_fresh_world
from phasegate.errors import ExitCode
from tests.gates.conftest import REGISTRY, Platform

FOUR = "m4a or m4b or m4c or m4d"
REST = "m4e or m4f or m4g or m4h or m4i or m4j"


def test_gates_hold_where_the_registry_or_the_world_changed_behind_what_they_rest_on(substrate, platform) -> None:
    assert platform.run(FOUR).code == ExitCode.OK
    pinned = platform.world.registry_path.read_text(encoding="utf-8")
    platform.use_registry(pinned)
    platform.edit_registry(
        {
            "PHASE_RUNTIME_PATH_MODE": '"any_path_goes"',
            "RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED": "true",
            "ROLE_LAMBDA_IG_EXECUTION": '"TO_PIN"',
            "ROLE_APIGW_IG_INVOKE": '"TO_PIN"',
            "ROLE_MWAA_EXECUTION": None,
        }
    )
    run = platform.run(REST)
    assert run.code == ExitCode.BLOCKED
    assert [letter for letter in "EFGHIJ" if run.summary(f"M4.{letter}")["overall_pass"]] == []
    why = run.details("M4.E", run.blockers("M4.E")[0])
    assert "handle:PHASE_RUNTIME_PATH_MODE, handle:RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED" in why
    assert all(f"run M4.{letter} again" in why for letter in "ABC")
    platform.use_registry(pinned)
    platform.edit_registry({"ROLE_APIGW_IG_INVOKE": '"TO_PIN"'})
    why = platform.run("m4e").details("M4.E", "M4E-B1")
    assert "pinned:ROLE_APIGW_IG_INVOKE changed since m4a" in why
    assert "handle:ROLE_APIGW_IG_INVOKE changed since m4c" in why
    assert "PHASE_RUNTIME_PATH_MODE" not in why
    platform.use_registry(pinned)
    platform.edit_registry({"ROLE_SAGEMAKER_EXECUTION": '"arn:aws:iam::000000000000:role/another"'})
    assert platform.run("m4e").code == ExitCode.OK, "what no earlier gate used may be repinned"
    world = open_fresh_world(substrate, REGISTRY, platform.path / "another")
    run = Platform(substrate, world, platform.path).run("m4e or m4f")
    assert [run.blockers(f"M4.{letter}")[0] for letter in "EF"] == ["M4E-B1", "M4F-B1"]
    why = run.details("M4.E", "M4E-B1")
    assert f"no complete, valid attempt on embedded, region eu-west-2, world {world.account_id}" in why
    assert f"looked at embedded, region eu-west-2, world {platform.world.account_id}; run M4.D here" in why


def test_a_handle_that_is_repinned_leaves_the_gates_that_asked_only_whether_it_is_pinned(platform) -> None:
    right = platform.world.registry_path.read_text(encoding="utf-8")
    stale = "arn:aws:kafka:eu-west-2:000000000000:cluster/gone/00000000-0000-4000-8000-000000000001-s1"
    platform.edit_registry({"MSK_CLUSTER_ARN": json.dumps(stale), "APIGW_IG_API_ID": '"exampleap1"'})
    run = platform.run(FOUR)
    assert [run.blockers(f"M4.{letter}") for letter in "ABCD"] == [[], [], [], ["M4D-B3"]]
    platform.use_registry(right)
    assert platform.run("m4d or m4e").code == ExitCode.OK
