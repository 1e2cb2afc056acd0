"""The registry of dev_full: what the platform's record says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import infra.handles
from infra.handles import Registry, load

ROLE = "arn:aws:iam::000000000000:role/fraud-platform-dev-full-"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load(Path(infra.handles.__file__).parent / "dev_full_handles.registry.v0.md")


def test_what_is_open_is_known(registry: Registry) -> None:
    unresolved = registry.unresolved()
    to_pin = {handle.name for handle in unresolved if handle.form == "TO_PIN"}
    name_only = [handle.name for handle in unresolved if handle.form == "name only"]
    assert to_pin == {"DBX_WORKSPACE_URL", "AWS_BUDGET_NOTIFICATION_EMAIL"}
    assert len(name_only) == 16
    assert "ROLE_EKS_IRSA_LEARNING" in name_only
    assert sum(name.startswith("ENTRYPOINT_") for name in name_only) == 15
    assert len(unresolved) == len(to_pin) + len(name_only)


def test_one_role_is_assigned_twice_with_one_value(registry: Registry) -> None:
    assert set(registry.duplicates) == {"ROLE_TERRAFORM_APPLY_DEV_FULL"}
    assert len(registry.duplicates["ROLE_TERRAFORM_APPLY_DEV_FULL"]) == 2
    assert registry["ROLE_TERRAFORM_APPLY_DEV_FULL"].resolved


def test_the_lists_of_the_document_are_there(registry: Registry) -> None:
    assert len(registry.raw_paths) == 12
    assert "/fraud-platform/dev_full/ig/api_key" in registry.raw_paths
    assert list(registry.open_list) == [
        "ROLE_TERRAFORM_APPLY_DEV_FULL",
        "DBX_WORKSPACE_URL",
        "AWS_BUDGET_NOTIFICATION_EMAIL",
    ]
    assert {"platform_run_id", "dataset_fingerprint", "phase_execution_id"} <= set(registry.tokens)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PHASE_RUNTIME_PATH_MODE", "single_active_path_per_phase_run"),
        ("PHASE_RUNTIME_PATH_PIN_REQUIRED", True),
        ("RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED", False),
        ("SECRETS_PLAINTEXT_OUTPUT_ALLOWED", False),
        ("IG_MAX_REQUEST_BYTES", 1_048_576),
        ("IG_BASE_URL", "https://exampleap2.execute-api.eu-west-2.amazonaws.com/v1"),
        ("ROLE_EKS_IRSA_DECISION_LANE", f"{ROLE}irsa-decision-lane"),
        ("MSK_CLIENT_SUBNET_IDS", ["subnet-00000000000000021", "subnet-00000000000000022"]),
        ("CORRELATION_REQUIRED_FIELDS", "platform_run_id,scenario_run_id,phase_id,event_id,runtime_lane,trace_id"),
        ("TAG_ENV_KEY", "env"),
    ],
)
def test_values_are_typed_as_the_record_has_them(registry: Registry, name: str, value: Any) -> None:
    assert registry.value(name) == value
    assert type(registry.value(name)) is type(value)


def test_the_sort_keys_keep_their_order(registry: Registry) -> None:
    keys = registry.value("ORACLE_SORT_KEY_BY_OUTPUT_ID")
    required = registry.value("ORACLE_REQUIRED_OUTPUT_IDS")
    assert isinstance(keys, dict)
    assert isinstance(required, list)
    assert list(keys)[: len(required)] == required
    assert keys["s4_event_labels_6B"] == "flow_id,event_seq"


def test_evidence_paths_expand_to_the_run_control_prefix(registry: Registry) -> None:
    tokens = {"phase_execution_id": "m4a_20260224T043334Z", "platform_run_id": "platform_20260223T184232Z"}
    assert (
        registry.expand("S3_RUN_CONTROL_ROOT_PATTERN", tokens) == "evidence/dev_full/run_control/m4a_20260224T043334Z/"
    )
    assert (
        registry.expand("P2_RUNTIME_READINESS_PATH_PATTERN", tokens)
        == "evidence/runs/platform_20260223T184232Z/operate/runtime_lanes_ready.json"
    )


def test_every_secret_path_that_a_handle_names_is_on_the_raw_list(registry: Registry) -> None:
    named = {handle.value for handle in registry.handles if handle.name.startswith("SSM_")}
    assert named == set(registry.raw_paths)
