"""The statements as strict parsers of other tools take them: by the members that in-toto and SLSA define, and no other.

The tables are those of the protobuf messages that the package in-toto-attestation 0.9.3 holds JSON to where it ignores
nothing. Where it has one text for the levels that were verified, SLSA 1.1 has a list, and the list is right.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.attestation import ATTEMPT, ATTESTATION, PHASE, PHASE_ATTESTATION, Origin, phase_statement_of
from phasegate.evidence.canonical import sha256
from phasegate.evidence.stated import StatedSummary
from tests.phasegate.audit.tampering import own

Members = dict[str, Any]
URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+")
DIGEST = re.compile(r"[0-9a-f]{64}")

DESCRIPTOR: Members = {"name": str, "uri": str, "digest": {"sha256": str}, "mediaType": str, "annotations": dict}
STATEMENT: Members = {"_type": str, "subject": [DESCRIPTOR], "predicateType": str, "predicate": dict}
TEST_RESULT: Members = {
    "result": str,
    "configuration": [DESCRIPTOR],
    "url": str,
    "passedTests": [str],
    "warnedTests": [str],
    "failedTests": [str],
}
BY_DIGEST: Members = {"uri": str, "digest": {"sha256": str}}
VERIFICATION_SUMMARY: Members = {
    "verifier": {"id": str},
    "timeVerified": str,
    "resourceUri": str,
    "policy": BY_DIGEST,
    "inputAttestations": [BY_DIGEST],
    "verificationResult": str,
    "verifiedLevels": [str],
    "slsaVersion": str,
}


def misfits(value: Any, form: Any, place: str = "$") -> Iterator[str]:
    """Where a value has a member that its form does not, or one of another type."""
    if isinstance(form, dict):
        if not isinstance(value, dict):
            yield f"{place} is no object"
            return
        for name, item in value.items():
            yield from misfits(item, form[name], f"{place}.{name}") if name in form else [f"{place}.{name} is unknown"]
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        for position, item in enumerate(value):
            yield from misfits(item, form[0], f"{place}[{position}]")
    elif not isinstance(value, form):
        yield f"{place} is no {form.__name__}"


def statements(evidence: Path, name: str) -> list[tuple[Path, dict[str, Any]]]:
    paths = sorted(evidence.rglob(name))
    return [(path, json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))) for path in paths]


def test_every_statement_has_the_members_of_its_public_form_and_no_other(evidence) -> None:
    kinds = ((ATTESTATION, TEST_RESULT, ATTEMPT), (PHASE_ATTESTATION, VERIFICATION_SUMMARY, PHASE))
    for file, predicate, annotation in kinds:
        found = statements(evidence, file)
        assert found
        for path, statement in found:
            assert list(misfits(statement, STATEMENT)) == []
            assert list(misfits(statement["predicate"], predicate)) == []
            (subject,) = statement["subject"]
            assert list(subject["annotations"]) == [annotation]
            assert URI.fullmatch(annotation)
            data = (path.parent / subject["name"]).read_bytes()
            assert subject["digest"]["sha256"] == sha256(data)
            assert subject["name"].endswith("_execution_summary.json")


def test_a_misfit_of_each_kind_would_be_found() -> None:
    assert list(
        misfits({"result": 7, "phasegate": {}, "passedTests": "x", "configuration": [{"digest": []}]}, TEST_RESULT)
    ) == [
        "$.result is no str",
        "$.phasegate is unknown",
        "$.passedTests is no list",
        "$.configuration[0].digest is no object",
    ]


def test_no_two_attempts_have_a_subject_in_common(evidence) -> None:
    """A policy engine that matches by digest alone never takes a blocked attempt's statement for a passed one's."""
    digests = [item["subject"][0]["digest"]["sha256"] for _, item in statements(evidence, ATTESTATION)]
    assert len(digests) == len(set(digests)) == 4


def test_the_statement_names_each_artifact_and_where_it_was_made(evidence) -> None:
    root_id = (evidence / "demo/.root-id").read_text().strip()
    for path, statement in statements(evidence, ATTESTATION):
        said = own(statement)
        assert (said["platform"], said["runs_root"]) == ("demo", root_id)
        assert said["target"] == {"platform": "demo", "substrate": "embedded"}
        assert said["phase_execution_id"] == path.parent.name
        for row in said["artifacts"]:
            assert sha256((path.parent / row["name"]).read_bytes()) == row["sha256"]


def test_the_summary_of_a_phase_says_of_what_and_where_in_uris(evidence) -> None:
    ((path, statement),) = statements(evidence, PHASE_ATTESTATION)
    predicate = statement["predicate"]
    assert predicate["resourceUri"] == "phasegate:demo/M9?substrate=embedded"
    uris = [predicate["resourceUri"], predicate["policy"]["uri"], predicate["verifier"]["id"]]
    uris += [item["uri"] for item in predicate["inputAttestations"]]
    assert all(URI.fullmatch(uri) and urlsplit(uri).scheme for uri in uris)
    (source,) = predicate["inputAttestations"]
    name = source["uri"].split("/")[-2]
    assert source["digest"]["sha256"] == sha256((path.parent.parent / name / ATTESTATION).read_bytes())
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("PASSED", [])


def test_a_phase_is_named_with_the_world_and_the_region_that_were_looked_at() -> None:
    """Two phases that differ in where they were verified differ in what an outside reader sees first."""
    summary = {
        "phase_execution_id": "m4j_20260224T064802Z",
        "phase": "M4",
        "generated_at_utc": "2026-02-24T06:48:02.000Z",
        "verdict": "ADVANCE_TO_M5",
        "overall_pass": True,
        "catalogue_sha256": "0" * 64,
    }
    target = {"platform": "dev_full", "substrate": "aws", "world": "4", "region": "eu west/2"}
    origin = Origin("dev_full", "0" * 32)
    stated = StatedSummary.of(summary | {"target": target})
    statement = phase_statement_of(stated, "s.json", "0" * 64, origin=origin, inputs=[])
    uri = statement["predicate"]["resourceUri"]
    assert uri == "phasegate:dev_full/M4?region=eu%20west%2F2&substrate=aws&world=4"
    assert statement["subject"][0]["annotations"][PHASE]["target"] == target


@pytest.mark.parametrize("body", ['block("M9B-B2", "no")', "1 / 0"])
def test_a_phase_that_failed_says_so_in_its_levels_too(project, evidence, body) -> None:
    project.gate("B", v2=body)
    assert project.run("-m", "m9b").ret == ExitCode.BLOCKED
    *_, (_, statement) = statements(evidence, PHASE_ATTESTATION)
    predicate = statement["predicate"]
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", ["FAILED"])
    assert list(misfits(predicate, VERIFICATION_SUMMARY)) == []
