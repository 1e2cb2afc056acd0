"""The framework's own documents: what they may not say, and the schemas by which others check them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from phasegate.evidence.documents import ExecutionSummary, GateRegister, PublicationReceipt, json_schema, misfits

SCHEMAS = Path(__file__).parents[3] / "docs/schemas"
DOCUMENTS = {
    "blocker_register": GateRegister,
    "execution_summary": ExecutionSummary,
    "publication_receipt": PublicationReceipt,
}
DIGEST = "0" * 64


def summary(**changes) -> dict:
    """The summary of an attempt that passed, with changes; a member that is Ellipsis is left out."""
    found = {
        "schema": "phasegate/execution-summary/2",
        "phase_execution_id": "m9a_one_20260101T000000Z",
        "gate": "M9.A",
        "alias": None,
        "phase": "M9",
        "generated_at_utc": "2026-01-01T00:00:00.000Z",
        "substrate": "embedded",
        "target": {"platform": "demo", "substrate": "embedded", "account": "1"},
        "inputs": {"handle A": DIGEST},
        "code": {"digests": {"gates/test_a.py": DIGEST}, "commit": None, "uncommitted": None},
        "complete": True,
        "overall_pass": True,
        "verdict": "ADVANCE_TO_M9B",
        "blockers": [],
        "blocker_count": 0,
        "phase_blockers": [],
        "blocker_details": [],
        "verifiers": [{"id": "M9A-V1", "name": "IT", "outcome": "PASSED", "blockers": []}],
        "not_evaluated": [],
        "next_gate": "M9.A_READY",
        "metrics": {"any": [{"thing": 1.5}]},
        "upstream": [],
        "artifacts": [],
        "catalogue_sha256": DIGEST,
        "provenance": {},
        "content": {"sha256": DIGEST},
        "dod": {"upstream_green": True},
        "waivers": [],
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not ...}


HELD = {
    "overall_pass": False,
    "verdict": "HOLD_REMEDIATE",
    "blockers": ["M9A-B1"],
    "blocker_count": 1,
    "blocker_details": [
        {
            "code": "M9A-B1",
            "meaning": "m",
            "severity": "S2",
            "rolls_up_to": "M9-B1",
            "verifier": None,
            "state": "UPSTREAM",
            "detail": "d",
            "remedy": "r",
        }
    ],
}
MISFITS = [
    ({"gate": ...}, "$.gate"),
    ({"gate": "M9"}, "$.gate"),
    ({"gate": "M9.A\n"}, "$.gate"),
    ({"schema": "phasegate/execution-summary/1"}, "$.schema"),
    ({"complete": 1}, "$.complete"),
    ({"blocker_count": True}, "$.blocker_count"),
    ({"blocker_count": -1}, "$.blocker_count"),
    ({"clock_note": None}, "$.clock_note"),
    ({"more": 1}, "$.more"),
    ({"target": {"platform": "demo"}}, "$.target.substrate"),
    ({"target": {"platform": "demo", "substrate": "x", "account": ""}}, "$.target.account"),
    ({"inputs": {"": DIGEST}}, "$.inputs"),
    ({"code": {"digests": {}, "commit": None}}, "$.code.uncommitted"),
    ({"verifiers": []}, "$.verifiers"),
    ({"verifiers": [{"id": "M9A-V1", "name": "IT", "outcome": "FINE", "blockers": []}]}, "$.verifiers[0].outcome"),
    ({"dod": {"upstream_green": "yes"}}, "$.dod.upstream_green"),
    ({"artifacts": [{"file": "a.json"}]}, "$.artifacts[0].sha256"),
    ({"waivers": [{"blocker": "M9A-B1"}]}, "$.waivers[0].passed"),
    ({"phase_blockers": ["M9-B1", "M9-B1"]}, "$.phase_blockers"),
    ({"blockers": ["M9A-B1"]}, "$"),
    ({"blocker_count": 1}, "$"),
    ({"complete": False}, "$"),
    ({"not_evaluated": ["M9A-V1"]}, "$"),
    ({"verdict": "HOLD_REMEDIATE"}, "$"),
    ({**HELD, "blockers": []}, "$"),
    ({**HELD, "verdict": "ADVANCE_TO_M9B"}, "$"),
]


@pytest.mark.parametrize("changes", [{}, HELD, {"clock_note": "it went back"}])
def test_what_the_framework_writes_fits_model_and_schema(changes) -> None:
    assert misfits(ExecutionSummary, summary(**changes)) == []
    Draft202012Validator(json_schema(ExecutionSummary)).validate(summary(**changes))


@pytest.mark.parametrize(("changes", "place"), MISFITS)
def test_what_it_may_not_say_is_named_with_its_place(changes, place) -> None:
    found = misfits(ExecutionSummary, summary(**changes))
    assert any(text.startswith(place) for text in found), found
    if changes.get("gate") != "M9.A\n":  # which the expressions of Python let pass
        assert not Draft202012Validator(json_schema(ExecutionSummary)).is_valid(summary(**changes))


@pytest.mark.parametrize("payload", [None, [], "text", 1, {}])
def test_what_is_no_document_is_named_and_raises_nothing(payload) -> None:
    for document in DOCUMENTS.values():
        assert misfits(document, payload)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_schemas_are_those_of_the_models(name) -> None:
    committed = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(committed)
    assert committed == json_schema(DOCUMENTS[name])
