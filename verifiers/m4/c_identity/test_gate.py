"""M4.C: the roles and secret paths of the active lanes exist, and grant what they should and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block
from verifiers.m4.c_identity.artifacts import (
    IdentityConformanceSnapshot,
    RoleBindingMatrix,
    SecretPathConformanceSnapshot,
)

if TYPE_CHECKING:
    from verifiers.m4.c_identity.checks import RoleBindings, RoleReadback, SecretPaths

pytestmark = pytest.mark.gate("M4.C")


@pytest.mark.verifier("M4C-V1")
def test_m4b_is_green(gate: GateRun) -> None:
    gate.metric("m4b_gate_pass", gate.require_upstream("M4C-B1"))


@pytest.mark.verifier("M4C-V2")
def test_every_role_handle_is_pinned(gate: GateRun, role_bindings: RoleBindings) -> None:
    gate.metric("required_role_count", len(role_bindings.roles))
    gate.metric("resolved_role_count", len(role_bindings.resolved))
    for role in role_bindings.unresolved:
        block("M4C-B2", f"{role.handle} of lane {role.lane} is {role.value_form} at {role.place}")
    for detail in role_bindings.incomplete_lanes:
        block("M4C-B6", detail)


@pytest.mark.verifier("M4C-V3")
def test_every_role_reads_back_and_stays_within_its_lane(gate: GateRun, role_readback: RoleReadback) -> None:
    gate.metric("role_readback_pass_count", role_readback.pass_count)
    for detail in role_readback.drift:
        block("M4C-B3", detail)


@pytest.mark.verifier("M4C-V4")
def test_every_secret_path_conforms_and_no_plaintext_is_allowed(gate: GateRun, secret_paths: SecretPaths) -> None:
    gate.metric("required_secret_path_count", secret_paths.required_count)
    gate.metric("present_secret_path_count", secret_paths.present_count)
    for detail in secret_paths.violations:
        block("M4C-B4", detail)
    for detail in secret_paths.posture_violations:
        block("M4C-B5", detail)


@pytest.mark.verifier("M4C-V5")
def test_the_binding_matrix_is_complete_and_published(
    gate: GateRun, role_bindings: RoleBindings, role_readback: RoleReadback, secret_paths: SecretPaths
) -> None:
    gate.metric("binding_matrix_complete_pass", role_bindings.complete)
    for detail in (*role_bindings.incomplete_lanes, *role_bindings.manifest_drift):
        block("M4C-B6", detail)
    gate.artifact(
        RoleBindingMatrix,
        {"lanes": role_bindings.matrix(), "binding_matrix_complete_pass": role_bindings.complete},
    )
    gate.artifact(
        IdentityConformanceSnapshot,
        {
            "required_role_count": len(role_bindings.roles),
            "resolved_role_count": len(role_bindings.resolved),
            "roles": role_readback.rows(),
            "posture": secret_paths.posture(),
        },
    )
    gate.artifact(
        SecretPathConformanceSnapshot,
        {
            "required_secret_path_count": secret_paths.required_count,
            "present_secret_path_count": secret_paths.present_count,
            "paths": secret_paths.rows(),
        },
    )
    gate.publish()
