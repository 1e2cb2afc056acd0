"""The 16 probes of M4.D against real worlds: what holds passes, what is broken fails in its own class."""

from __future__ import annotations

import dataclasses
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clients import Clients
from infra.lanes import LANE_DEPENDENCIES, LANES, SHARED_STORAGE
from infra.probes import DEPENDENCY_PROBES, ErrorClass, Group, Probe, ProbeResult, ProbeStatus, run_probes
from verifiers.m4.d_dependencies.checks import blocker_of

untimed = settings(deadline=None)

PARAMETERS = "/fraud-platform/dev_full"
EDGE, DATASTORE, OBSERVABILITY = Group.STREAM_EDGE_STORAGE, Group.DATASTORE, Group.OBSERVABILITY
numbered = pytest.mark.parametrize("number", [probe.number for probe in DEPENDENCY_PROBES])


def probe_of(number: int) -> Probe:
    return next(probe for probe in DEPENDENCY_PROBES if probe.number == number)


def run(world: Any, *numbers: int, **bounds: Any) -> tuple[ProbeResult, ...]:
    chosen = [probe_of(number) for number in numbers] or list(DEPENDENCY_PROBES)
    return run_probes(chosen, world.clients, world.handles, **bounds)[0]


def as_json(results: Any) -> str:
    rows = [{**dataclasses.asdict(result), "probe": result.probe.number} for result in results]
    return json.dumps(rows, default=str)


def values_of(world: Any) -> dict[str, str]:
    names = [f"{PARAMETERS}/{name}" for name in ("msk/bootstrap_brokers", "aurora/endpoint", "aurora/reader_endpoint")]
    names += [f"{PARAMETERS}/{name}" for name in ("aurora/username", "aurora/password", "redis/endpoint")]
    found = world.clients.client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
    return {item["Name"]: item["Value"] for item in found}


def test_the_sixteen_probes_are_those_of_the_platforms_record() -> None:
    assert [probe.number for probe in DEPENDENCY_PROBES] == list(range(1, 17))
    assert [probe.number for probe in DEPENDENCY_PROBES if probe.group is DATASTORE] == [11, 12, 13, 14, 15]
    assert [probe.number for probe in DEPENDENCY_PROBES if probe.group is OBSERVABILITY] == [16]
    assert {probe.lane for probe in DEPENDENCY_PROBES} == {*(lane.name for lane in LANES), SHARED_STORAGE}
    unused = {name for lane in LANES for path in lane.fallbacks for name in path.components}
    assert not unused & {probe.target for probe in DEPENDENCY_PROBES}
    assert all(probe.target in LANE_DEPENDENCIES[probe.lane] for probe in DEPENDENCY_PROBES)


def test_a_healthy_world_passes_every_probe_and_shows_no_value(world: Any) -> None:
    results, secrets = run_probes(DEPENDENCY_PROBES, world.clients, world.handles)
    assert [result.probe.number for result in results] == list(range(1, 17))
    assert {result.status for result in results} == {ProbeStatus.PASS}, as_json(results)
    assert all(result.error_class is None and result.target == world.handles[result.probe.target] for result in results)
    values = values_of(world)
    assert dict(secrets) == {
        path: values[path] for path in (f"{PARAMETERS}/aurora/password", f"{PARAMETERS}/msk/bootstrap_brokers")
    }
    assert len(values) == 6
    for path, value in values.items():
        assert value not in as_json(results), path


STALE: dict[int, str] = {
    1: "arn:aws:kafka:eu-west-2:000000000000:cluster/msk/00000000-0000-4000-8000-000000000001-s1",
    2: f"{PARAMETERS}/msk/gone",
    3: "fraud-platform-dev-full-object-store-gone",
    4: "fraud-platform-dev-full-evidence-gone",
    5: "fraud-platform-dev-full-artifacts-gone",
    6: "exampleap1",
    7: "fraud-platform-dev-full-gone",
    8: "fraud-platform-dev-full-gone",
    9: "arn:aws:eks:eu-west-2:000000000000:cluster/gone",
    10: "fraud-platform-dev-full-gone",
    11: f"{PARAMETERS}/aurora/gone",
    12: f"{PARAMETERS}/aurora/gone",
    13: f"{PARAMETERS}/aurora/gone",
    14: f"{PARAMETERS}/aurora/gone",
    15: f"{PARAMETERS}/redis/gone",
    16: "/fraud-platform/gone",
}


@numbered
def test_a_handle_that_names_what_is_gone_fails_its_own_probe(world: Any, number: int) -> None:
    target = probe_of(number).target
    world.handles[target] = STALE[number]
    (result,) = run(world, number)
    assert (result.status, result.error_class) == (ProbeStatus.FAIL, ErrorClass.NOT_FOUND), result
    assert result.target == STALE[number]
    assert result.detail


@numbered
@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_open_handle_fails_its_probe_without_a_call(
    clients_of: Callable[..., Clients], refusing: str, number: int, value: object
) -> None:
    target = probe_of(number).target
    (result,), secrets = run_probes([probe_of(number)], clients_of(refusing), {target: value})
    assert (result.status, result.error_class) == (ProbeStatus.FAIL, ErrorClass.UNRESOLVED_HANDLE)
    assert result.detail == f"{target} has no value"
    assert secrets == ()


@pytest.mark.parametrize(
    ("fault", "error_class", "status"),
    [
        ({"status": 403}, ErrorClass.ACCESS_DENIED, ProbeStatus.FAIL),
        ({"status": 429}, ErrorClass.THROTTLED, ProbeStatus.FAIL),
        ({"status": 503}, ErrorClass.SERVICE_ERROR, ProbeStatus.FAIL),
        ({"status": 500, "code": "UnsupportedByEmulator"}, ErrorClass.UNSUPPORTED_BY_SUBSTRATE, ProbeStatus.ERROR),
        ({"status": 500, "code": "EmulatorFailure"}, ErrorClass.SUBSTRATE_FAILED, ProbeStatus.ERROR),
        ({"status": 418, "code": "Teapot"}, ErrorClass.UNCATEGORISED, ProbeStatus.ERROR),
    ],
)
def test_a_service_that_refuses_is_never_a_pass(
    world: Any, fault: dict[str, Any], error_class: ErrorClass, status: ProbeStatus
) -> None:
    with world.fault(**fault):
        results = run(world)
    assert {(result.error_class, result.status) for result in results} == {(error_class, status)}, as_json(results)
    expected = {"M4D-B3", "M4D-B4", "M4D-B5"} if status is ProbeStatus.FAIL else {"M4D-B6"}
    assert {blocker_of(result.probe.group, result.error_class) for result in results} == expected


def test_an_operation_that_the_substrate_lacks_is_its_error_not_the_platforms(world: Any) -> None:
    def lacking(look: Any) -> str:
        look.clients.client("kafka").list_nodes(ClusterArn=look.target)
        return "listed"

    probe = Probe(1, "stream_engine", "kafka list-nodes", "MSK_CLUSTER_ARN", EDGE, lacking)
    ((result,), _) = run_probes([probe], world.clients, world.handles)
    assert (result.status, result.error_class) == (ProbeStatus.ERROR, ErrorClass.UNSUPPORTED_BY_SUBSTRATE)
    assert blocker_of(result.probe.group, result.error_class) == "M4D-B6"


def test_pages_of_html_are_the_substrates_error_and_never_shown(world: Any, answering: Any) -> None:
    answering.status, answering.body = 500, b"<!doctype html><title>500 Internal Server Error</title>"
    clients = answering.clients()
    results, _ = run_probes(DEPENDENCY_PROBES, clients, world.handles)
    clients.close()
    assert {result.error_class for result in results} == {ErrorClass.UNSUPPORTED_BY_SUBSTRATE}
    assert "<" not in as_json(results)


def test_an_answer_that_says_nothing_passes_no_probe_but_the_bare_200_of_a_bucket(world: Any, answering: Any) -> None:
    answering.body, answering.content_type = b"{}", "application/json"
    clients = answering.clients()
    results, _ = run_probes(DEPENDENCY_PROBES, clients, world.handles)
    clients.close()
    passed = [result.probe.number for result in results if result.status is ProbeStatus.PASS]
    assert passed == [3, 4, 5]
    failed = {result.error_class for result in results if result.status is not ProbeStatus.PASS}
    assert failed == {ErrorClass.SERVICE_ERROR, ErrorClass.NOT_FOUND}


def test_nothing_listening_is_unreachable(world: Any, clients_of: Callable[..., Clients], refusing: str) -> None:
    results, _ = run_probes(DEPENDENCY_PROBES, clients_of(refusing), world.handles)
    assert {result.error_class for result in results} == {ErrorClass.UNREACHABLE}
    assert {result.status for result in results} == {ProbeStatus.FAIL}


def test_a_server_that_never_answers_is_a_timeout_and_the_gate_goes_on(
    world: Any, clients_of: Callable[..., Clients], silent: str
) -> None:
    clients = clients_of(silent, read_timeout=5)
    for probe in DEPENDENCY_PROBES:  # what is timed is the call, not the making of a client
        clients.client(probe.call.split()[0].removesuffix("api"))
    start = time.monotonic()
    results, _ = run_probes(DEPENDENCY_PROBES, clients, world.handles, timeout_s=0.5, concurrency=16)
    assert time.monotonic() - start < 4
    assert {result.error_class for result in results} == {ErrorClass.TIMEOUT}
    assert all(result.duration_ms >= 500 for result in results)


def test_the_sdks_own_timeout_is_a_timeout_too(world: Any, clients_of: Callable[..., Clients], silent: str) -> None:
    (result,), _ = run_probes([probe_of(3)], clients_of(silent, read_timeout=0.2), world.handles)
    assert result.error_class is ErrorClass.TIMEOUT
    assert "ReadTimeoutError" in result.detail


@pytest.mark.parametrize(
    ("number", "value", "error_class"),
    [
        (1, "not-an-arn", ErrorClass.NOT_FOUND),
        (3, "Not A Bucket!", ErrorClass.INVALID_REQUEST),
        (3, ["a-list"], ErrorClass.BAD_FORM),
        (9, "fraud-platform-dev-full", ErrorClass.BAD_FORM),
        (9, "arn:aws:eks:eu-west-2:999999999999:cluster/fraud-platform-dev-full", ErrorClass.NOT_FOUND),
        (10, "arn:aws:states:eu-west-2:999999999999:stateMachine:other", ErrorClass.NOT_FOUND),
        (11, 7, ErrorClass.BAD_FORM),
    ],
)
def test_a_handle_of_another_form_or_account_fails(
    world: Any, number: int, value: object, error_class: ErrorClass
) -> None:
    world.handles[probe_of(number).target] = value
    (result,) = run(world, number)
    assert (result.status, result.error_class) == (ProbeStatus.FAIL, error_class), result


def test_a_cluster_that_is_not_active_is_in_a_bad_state(answering: Any) -> None:
    arn = "arn:aws:kafka:eu-west-2:000000000000:cluster/c/1"
    answering.body = json.dumps({"clusterInfo": {"clusterArn": arn, "state": "CREATING"}}).encode()
    clients = answering.clients()
    ((result,), _) = run_probes([probe_of(1)], clients, {"MSK_CLUSTER_ARN": arn})
    clients.close()
    assert (result.status, result.error_class) == (ProbeStatus.FAIL, ErrorClass.BAD_STATE)
    assert result.detail == "its state is CREATING, not ACTIVE"


def test_parameters_of_no_use_are_of_bad_form_and_their_values_stay_hidden(own_world: Any) -> None:
    ssm = own_world.clients.client("ssm")
    planted = {
        "aurora/endpoint": "https://planted-aurora.example.com",
        "aurora/reader_endpoint": "planted_reader_host",
        "aurora/username": "<planted-user>",
        "aurora/password": " \t ",
        "redis/endpoint": "planted-redis.example.com",
    }
    for name, value in planted.items():
        ssm.put_parameter(Name=f"{PARAMETERS}/{name}", Value=value, Overwrite=True)
    results = run(own_world)
    failed = [result for result in results if result.status is not ProbeStatus.PASS]
    assert [(result.probe.number, result.error_class) for result in failed] == [
        (number, ErrorClass.BAD_FORM) for number in (11, 12, 13, 14, 15)
    ]
    assert {blocker_of(result.probe.group, result.error_class) for result in failed} == {"M4D-B4"}
    assert "planted" not in as_json(results)


def test_a_password_that_is_stored_as_plain_text_is_protected_all_the_same(own_world: Any) -> None:
    ssm = own_world.clients.client("ssm")
    path = f"{PARAMETERS}/aurora/password"
    ssm.delete_parameter(Name=path)
    ssm.put_parameter(Name=path, Type="String", Value="planted-plain-text")
    (result,), secrets = run_probes([probe_of(14)], own_world.clients, own_world.handles)
    assert secrets == ((path, "planted-plain-text"),)
    assert "planted" not in as_json([result])


def test_a_secret_in_what_a_service_says_reaches_no_result(world: Any) -> None:
    password = values_of(world)[f"{PARAMETERS}/aurora/password"]
    with world.fault(service="lambda", status=403, message=f"no, and the password is {password}"):
        results = run(world)
    assert results[6].error_class is ErrorClass.ACCESS_DENIED
    assert f"the password is ({PARAMETERS}/aurora/password)" in results[6].detail
    assert password not in as_json(results)


def test_log_groups_count_only_under_the_prefix(own_world: Any) -> None:
    logs = own_world.clients.client("logs")
    logs.delete_log_group(logGroupName=f"{PARAMETERS}/runtime-bootstrap")
    logs.create_log_group(logGroupName=f"{PARAMETERS}_2/runtime-bootstrap")
    (result,) = run(own_world, 16)
    assert result.error_class is ErrorClass.NOT_FOUND
    assert blocker_of(result.probe.group, result.error_class) == "M4D-B5"
    for number in range(60):  # more than one page of other groups comes first
        logs.create_log_group(logGroupName=f"{PARAMETERS}-{number:02}")
    logs.create_log_group(logGroupName=f"{PARAMETERS}/late")
    (result,) = run(own_world, 16)
    assert (result.status, result.detail) == (ProbeStatus.PASS, f"{PARAMETERS}/late")


def test_a_probe_may_speak_http_and_read_several_handles(answering: Any) -> None:
    def post(look: Any) -> str:
        request = urllib.request.Request(look.target + look.handles["PATH"], data=b"{}", method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - a local server
            return str(response.status)

    probe = Probe(9, "ingress_edge", "POST", "BASE", EDGE, post, also=("PATH",))
    clients = answering.clients()
    handles = {"BASE": answering.url, "PATH": "/ingest/push"}
    classes = []
    for status in (202, 404, 503, 401):
        answering.status = status
        ((result,), _) = run_probes([probe], clients, handles)
        classes.append(result.error_class)
    ((open_one,), _) = run_probes([probe], clients, {"BASE": answering.url})
    assert classes == [None, ErrorClass.NOT_FOUND, ErrorClass.SERVICE_ERROR, ErrorClass.ACCESS_DENIED]
    assert answering.seen[0] == ("POST", "/ingest/push", b"{}")
    assert (open_one.error_class, open_one.detail) == (ErrorClass.UNRESOLVED_HANDLE, "PATH has no value")


def test_a_check_that_breaks_is_uncategorised_and_breaks_no_other(world: Any) -> None:
    def broken(_: Any) -> str:
        raise ZeroDivisionError("in the check")

    bad = dataclasses.replace(probe_of(7), check=broken)
    results, _ = run_probes([probe_of(6), bad, probe_of(8)], world.clients, world.handles)
    assert [result.error_class for result in results] == [None, ErrorClass.UNCATEGORISED, None]
    assert results[1].detail == "ZeroDivisionError: in the check"
    assert blocker_of(results[1].probe.group, results[1].error_class) == "M4D-B6"


@untimed
@given(group=st.sampled_from([EDGE, DATASTORE, OBSERVABILITY]), error_class=st.sampled_from(ErrorClass))
def test_every_failure_has_exactly_one_blocker(group: Group, error_class: ErrorClass) -> None:
    own = {EDGE: "M4D-B3", DATASTORE: "M4D-B4", OBSERVABILITY: "M4D-B5"}[group]
    assert blocker_of(group, error_class) == (own if error_class.about_surface else "M4D-B6")
