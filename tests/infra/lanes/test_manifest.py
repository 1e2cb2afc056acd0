"""The manifest says which path each lane takes; whatever breaks a law of the lanes is found and named."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.lanes import (
    GOVERNANCE_LAW,
    LANES,
    RUNTIME_PATH_LAW,
    FindingKind,
    Law,
    active_lanes,
    active_paths,
    build_manifest,
    check_manifest,
)

untimed = settings(deadline=None)

FIVE = [
    "stream_engine",
    "ingress_edge",
    "differentiating_services",
    "orchestration_commit_authority",
    "observability_runtime",
]
SOURCES = sorted({lane.source_handle for lane in LANES})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def broken_laws(handles: dict[str, Any]) -> set[Law]:
    return {finding.law for finding in build_manifest(handles).findings}


def test_the_platforms_registry_gives_five_lanes_without_a_finding(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles)
    assert manifest.findings == ()
    assert [row["lane"] for row in manifest.payload["lanes"]] == FIVE
    assert active_paths(manifest.payload) == {
        "stream_engine": "msk_flink",
        "ingress_edge": "apigw_lambda_ddb",
        "differentiating_services": "selective_eks_custom_services",
        "orchestration_commit_authority": "step_functions",
        "observability_runtime": "cloudwatch_otel",
    }
    assert all(row["pass"] and row["active_count"] == 1 and row["fallback_count"] == 1 for row in manifest.rows)
    assert [row["lane"] for row in manifest.rows if row["eks_active"]] == ["differentiating_services"]


def test_the_manifest_holds_what_the_registry_says(handles: dict[str, Any]) -> None:
    handles["MSK_CLUSTER_ARN"] = "arn:aws:kafka:eu-west-2:000000000000:cluster/other/1"
    payload = build_manifest(handles).payload
    assert payload["lanes"][0]["components"]["MSK_CLUSTER_ARN"].endswith("other/1")
    assert payload["governance"] == dict(GOVERNANCE_LAW)
    assert set(RUNTIME_PATH_LAW) < set(payload["governance"])
    assert len(payload["governance"]) == 4


@pytest.mark.parametrize(
    "value",
    ["msk_flink|eks_stream_transform", "msk_flink, eks_stream_transform", ["msk_flink", "eks_stream_transform"]],
)
def test_alternatives_are_two_active_paths(handles: dict[str, Any], value: object) -> None:
    manifest = build_manifest(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": value})
    assert manifest.ambiguous == ("stream_engine: msk_flink and eks_stream_transform are active at once",)
    assert manifest.payload["lanes"][0]["active_path"] is None
    assert manifest.rows[0]["active_count"] == 2
    assert "stream_engine" not in active_lanes(manifest.payload)


def test_an_unknown_path_beside_a_known_one_is_both_unknown_and_a_second_path(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": "msk_flink|kinesis"})
    assert [finding.kind for finding in manifest.findings] == [FindingKind.PATH_UNKNOWN, FindingKind.AMBIGUOUS_PATH]
    assert "kinesis is no path of it" in manifest.malformed[0]
    assert "may be msk_flink or eks_stream_transform" in manifest.malformed[0]


@pytest.mark.parametrize(
    "value",
    [
        *("kinesis", "", " msk_flink", "msk_flink|", "msk_flink|msk_flink", "MSK_FLINK"),
        *(7, True, {"a": "msk_flink"}, [], ["msk_flink"], [[], None]),
    ],
)
def test_a_value_that_is_no_path_of_the_lane_selects_none(handles: dict[str, Any], value: object) -> None:
    manifest = build_manifest(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": value})
    assert any("is no path of it" in detail for detail in manifest.malformed)
    assert "stream_engine" not in active_lanes(manifest.payload)


def test_a_paths_name_is_not_the_value_that_selects_it(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles | {"SR_READY_COMMIT_AUTHORITY": "step_functions"})
    assert [finding.kind for finding in manifest.findings] == [FindingKind.PATH_UNKNOWN]


@pytest.mark.parametrize("source", SOURCES)
def test_a_lane_whose_source_handle_is_open_has_no_active_path(handles: dict[str, Any], source: str) -> None:
    del handles[source]
    manifest = build_manifest(handles)
    assert any(f"{source} is not resolved" in detail for detail in manifest.malformed)
    assert len(active_lanes(manifest.payload)) == len(FIVE) - 1


def test_the_edge_mode_must_say_the_same_as_the_default_edge(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles | {"IG_EDGE_MODE": "eks_ig_service"})
    (detail,) = manifest.ambiguous
    assert "RUNTIME_DEFAULT_INGRESS_EDGE is 'apigw_lambda_ddb' and IG_EDGE_MODE is 'eks_ig_service'" in detail
    assert "ingress_edge" not in active_lanes(manifest.payload)


@pytest.mark.parametrize("value", ["other", "apigw_lambda_ddb ", ["apigw_lambda_ddb"]])
def test_an_edge_mode_that_differs_in_any_way_is_found(handles: dict[str, Any], value: object) -> None:
    assert Law.ONE_PATH in broken_laws(handles | {"IG_EDGE_MODE": value})


def test_an_open_edge_mode_confirms_nothing(handles: dict[str, Any]) -> None:
    del handles["IG_EDGE_MODE"]
    manifest = build_manifest(handles)
    assert manifest.malformed == ("ingress_edge: IG_EDGE_MODE is not resolved, so nothing confirms the active path",)


def test_eks_outside_the_allowed_lane_is_found(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles | {"RUNTIME_DEFAULT_STREAM_ENGINE": "eks_stream_transform"})
    (detail,) = manifest.eks_violations
    assert detail.startswith("stream_engine: eks_stream_transform runs on EKS, RUNTIME_EKS_USE_POLICY=")
    assert manifest.payload["lanes"][0]["components"] == {"K8S_DEPLOY_IEG": "ieg", "K8S_DEPLOY_OFP": "ofp"}
    assert manifest.undeclared == ("stream_engine: its inactive path msk_flink has no reason",)


@pytest.mark.parametrize("policy", ["everywhere", "", None, ["differentiating_services_only"], True])
def test_an_unknown_eks_policy_allows_nothing(handles: dict[str, Any], policy: object) -> None:
    manifest = build_manifest(handles | {"RUNTIME_EKS_USE_POLICY": policy})
    assert any("no known policy" in detail for detail in manifest.eks_violations)
    assert not any(row["eks_allowed"] for row in manifest.rows)


def test_an_unmanaged_sink_breaks_the_managed_first_mapping(handles: dict[str, Any]) -> None:
    manifest = build_manifest(handles | {"OTEL_EXPORTER_PRIMARY": "non_cloudwatch_exporter"})
    assert any("managed services come first: cloudwatch_otel" in detail for detail in manifest.malformed)
    assert manifest.eks_violations == ()


@pytest.mark.parametrize("name", GOVERNANCE_LAW)
@pytest.mark.parametrize("value", [None, "true", "false", 1, 0, "any"])
def test_a_governing_handle_off_its_pinned_value_is_found(handles: dict[str, Any], name: str, value: object) -> None:
    manifest = build_manifest(handles | {name: value})
    assert manifest.malformed == (f"{name} is {value!r}, the law pins {GOVERNANCE_LAW[name]!r}",)


def test_an_open_component_is_found(handles: dict[str, Any]) -> None:
    del handles["K8S_DEPLOY_DL"]
    manifest = build_manifest(handles)
    assert manifest.malformed == ("differentiating_services: its component K8S_DEPLOY_DL is not resolved",)


def test_a_fallbacks_component_may_be_open(handles: dict[str, Any]) -> None:
    del handles["IG_BASE_URL_EKS_FALLBACK"]
    assert build_manifest(handles).findings == ()


def broken(handles: dict[str, Any], number: int, /, **changes: Any) -> list[tuple[FindingKind, Law]]:
    payload = copy.deepcopy(build_manifest(handles).payload)
    payload["lanes"][number].update(changes)
    return [(finding.kind, finding.law) for finding in check_manifest(payload)]


def test_a_manifest_that_was_changed_after_it_was_built_is_found(handles: dict[str, Any]) -> None:
    assert broken(handles, 0, owner=" ") == [(FindingKind.OWNER_MISSING, Law.WHOLE)]
    assert broken(handles, 0, inactive=[]) == [(FindingKind.FALLBACK_UNDECLARED, Law.FALLBACKS)]
    silent = [{"path": "eks_stream_transform", "rationale": ""}]
    assert broken(handles, 0, inactive=silent) == [(FindingKind.FALLBACK_WITHOUT_REASON, Law.FALLBACKS)]
    other = [{"path": "mystery", "rationale": "because"}]
    assert broken(handles, 0, inactive=other) == [(FindingKind.FALLBACK_UNDECLARED, Law.FALLBACKS)]
    assert broken(handles, 0, active_path="eks_stream_transform") == [(FindingKind.AMBIGUOUS_PATH, Law.ONE_PATH)]
    assert broken(handles, 3, eks_active=True) == [(FindingKind.EKS_POLICY, Law.EKS)]
    assert (FindingKind.LANE_UNKNOWN, Law.WHOLE) in broken(handles, 4, lane="sixth")
    assert (FindingKind.LANE_MISSING, Law.WHOLE) in broken(handles, 4, lane="sixth")


def test_a_missing_and_a_doubled_lane_are_found(handles: dict[str, Any]) -> None:
    payload = build_manifest(handles).payload
    short = payload | {"lanes": payload["lanes"][:4]}
    assert [finding.detail for finding in check_manifest(short)] == [
        "observability_runtime: the manifest has no row for it"
    ]
    twice = payload | {"lanes": [*payload["lanes"], payload["lanes"][0]]}
    assert [finding.kind for finding in check_manifest(twice)] == [FindingKind.LANE_TWICE]
    assert "stream_engine" not in active_lanes(twice)


@untimed
@given(values=st.dictionaries(st.sampled_from([*SOURCES, "IG_EDGE_MODE", *GOVERNANCE_LAW]), json_values))
def test_any_registry_gives_a_manifest_of_five_lanes(registry_values: dict[str, Any], values: dict[str, Any]) -> None:
    manifest = build_manifest(registry_values | values)
    assert [row["lane"] for row in manifest.payload["lanes"]] == FIVE
    unchanged = all(registry_values[name] == value for name, value in values.items())
    # 1 == True and 0 == False in Python; the law tells them apart, so such a value may be a finding of its own.
    assert bool(manifest.findings) or unchanged
    for row in manifest.payload["lanes"]:
        assert (row["active_path"] is None) or row["active_paths"] == [row["active_path"]]


@untimed
@given(payload=st.dictionaries(st.sampled_from(["governance", "lanes", "other"]), json_values))
def test_no_json_breaks_the_checks_and_none_of_it_passes(payload: dict[str, Any]) -> None:
    assert check_manifest(payload)
    active_lanes(payload)
