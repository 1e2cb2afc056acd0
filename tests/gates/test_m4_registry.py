"""What a registry breaks, gate by gate: each edit raises the blockers of what it breaks, and no other."""

from __future__ import annotations

import pytest

EDITS = {
    "M4.A": [
        ({"FLINK_RUNTIME_MODE": '"TO_PIN"'}, {"M4A-B2"}),
        ({"OTEL_ENABLED": None}, {"M4A-B2"}),
        ({"AWS_BUDGET_NOTIFICATION_EMAIL": None}, set()),
        ({"PHASE_RUNTIME_PATH_MODE": '"many"'}, {"M4A-B3"}),
        ({"RUNTIME_PATH_SWITCH_IN_PHASE_ALLOWED": "true"}, {"M4A-B3"}),
        ({"PHASE_RUNTIME_PATH_PIN_REQUIRED": '"true"'}, {"M4A-B3"}),
    ],
    "M4.B": [
        ({"RUNTIME_DEFAULT_INGRESS_EDGE": '"eks_ig_service"'}, {"M4B-B4", "M4B-B5", "M4B-B6"}),
        ({"RUNTIME_DEFAULT_STREAM_ENGINE": '"msk_flink|eks_stream_transform"'}, {"M4B-B4", "M4B-B5", "M4B-B6"}),
        ({"RUNTIME_DEFAULT_STREAM_ENGINE": '"eks_stream_transform"'}, {"M4B-B5", "M4B-B6"}),
        ({"K8S_DEPLOY_CM": None}, {"M4B-B2", "M4B-B3"}),
    ],
    "M4.E": [
        ({"REQUIRED_PLATFORM_RUN_ID_ENV_KEY": '"RUN_ID"'}, {"M4E-B3"}),
        ({"IG_INGEST_PATH": '"/ingest/elsewhere"'}, {"M4E-B3"}),
        ({"IG_BASE_URL": '"https://example.com/v1"'}, {"M4E-B2", "M4E-B3"}),
        ({"SFN_PLATFORM_RUN_ORCHESTRATOR_V0": '"another-machine"'}, {"M4E-B2", "M4E-B3"}),
        ({"ROLE_EKS_IRSA_RTDL": '"arn:aws:iam::000000000000:role/nobody"'}, {"M4E-B2"}),
        ({"SSM_IG_API_KEY_PATH": None}, {"M4E-B2", "M4E-B3"}),
    ],
    "M4.F": [
        ({"CORRELATION_REQUIRED_FIELDS": '"platform_run_id,scenario_run_id"'}, {"M4F-B2"}),
        ({"CORRELATION_ENFORCEMENT_FAIL_CLOSED": "false"}, {"M4F-B2"}),
    ],
    "M4.H": [
        ({"S3_EVIDENCE_BUCKET": None}, {"M4H-B3", "M4H-B4"}),
    ],
    "M4.J": [
        (
            {"M4_EXECUTION_SUMMARY_PATH_PATTERN": '"evidence/elsewhere/{phase_execution_id}/x.json"'},
            {"M4J-B6"},
        ),
        ({"S3_EVIDENCE_BUCKET": None}, {"M4J-B4", "M4J-B6"}),
        ({"M5_HANDOFF_PACK_PATH_PATTERN": '"evidence/{another}/m5_handoff_pack.json"'}, {"M4J-B6"}),
        ({"P2_RUNTIME_BINDING_MATRIX_PATH_PATTERN": None}, {"M4J-B4"}),
    ],
}


@pytest.mark.parametrize(
    ("gate", "edit", "codes"), [(gate, edit, codes) for gate, edits in EDITS.items() for edit, codes in edits]
)
def test_an_edit_of_the_registry_raises_the_blockers_of_what_it_breaks(rehearse, gate, edit, codes) -> None:
    rehearsal = rehearse(gate)
    rehearsal.edit(**edit)
    assert rehearsal.codes() == codes
