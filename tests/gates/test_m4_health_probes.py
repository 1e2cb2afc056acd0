"""The probes of M4.E against surfaces that no public call can put into a bad state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.probes import SurfaceNotSeenError
from fixtures.run_scope import RunScope
from fixtures.runtime import RuntimeProbes
from infra.probes.run_scope import RunIdentity

LANES = ("ingress_edge",)
IDENTITY = RunIdentity("platform_20260223T184232Z", "scenario_" + "0" * 32, "KEY", "platform_20260223T184232Z", ())
HANDLES = {
    "APIGW_IG_API_ID": "api",
    "LAMBDA_IG_HANDLER_NAME": "handler",
    "DDB_IG_IDEMPOTENCY_TABLE": "table",
    "SSM_IG_API_KEY_PATH": "/key",
}


class Stub:
    """An account whose services answer as told; an exception in place of an answer is raised."""

    substrate = "embedded"
    account_id = "000000000000"
    region = "eu-west-2"

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            "get_api": {"ApiId": "api"},
            "get_function": {
                "Configuration": {"FunctionName": "handler", "State": "Active", "LastUpdateStatus": "Successful"}
            },
            "describe_table": {"Table": {"TableName": "table", "TableStatus": "ACTIVE"}},
            "get_parameter": {"Parameter": {"Name": "/key", "Type": "SecureString", "Value": "k" * 40, "Version": 1}},
        } | answers

    def client(self, service: str) -> Any:
        del service

        def answer(name: str) -> Any:
            def call(**_: Any) -> Any:
                found = self.answers[name]
                if isinstance(found, Exception):
                    raise found
                return found

            return call

        return SimpleNamespace(**{name: answer(name) for name in self.answers})


def probes(**answers: Any) -> RuntimeProbes:
    manifest = SimpleNamespace(active_lanes=LANES)
    return RuntimeProbes(Stub(**answers), HANDLES, manifest, RunScope(IDENTITY, ()), "label")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers",
    [
        {"describe_table": {"Table": {"TableName": "table", "TableStatus": "UPDATING"}}},
        {
            "get_function": {
                "Configuration": {"FunctionName": "handler", "State": "Pending", "LastUpdateStatus": "Successful"}
            }
        },
        {
            "get_function": {
                "Configuration": {"FunctionName": "handler", "State": "Active", "LastUpdateStatus": "Failed"}
            }
        },
    ],
)
def test_a_surface_that_is_in_no_good_state_is_unhealthy_and_unstable(answers) -> None:
    made = probes(**answers)
    (failure,) = made.failures("lane_health")
    assert "BAD_STATE" in failure
    assert made.unstable == [failure]
    assert made.healthy_lane_count == 0


def test_a_surface_that_is_gone_is_unhealthy_and_not_unstable() -> None:
    made = probes(get_api={"ApiId": "another"})
    assert len(list(made.failures("lane_health"))) == 1
    assert made.unstable == []


def test_a_surface_that_could_not_be_looked_at_is_neither_a_pass_nor_a_finding() -> None:
    made = probes(describe_table=ZeroDivisionError("a defect"), get_api={"ApiId": "another"})
    found = made.failures("lane_health")
    assert "probe 4" in next(found)
    with pytest.raises(SurfaceNotSeenError, match=r"probe 6.*UNCATEGORISED"):
        next(found)
    assert made.healthy_lane_count == 0
    assert made.failed_count > 1


def test_a_lane_that_is_not_active_is_not_probed() -> None:
    made = probes()
    assert {result.probe.lane for result in made.results} == {"ingress_edge"}
    assert made.active_lane_count == 1
