"""`phasegate report seal`: a report becomes evidence, and `phasegate verify` knows when it is none any more."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.canonical import sha256
from phasegate.evidence.dsse import unverified
from tests.phasegate.audit.conftest import command, verify
from tests.phasegate.audit.tampering import attempts
from tests.phasegate.audit.test_durable import STORE
from tests.phasegate.harness.conftest import s3_client


def result(name: str) -> str:
    """One result as Allure has it, as far as a seal reads it."""
    return json.dumps({"name": name, "labels": [{"name": "execution_id", "value": name}, {"name": "epic", "value": 1}]})


@pytest.fixture
def report(project, evidence) -> Path:
    """A report of the authoritative attempts, its data in base64 as a single file has it, and its results."""
    shown = [path.name for path in attempts(evidence)][1:]
    results = project.path / "results"
    results.mkdir()
    for name in shown:
        (results / f"{name}-result.json").write_text(result(name))
    (results / "environment.properties").write_text("substrate=embedded\n")
    data = b64encode(json.dumps(shown).encode()).decode()
    return project.write("report.html", f'<html>d("data/results.json","{data}")</html>')


def sealed(project) -> Path:
    (folder,) = project.path.glob("runs/demo/.reports/report_*")
    return folder


def seal(project, *more: str, ok: bool = True):
    told = command(project.path, "report", "seal", "report.html", "--results=results", *more)
    assert (told.code == ExitCode.OK) == ok, told.err
    return told


def test_a_sealed_report_names_what_it_shows_and_verifies(project, report) -> None:
    told = seal(project)
    folder = sealed(project)
    statement = unverified((folder / "report.dsse.json").read_bytes())
    digests = {row["name"]: row["digest"]["sha256"] for row in statement["subject"]}
    assert digests == {name: sha256((folder / name).read_bytes()) for name in ("report.html", "results.zip")}
    rows = statement["predicate"]["attempts"]
    assert [row["gate"] for row in rows] == ["M9.A", "M9.B", "M9.C"]
    for row in rows:
        attestation = project.path / "runs/demo/m9" / row["execution_id"] / "attestation.dsse.json"
        assert row["sha256"] == sha256(attestation.read_bytes())
        assert f"{row['execution_id']}  {row['gate']}  {row['verdict']}" in told.out
    with zipfile.ZipFile(folder / "results.zip") as packed:
        assert packed.namelist() == sorted(path.name for path in (project.path / "results").iterdir())
    sound = verify(project.path, "--json")
    assert sound.code == ExitCode.OK
    assert not [note for note in sound.notes if ".reports" in note]


def test_the_same_results_are_packed_to_the_same_bytes(project, report) -> None:
    seal(project)
    first = (sealed(project) / "results.zip").read_bytes()
    shutil.rmtree(sealed(project))
    for path in (project.path / "results").iterdir():
        os.utime(path, (0, 0))
    seal(project)
    assert (sealed(project) / "results.zip").read_bytes() == first


@pytest.mark.parametrize(
    ("file", "change", "fact"),
    [
        ("report.html", lambda path: path.write_text(path.read_text() + " "), "was altered"),
        ("results.zip", lambda path: path.write_bytes(b""), "was altered"),
        ("report.html", Path.unlink, "lacks this file"),
        ("more.html", lambda path: path.write_text("look here"), "does not name this file"),
        ("report.dsse.json", Path.unlink, "is missing"),
        ("report.dsse.json", lambda path: path.write_text("{}"), ""),
        ("report.html", lambda path: (path.unlink(), path.mkdir()), "a folder"),
    ],
)
def test_a_sealed_report_that_was_changed_is_named(project, report, file, change, fact) -> None:
    seal(project)
    folder = sealed(project)
    change(folder / file)
    told = verify(project.path, "--json")
    assert told.code == ExitCode.EVIDENCE
    (defect,) = told.defects
    assert defect["file"] == f".reports/{folder.name}/{file}"
    assert fact in defect["fact"]


def test_a_report_that_a_strange_key_signed_is_named(project, report, keys) -> None:
    shutil.move(keys, keys.with_name("others"))
    seal(project)  # with a key that is made for it
    shutil.rmtree(keys)
    shutil.move(keys.with_name("others"), keys)
    told = verify(project.path, "--json")
    assert told.code == ExitCode.SIGNATURE
    assert [(row["kind"], row["file"]) for row in told.defects] == [
        ("SIGNATURE", f".reports/{sealed(project).name}/report.dsse.json")
    ]


def test_a_statement_about_something_else_seals_no_report(project, report, evidence) -> None:
    seal(project)
    attestation = attempts(evidence)[1] / "attestation.dsse.json"
    (sealed(project) / "report.dsse.json").write_bytes(attestation.read_bytes())
    (defect,) = verify(project.path, "--json").defects
    assert defect["fact"] == "it seals no report of this runs root"


def test_a_report_is_told_that_shows_what_counts_no_more(project, report) -> None:
    seal(project)
    shown = attempts(project.path / "runs")[1].name
    assert command(project.path, "runs", "invalidate", shown, "--reason=wrong account").code == ExitCode.OK
    told = verify(project.path, "--json")
    assert any(f"shows {shown}, which is not authoritative any more: invalidated" in note for note in told.notes)
    shutil.rmtree(attempts(project.path / "runs")[1])
    told = verify(project.path, "--json")
    assert told.code == ExitCode.EVIDENCE
    assert any(f"attempt {shown} is gone, which .reports/" in row["fact"] for row in told.defects)


def test_a_report_shows_a_failed_attempt_as_what_it_is(project, report, evidence) -> None:
    failed = attempts(evidence)[0].name
    (project.path / "results/failed-result.json").write_text(result(failed))
    report.write_text(report.read_text() + failed)
    told = seal(project)
    assert f"{failed}  M9.A  HOLD_REMEDIATE  (superseded by" in told.out


@pytest.mark.parametrize(
    ("prepare", "fact"),
    [
        (lambda path: (path / "report.html").unlink(), "report.html: is missing"),
        (lambda path: shutil.rmtree(path / "results"), "results: there are no results"),
        (lambda path: (path / "results/sub").mkdir(), "sub: it is no file of results"),
        (lambda path: (path / "results/x-result.json").write_text("{"), "x-result.json: it is no result"),
        (
            lambda path: (path / "results/x-result.json").write_text(result("m9a_20200101T000000Z")),
            "m9a_20200101T000000Z is no attempt that lies here",
        ),
        (lambda path: (path / "results/x-result.json").write_text(result("../../x")), "../../x is no attempt"),
        (lambda path: (path / "report.html").write_text("<html></html>"), "it does not show m9a_"),
        (
            lambda path: [each.write_text("{}") for each in (path / "results").glob("*-result.json")],
            "no result in it names an attempt",
        ),
    ],
)
def test_what_cannot_be_sealed_is_refused_with_fact_place_and_remedy(project, report, prepare, fact) -> None:
    prepare(project.path)
    told = seal(project, ok=False)
    assert told.code == ExitCode.EVIDENCE
    assert fact in told.err
    assert "remedy: " in told.err
    assert not list(project.path.glob("runs/demo/.reports/*"))


def test_an_attempt_that_was_altered_is_sealed_in_no_report(project, report, evidence) -> None:
    (attempts(evidence)[1] / "m9a_snapshot.json").write_text("{}")
    told = seal(project, ok=False)
    assert "was altered" in told.err


def test_a_sealed_report_is_stored_beside_the_evidence_and_read_back(project, report, s3_endpoint) -> None:
    project.write("pyproject.toml", (project.path / "pyproject.toml").read_text() + "\n")
    text = (project.path / "pyproject.toml").read_text()
    project.write("pyproject.toml", text.replace('platform = "demo"', 'platform = "demo"\ndurable = "keep:open_store"'))
    project.write("keep.py", STORE.replace(", retain_days=30", ""))
    told = seal(project, "--durable")
    place = f"s3://{os.environ['PHASEGATE_TEST_BUCKET']}/evidence/demo/run_control/reports/{sealed(project).name}/"
    assert f"stored: {place}" in told.out
    receipt = json.loads((sealed(project) / "publication_receipt.json").read_bytes())
    assert [row["file"] for row in receipt["objects"]] == ["report.dsse.json", "report.html", "results.zip"]
    durable = [row for row in verify(project.path, "--durable", "--json").defects if ".reports" in row["file"]]
    assert durable == []
    s3 = s3_client(s3_endpoint)
    key = f"evidence/demo/run_control/reports/{sealed(project).name}/report.html"
    s3.put_object(Bucket=os.environ["PHASEGATE_TEST_BUCKET"], Key=key, Body=b"another")
    durable = [row for row in verify(project.path, "--durable", "--json").defects if ".reports" in row["file"]]
    assert {row["kind"] for row in durable} == {"DURABLE"}
    assert any("stands over" in row["fact"] for row in durable)
    (sealed(project) / "publication_receipt.json").unlink()
    assert any("was not stored durably" in note for note in verify(project.path, "--durable", "--json").notes)


def test_without_a_store_that_takes_something_nothing_is_sealed(project, report) -> None:
    told = seal(project, "--durable", ok=False)
    assert "nothing opens the durable store here" in told.err
    assert not list(project.path.glob("runs/demo/.reports/*"))
