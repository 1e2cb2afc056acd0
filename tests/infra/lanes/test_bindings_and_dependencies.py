"""The role-binding map and the dependency matrix follow the manifest's active lanes, and say what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.lanes import (
    LANE_DEPENDENCIES,
    LANES,
    SHARED_STORAGE,
    BindingMatrix,
    DependencyMatrix,
    binding_matrix,
    build_manifest,
    dependency_matrix,
    role_arn_flaw,
)

untimed = settings(deadline=None)

IRSA = ["ROLE_EKS_IRSA_IG", "ROLE_EKS_IRSA_RTDL", "ROLE_EKS_IRSA_DECISION_LANE", "ROLE_EKS_IRSA_CASE_LABELS"]
IRSA += ["ROLE_EKS_IRSA_OBS_GOV"]


def bindings(handles: dict[str, Any]) -> BindingMatrix:
    return binding_matrix(build_manifest(handles).payload, handles)


def dependencies(handles: dict[str, Any]) -> DependencyMatrix:
    return dependency_matrix(build_manifest(handles).payload, handles)


def test_eleven_roles_and_seven_secret_paths_are_bound(handles: dict[str, Any]) -> None:
    matrix = bindings(handles)
    assert len(matrix.roles) == 11
    assert all(role.resolved and role.arn == handles[role.handle] for role in matrix.roles)
    assert matrix.complete
    assert (matrix.incomplete, matrix.drift) == ((), ())
    secrets = [secret for lane in LANES for secret in lane.secrets]
    assert len(secrets) == 7
    assert all(handles[secret.handle] == secret.path for secret in secrets)


def test_a_lane_without_a_role_has_an_explicit_empty_row(handles: dict[str, Any]) -> None:
    assert bindings(handles).lanes[4].row() == {
        "lane": "observability_runtime",
        "roles": [],
        "resolved": [],
        "complete": True,
    }


def test_open_roles_make_their_lane_incomplete_and_no_other(handles: dict[str, Any]) -> None:
    for name in IRSA:
        del handles[name]
    matrix = bindings(handles)
    assert not matrix.complete
    assert [role.handle for role in matrix.roles if not role.resolved] == IRSA
    assert [lane.lane for lane in matrix.lanes if not lane.complete] == ["differentiating_services"]
    (detail,) = matrix.incomplete
    assert all(f"{name} is not resolved" in detail for name in IRSA)


@pytest.mark.parametrize(
    "value",
    [
        "fraud-platform-dev-full-flink-execution",
        "arn:aws:iam::0000:role/short",
        "arn:aws:iam::000000000000:user/somebody",
        "arn:aws:iam::000000000000:role/",
        "arn:aws:iam::000000000000:role/two words",
        " arn:aws:iam::000000000000:role/padded",
        ["arn:aws:iam::000000000000:role/listed"],
        True,
    ],
)
def test_a_role_handle_that_is_no_role_arn_is_malformed(handles: dict[str, Any], value: Any) -> None:
    matrix = bindings(handles | {"ROLE_FLINK_EXECUTION": value})
    assert matrix.roles[0].arn is None
    assert "not the ARN of a role" in matrix.incomplete[0]


def test_roles_with_a_path_and_of_other_partitions_are_role_arns() -> None:
    assert role_arn_flaw("arn:aws:iam::123456789012:role/service-role/team/name") == ""
    assert role_arn_flaw("arn:aws-us-gov:iam::123456789012:role/name+=,.@-_") == ""


def test_a_lane_that_lost_its_path_has_no_binding_map(handles: dict[str, Any]) -> None:
    matrix = bindings(handles | {"OTEL_EXPORTER_PRIMARY": "cloudwatch|other"})
    assert matrix.drift == (
        "observability_runtime: it has no active path in the manifest, so it has no role-binding map",
    )
    assert not matrix.complete


def test_roles_pinned_for_another_path_are_drift(handles: dict[str, Any]) -> None:
    matrix = bindings(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": "eks_stream_transform"})
    assert matrix.drift == (
        "stream_engine: its roles are pinned for msk_flink, the manifest has eks_stream_transform active",
    )
    assert not matrix.lanes[0].complete


def test_the_dependency_matrix_covers_every_active_lane_and_the_storage(handles: dict[str, Any]) -> None:
    matrix = dependencies(handles)
    assert (matrix.complete, matrix.gaps, matrix.active_lane_count) == (True, (), 5)
    assert [row["lane"] for row in matrix.rows] == [*(lane.name for lane in LANES), SHARED_STORAGE]


def test_no_component_of_a_fallback_is_a_dependency(handles: dict[str, Any]) -> None:
    unused = {name for lane in LANES for path in lane.fallbacks for name in path.components}
    assert not unused & {name for names in LANE_DEPENDENCIES.values() for name in names}
    widened = {**LANE_DEPENDENCIES, "ingress_edge": ("APIGW_IG_API_ID", "K8S_DEPLOY_IG")}
    matrix = dependency_matrix(build_manifest(handles).payload, handles, LANES, widened)
    assert matrix.gaps == ("ingress_edge: K8S_DEPLOY_IG belongs to a fallback, which is not probed",)


@untimed
@given(data=st.data())
def test_an_open_dependency_is_a_gap_of_its_lane(registry_values: dict[str, Any], data: st.DataObject) -> None:
    lane = data.draw(st.sampled_from(sorted(LANE_DEPENDENCIES)))
    name = data.draw(st.sampled_from(LANE_DEPENDENCIES[lane]))
    payload = build_manifest(registry_values).payload
    matrix = dependency_matrix(payload, registry_values | {name: None})
    assert matrix.gaps == (f"{lane}: {name} is not resolved",)
    assert [row["lane"] for row in matrix.rows if not row["complete"]] == [lane]


def test_a_lane_without_dependencies_or_without_a_path_is_a_gap(handles: dict[str, Any]) -> None:
    payload = build_manifest(handles).payload
    fewer = {name: value for name, value in LANE_DEPENDENCIES.items() if name != "stream_engine"}
    assert "no known dependency" in dependency_matrix(payload, handles, LANES, fewer).gaps[0]
    gone = payload | {"lanes": payload["lanes"][1:]}
    assert dependency_matrix(gone, handles).gaps == ("stream_engine: it has no active path in the manifest",)
    other = build_manifest(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": "eks_stream_transform"}).payload
    assert "its dependencies are known for msk_flink" in dependency_matrix(other, handles).gaps[0]


def test_a_lane_that_the_platform_does_not_know_is_drift_and_a_gap(handles: dict[str, Any]) -> None:
    payload = build_manifest(handles).payload
    payload["lanes"].append({"lane": "sixth", "active_path": "somewhere"})
    said = "sixth: the manifest has it active, the platform knows no such lane"
    assert said in binding_matrix(payload, handles).drift
    assert said in dependency_matrix(payload, handles).gaps
