"""What is signed of an attempt: an in-toto statement about its tests, and a summary of the phase that it closes.

Pure: from a summary and digests to statements. Both follow public forms, so that a tool that knows nothing of
phasegate reads them: the test result of an attempt that was held, not evaluated, or broken is FAILED there, and a
phase that does not advance is FAILED. What those forms have no place for stands in a member `phasegate`.

    https://in-toto.io/Statement/v1
    https://in-toto.io/attestation/test-result/v0.1
    https://slsa.dev/verification_summary/v1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION_SUMMARY: Final = "https://slsa.dev/verification_summary/v1"
ATTESTATION: Final = "attestation.dsse.json"
"""File name of the signed statement of an attempt."""
PHASE_ATTESTATION: Final = "verification_summary.dsse.json"
"""File name of the signed summary of the phase that an attempt closes."""

VERIFIER_ID: Final = "https://pypi.org/project/pytest-phasegate"
SLSA_VERSION: Final = "1.1"
_DIGEST = "_sha256"


@dataclass(frozen=True, slots=True, order=True)
class Predecessor:
    """An attempt that was committed before, and that no other one names yet.

    Attributes:
        execution_id: Its name.
        sha256: Digest of its attestation.
    """

    execution_id: str
    sha256: str


def statement_of(
    summary: Mapping[str, Any], summary_name: str, summary_sha256: str, previous: Sequence[Predecessor]
) -> dict[str, JsonValue]:
    """The test-result statement of an attempt.

    Args:
        summary: Its execution summary.
        summary_name: The summary's file name.
        summary_sha256: Digest of the summary's bytes.
        previous: The attempts that it follows.
    """
    digests = {row["file"]: row["sha256"] for row in summary["artifacts"]} | {summary_name: summary_sha256}
    names = {row["id"]: f"{row['id']}-{row['name']}" for row in summary["verifiers"]}
    passed = [names[row["id"]] for row in summary["verifiers"] if row["outcome"] == "PASSED"]
    skipped = sorted(names[name] for name in summary["not_evaluated"])
    errored = [names[row["id"]] for row in summary["verifiers"] if row["outcome"] == "ERRORED"]
    waived = {waiver["blocker"] for waiver in summary["waivers"]}
    warned = [
        names[row["id"]] for row in summary["verifiers"] if row["blockers"] and waived.issuperset(row["blockers"])
    ]
    failed = [name for row in summary["verifiers"] if (name := names[row["id"]]) not in {*passed, *warned}]
    result = "WARNED" if warned else "PASSED"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(digests.items())],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": result if summary["overall_pass"] is True else "FAILED",
            "configuration": _configuration(summary),
            "passedTests": [*sorted(passed)],
            "warnedTests": [*sorted(warned)],
            "failedTests": [*sorted(failed)],
            "phasegate": {
                "gate": summary["gate"],
                "phase_execution_id": summary["phase_execution_id"],
                "generated_at_utc": summary["generated_at_utc"],
                "substrate": summary["substrate"],
                "verdict": summary["verdict"],
                "complete": summary["complete"],
                "blockers": list(summary["blockers"]),
                "waivers": [{"blocker": row["blocker"], "sha256": row["sha256"]} for row in summary["waivers"]],
                "not_evaluated": [*skipped],
                "errored": [*sorted(errored)],
                "upstream": [
                    {"gate": row["gate"], "execution_id": row["execution_id"], "sha256": row["sha256"]}
                    for row in summary["upstream"]
                ],
                "previous": [{"execution_id": item.execution_id, "sha256": item.sha256} for item in sorted(previous)],
            },
        },
    }


def phase_statement_of(
    summary: Mapping[str, Any],
    summary_name: str,
    summary_sha256: str,
    *,
    platform: str,
    inputs: Sequence[Predecessor],
) -> dict[str, JsonValue]:
    """The verification summary of the phase that an attempt closes.

    Args:
        summary: The execution summary of the closing gate.
        summary_name: The summary's file name.
        summary_sha256: Digest of the summary's bytes.
        platform: The platform.
        inputs: The attempts that the verdict rests on, with the digests of their attestations.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": summary_name, "digest": {"sha256": summary_sha256}}],
        "predicateType": VERIFICATION_SUMMARY,
        "predicate": {
            "verifier": {"id": VERIFIER_ID},
            "timeVerified": summary["generated_at_utc"],
            "resourceUri": f"phasegate:{platform}/{summary['phase']}",
            "policy": {"uri": f"phasegate:{platform}/catalogue", "digest": {"sha256": summary["catalogue_sha256"]}},
            "inputAttestations": [
                {"uri": f"{item.execution_id}/{ATTESTATION}", "digest": {"sha256": item.sha256}}
                for item in sorted(inputs)
            ],
            "verificationResult": "PASSED" if summary["overall_pass"] is True else "FAILED",
            "verifiedLevels": [],
            "slsaVersion": SLSA_VERSION,
            "phasegate": {"verdict": summary["verdict"], "phase_execution_id": summary["phase_execution_id"]},
        },
    }


def previous_of(statement: Mapping[str, Any]) -> tuple[Predecessor, ...]:
    """The attempts that a statement follows; what is no such list is none."""
    predicate = statement.get("predicate")
    own = predicate.get("phasegate") if isinstance(predicate, dict) else None
    rows = own.get("previous") if isinstance(own, dict) else None
    return tuple(
        Predecessor(str(row.get("execution_id")), str(row.get("sha256")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    )


def _configuration(summary: Mapping[str, Any]) -> list[JsonValue]:
    """What the tests were configured by, each with its digest: the catalogue, and what the platform names."""
    found: list[JsonValue] = [{"name": "catalogue", "digest": {"sha256": summary["catalogue_sha256"]}}]
    provenance = summary["provenance"]
    for key, value in sorted(provenance.items()):
        if key.endswith(_DIGEST) and isinstance(value, str):
            name = provenance.get(key.removesuffix(_DIGEST)) or key.removesuffix(_DIGEST)
            found.append({"name": str(name), "digest": {"sha256": value}})
    return found
