"""What is signed of an attempt: an in-toto statement about its tests, and a summary of the phase that it closes.

Pure: from a summary and digests to statements. Both follow public forms, so that a tool that knows nothing of
phasegate reads them: the test result of an attempt that was held, not evaluated, or broken is FAILED there, and a
phase that does not advance is FAILED. What those forms have no place for stands in the annotations of the subject,
under a URI of phasegate's own, so that parsers that take no other member take these statements.

The subject of both is the execution summary alone: it is of one attempt and no other, which a small artifact need not
be. It names the artifacts by their digests, and so does the statement.

    https://in-toto.io/Statement/v1
    https://in-toto.io/attestation/test-result/v0.1
    https://slsa.dev/verification_summary/v1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from phasegate.evidence.stated import StatedSummary

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION_SUMMARY: Final = "https://slsa.dev/verification_summary/v1"
ATTESTATION: Final = "attestation.dsse.json"
"""File name of the signed statement of an attempt."""
PHASE_ATTESTATION: Final = "verification_summary.dsse.json"
"""File name of the signed summary of the phase that an attempt closes."""

VERIFIER_ID: Final = "https://pypi.org/project/pytest-phasegate"
ATTEMPT: Final = f"{VERIFIER_ID}/attempt/v1"
"""Under this name the statement of an attempt says what the test result has no place for."""
PHASE: Final = f"{VERIFIER_ID}/phase/v1"
"""Under this name the summary of a phase does."""
SLSA_VERSION: Final = "1.1"
_DIGEST = "_sha256"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where attempts were made.

    Attributes:
        platform: The platform.
        runs_root: The id of the platform's runs root.
    """

    platform: str
    runs_root: str


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
    summary: StatedSummary,
    summary_name: str,
    summary_sha256: str,
    *,
    origin: Origin,
    previous: Sequence[Predecessor],
    phase_sha256: str | None = None,
) -> dict[str, JsonValue]:
    """The test-result statement of an attempt.

    Args:
        summary: Its execution summary.
        summary_name: The summary's file name.
        summary_sha256: Digest of the summary's bytes.
        origin: Where it was made.
        previous: The attempts that it follows.
        phase_sha256: Digest of the signed summary of the phase that it closes; None where it closes none.
    """
    names = {row.id: f"{row.id}-{row.name}" for row in summary.verifiers}
    passed = [names[row.id] for row in summary.verifiers if row.outcome == "PASSED"]
    skipped = sorted(names[name] for name in summary.not_evaluated)
    errored = [names[row.id] for row in summary.verifiers if row.outcome == "ERRORED"]
    waived = {waiver.blocker for waiver in summary.waivers}
    warned = [names[row.id] for row in summary.verifiers if row.blockers and waived.issuperset(row.blockers)]
    harmless = {*passed, *warned}
    failed = [name for row in summary.verifiers if (name := names[row.id]) not in harmless]
    result = "WARNED" if warned else "PASSED"
    own: dict[str, JsonValue] = {
        **_place(summary, origin),
        "gate": summary.gate,
        "generated_at_utc": summary.generated_at_utc,
        "verdict": summary.verdict,
        "complete": summary.complete,
        "blockers": list(summary.blockers),
        "waivers": [{"blocker": row.blocker, "sha256": row.sha256} for row in summary.waivers],
        "not_evaluated": [*skipped],
        "errored": [*sorted(errored)],
        "artifacts": [{"name": row.file, "sha256": row.sha256} for row in summary.artifacts],
        "upstream": [
            {"gate": row.gate, "execution_id": row.execution_id, "sha256": row.sha256} for row in summary.upstream
        ],
        "previous": [{"execution_id": item.execution_id, "sha256": item.sha256} for item in sorted(previous)],
        "verification_summary_sha256": phase_sha256,
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(summary_name, summary_sha256, ATTEMPT, own)],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": result if summary.passed else "FAILED",
            "configuration": _configuration(summary),
            "passedTests": [*sorted(passed)],
            "warnedTests": [*sorted(warned)],
            "failedTests": [*sorted(failed)],
        },
    }


def phase_statement_of(
    summary: StatedSummary,
    summary_name: str,
    summary_sha256: str,
    *,
    origin: Origin,
    inputs: Sequence[Predecessor],
) -> dict[str, JsonValue]:
    """The verification summary of the phase that an attempt closes.

    Args:
        summary: The execution summary of the closing gate.
        summary_name: The summary's file name.
        summary_sha256: Digest of the summary's bytes.
        origin: Where it was made.
        inputs: The attempts that the verdict rests on, with the digests of their attestations.
    """
    base = f"phasegate:{quote(origin.platform)}"
    # What was verified is the phase of a platform as it is there: of one world on one substrate, not of any.
    where = {name: value for name, value in (summary.target or {}).items() if name != "platform"}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            _subject(summary_name, summary_sha256, PHASE, {**_place(summary, origin), "verdict": summary.verdict})
        ],
        "predicateType": VERIFICATION_SUMMARY,
        "predicate": {
            "verifier": {"id": VERIFIER_ID},
            "timeVerified": summary.generated_at_utc,
            "resourceUri": f"{base}/{quote(summary.phase)}?{urlencode(sorted(where.items()), quote_via=quote)}",
            "policy": {"uri": f"{base}/catalogue", "digest": {"sha256": summary.catalogue_sha256}},
            "inputAttestations": [
                {
                    "uri": f"{base}/runs/{origin.runs_root}/{item.execution_id}/{ATTESTATION}",
                    "digest": {"sha256": item.sha256},
                }
                for item in sorted(inputs)
            ],
            "verificationResult": "PASSED" if summary.passed else "FAILED",
            "verifiedLevels": [] if summary.passed else ["FAILED"],
            "slsaVersion": SLSA_VERSION,
        },
    }


def previous_of(statement: Mapping[str, Any]) -> tuple[Predecessor, ...]:
    """The attempts that a statement follows; what is no such list is none."""
    rows = _own(statement).get("previous")
    return tuple(
        Predecessor(str(row.get("execution_id")), str(row.get("sha256")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict)
    )


def origin_of(statement: Mapping[str, Any]) -> Origin:
    """Where a statement says that it was made; what it does not say is empty."""
    own = _own(statement)
    return Origin(str(own.get("platform") or ""), str(own.get("runs_root") or ""))


def phase_sha256_of(statement: Mapping[str, Any]) -> str | None:
    """The digest of the signed summary of a phase that the statement of an attempt names; None where it names none."""
    digest = _own(statement).get("verification_summary_sha256")
    return digest if isinstance(digest, str) else None


def _own(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a statement says beyond its public form; nothing where it is not of phasegate's making."""
    subjects = statement.get("subject")
    subject = subjects[0] if isinstance(subjects, list) and len(subjects) == 1 else None
    annotations = subject.get("annotations") if isinstance(subject, dict) else None
    known = annotations if isinstance(annotations, dict) else {}
    found = known.get(ATTEMPT, known.get(PHASE))
    return found if isinstance(found, dict) else {}


def _place(summary: StatedSummary, origin: Origin) -> dict[str, JsonValue]:
    """Which attempt it is, where it was made, and what it looked at."""
    return {
        "phase_execution_id": summary.phase_execution_id,
        "platform": origin.platform,
        "runs_root": origin.runs_root,
        "target": {**(summary.target or {})},
    }


def _subject(name: str, digest: str, kind: str, own: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {kind: own}}


def _configuration(summary: StatedSummary) -> list[JsonValue]:
    """What the tests were configured by, each with its digest: the catalogue, and what the platform names."""
    found: list[JsonValue] = [{"name": "catalogue", "digest": {"sha256": summary.catalogue_sha256}}]
    provenance = summary.provenance
    for key, value in sorted(provenance.items()):
        if key.endswith(_DIGEST) and isinstance(value, str):
            name = provenance.get(key.removesuffix(_DIGEST)) or key.removesuffix(_DIGEST)
            found.append({"name": str(name), "digest": {"sha256": value}})
    return found
