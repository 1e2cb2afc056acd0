"""The probes of M4.E against surfaces that no public call can put into a bad state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.probes import SurfaceNotSeenError
from fixtures.run_scope import RunScope
from infra.http import HttpResponse
from infra.probes import ingress
from infra.probes.run_scope import RunIdentity
from verifiers.m4.d_dependencies.checks import ProbeRun
from verifiers.m4.e_health.checks import RuntimeProbes

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

    def secret(self, name: str, value: str) -> None:
        del name, value

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
    (failure,) = made.lane_health_failures()
    assert "BAD_STATE" in failure
    assert made.unstable == [failure]
    assert made.healthy_lane_count == 0


@pytest.mark.parametrize(
    ("body", "well"),
    [
        (b'{"status": "ok", "service": "ig-edge"}', True),
        (b'{"status": "down"}', False),
        (b'{"status": true}', False),
        (b'{"service": "ig-edge"}', False),
        (b'["ok"]', False),
        (b"<html>ok</html>", False),
        (b"", False),
    ],
)
def test_an_ingress_that_answers_and_does_not_say_that_it_is_well_is_unstable(monkeypatch, body, well) -> None:
    monkeypatch.setitem(HANDLES, "IG_BASE_URL", "https://api.execute-api.eu-west-2.amazonaws.com/v1")
    monkeypatch.setitem(HANDLES, "IG_HEALTHCHECK_PATH", "/ops/health")
    monkeypatch.setattr(ingress, "request", lambda *_, **__: HttpResponse(200, {}, body))
    made = probes()
    failures = list(made.ingress_health_failures())
    assert [made.unstable, failures] == ([[], []] if well else [failures, failures])
    assert len(failures) == (0 if well else 1)


def test_a_surface_that_is_gone_is_unhealthy_and_not_unstable() -> None:
    made = probes(get_api={"ApiId": "another"})
    assert len(list(made.lane_health_failures())) == 1
    assert made.unstable == []


def test_a_surface_that_could_not_be_looked_at_is_neither_a_pass_nor_a_finding() -> None:
    made = probes(describe_table=ZeroDivisionError("a defect"), get_api={"ApiId": "another"})
    found = made.lane_health_failures()
    assert "probe 4" in next(found)
    with pytest.raises(SurfaceNotSeenError, match=r"probe 6.*UNCATEGORISED"):
        next(found)
    assert made.healthy_lane_count == 0
    assert made.failed_count > 1


def test_a_group_that_nobody_probed_is_an_error_and_not_an_empty_list() -> None:
    of_lanes = ProbeRun(probes().health[:1])
    for group in ("stream_edge_storage", "datastore", "observability"):
        with pytest.raises(LookupError, match="but of lane_health"):
            getattr(of_lanes, group)


def test_a_lane_of_whose_health_no_probe_says_anything_is_named() -> None:
    manifest = SimpleNamespace(active_lanes=(*LANES, "a_new_lane"))
    made = RuntimeProbes(Stub(), HANDLES, manifest, RunScope(IDENTITY, ()), "label")  # type: ignore[arg-type]
    assert made.unprobed_lanes == ["a_new_lane"]


def test_a_lane_that_is_not_active_is_not_probed() -> None:
    made = probes()
    assert {result.probe.lane for result in made.results} == {"ingress_edge"}
    assert made.active_lane_count == 1
