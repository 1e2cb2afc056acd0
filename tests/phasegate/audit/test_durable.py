"""`phasegate verify --durable` against a bucket with Object Lock: what holds passes, and what does not is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from phasegate.errors import ExitCode
from tests.phasegate.audit.conftest import verify
from tests.phasegate.audit.tampering import attempts

PREFIX = "evidence/demo/run_control"
BUCKET = "locked"

# The session's store and the auditor's are one: what is published is what is audited.
STORE = f"""
    import os

    import boto3
    from botocore.config import Config

    from phasegate.evidence.store import S3Store


    def open_store(settings):
        client = boto3.client(
            "s3",
            endpoint_url=os.environ["PHASEGATE_TEST_S3"],
            region_name="eu-west-2",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(s3={{"addressing_style": "path"}}, retries={{"total_max_attempts": 1}}),
        )
        return S3Store(client, bucket=os.environ["PHASEGATE_TEST_BUCKET"], prefix="{PREFIX}", retain_days=30)


    def pytest_phasegate_evidence_store(config):
        return open_store(None)
    """


@dataclass(frozen=True)
class Durable:
    """The durable copy of the one attempt, and shorthands to change it past all locks."""

    s3: Any
    bucket: str
    execution_id: str

    def key(self, name: str) -> str:
        return f"{PREFIX}/{self.execution_id}/{name}"

    def put(self, name: str, data: bytes, **lock: Any) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=self.key(name), Body=data, **lock)

    def read(self, name: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=self.key(name))["Body"].read()

    def delete(self, name: str) -> None:
        version = self.s3.head_object(Bucket=self.bucket, Key=self.key(name))["VersionId"]
        where = {"Bucket": self.bucket, "Key": self.key(name), "VersionId": version}
        self.s3.delete_object(**where, BypassGovernanceRetention=True)


@pytest.fixture
def durable(project, monkeypatch, s3_endpoint) -> Durable:
    """A session that passed, with its evidence in a bucket with Object Lock."""
    bucket = f"{BUCKET}-{os.environ['PHASEGATE_TEST_BUCKET']}"
    monkeypatch.setenv("PHASEGATE_TEST_BUCKET", bucket)
    config = Config(s3={"addressing_style": "path"})
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    s3 = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-west-2", config=config, **credentials)
    where = {"LocationConstraint": "eu-west-2"}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    project.write("conftest.py", STORE)
    settings = (project.path / "pyproject.toml").read_text()
    settings = settings.replace("[tool.phasegate]", '[tool.phasegate]\ndurable = "conftest:open_store"')
    project.write("pyproject.toml", settings)
    assert project.run("-m", "m9c").ret == ExitCode.OK
    (folder,) = attempts(project.path / "runs")
    return Durable(s3, bucket, folder.name)


def test_a_locked_copy_is_sound(project, durable) -> None:
    answer = durable.s3.list_objects_v2(Bucket=durable.bucket)["Contents"]
    modes = {durable.s3.head_object(Bucket=durable.bucket, Key=row["Key"]).get("ObjectLockMode") for row in answer}
    assert (len(answer), modes) == (4, {"GOVERNANCE"})
    done = verify(project.path, "--durable")
    assert (done.code, done.out.splitlines()[-1]) == (ExitCode.OK, "1 attempts verified: sound")


SUMMARY, ARTIFACT = "m9c_execution_summary.json", "m9c_snapshot.json"


def unlocked(durable: Durable) -> None:
    data = durable.read(SUMMARY)
    durable.delete(SUMMARY)
    durable.put(SUMMARY, data)


@pytest.mark.parametrize(
    ("change", "file", "fact"),
    [
        (unlocked, SUMMARY, "it is not locked"),
        (lambda durable: durable.delete(ARTIFACT), ARTIFACT, "it cannot be read"),
        (lambda durable: durable.put("extra.json", b"{}"), "extra.json", "the summary does not list it"),
        (lambda durable: durable.put("INVALIDATED.txt", b"x"), "INVALIDATED.txt", "was taken back"),
    ],
)
def test_what_does_not_hold_is_named(project, durable, change: Callable[[Durable], None], file: str, fact: str) -> None:
    change(durable)
    done = verify(project.path, "--durable", "--json")
    assert done.code == ExitCode.DURABLE
    (defect,) = done.defects
    assert (defect["execution_id"], defect["file"], defect["kind"]) == (durable.execution_id, file, "DURABLE")
    assert fact in defect["fact"]
    assert verify(project.path).code == ExitCode.OK  # the local copy is as it was


def test_a_copy_that_another_version_hides_is_named_as_other_bytes_without_a_lock(project, durable) -> None:
    durable.put(SUMMARY, b"{}")
    done = verify(project.path, "--durable", "--json")
    assert done.code == ExitCode.DURABLE
    facts = {row["fact"] for row in done.defects if row["file"] == SUMMARY}
    assert facts == {
        "2 versions stand under its key, and it was put once",
        "the durable copy has other bytes than the local one",
        "it is not locked",
    }


def test_an_attempt_that_was_taken_back_here_too_is_no_durable_defect(project, durable) -> None:
    durable.put("INVALIDATED.txt", b"x")
    assert project.phasegate("runs", "invalidate", durable.execution_id, "--reason=broken").ret == ExitCode.OK
    assert verify(project.path, "--durable").code == ExitCode.OK


def bury(durable: Durable) -> None:
    """Hides the object behind a marker, as a plain delete does."""
    durable.s3.delete_object(Bucket=durable.bucket, Key=durable.key(ARTIFACT))


def taken_back_and_hidden(durable: Durable) -> None:
    durable.put("INVALIDATED.txt", b"x")
    durable.s3.delete_object(Bucket=durable.bucket, Key=durable.key("INVALIDATED.txt"))


def locked_for_less(durable: Durable) -> None:
    version = durable.s3.head_object(Bucket=durable.bucket, Key=durable.key(ARTIFACT))["VersionId"]
    until = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=3)}
    where = {"Bucket": durable.bucket, "Key": durable.key(ARTIFACT), "VersionId": version}
    durable.s3.put_object_retention(**where, Retention=until, BypassGovernanceRetention=True)


def test_what_stands_under_a_key_is_looked_at_and_not_what_was_receipted_alone(project, durable) -> None:
    """Every version that was receipted reads as it did; each of these leaves something else for a plain read."""
    shadows: dict[str, tuple[Callable[[Durable], None], str, str]] = {
        "other bytes over it": (lambda durable: durable.put(ARTIFACT, b"{}"), ARTIFACT, "stands over"),
        "the same bytes over it": (
            lambda durable: durable.put(ARTIFACT, durable.read(ARTIFACT)),
            ARTIFACT,
            "2 versions",
        ),
        "a marker over it": (bury, ARTIFACT, "a marker hides its versions"),
        "a marker over its being taken back": (taken_back_and_hidden, "INVALIDATED.txt", "was taken back"),
        "a shorter lock": (locked_for_less, ARTIFACT, "evidence is kept for 30 days"),
    }
    for name, (change, file, fact) in shadows.items():
        before = {row["VersionId"] for row in versions(durable)}
        change(durable)
        done = verify(project.path, "--durable", "--json")
        found = [row for row in done.defects if row["file"] == file and fact in row["fact"]]
        assert (done.code, len(found)) == (ExitCode.DURABLE, 1), f"{name}\n{done.out}"
        assert set(done.places) == {(durable.execution_id, file)}, name
        for row in versions(durable):
            if row["VersionId"] not in before:
                where = {"Bucket": durable.bucket, "Key": row["Key"], "VersionId": row["VersionId"]}
                durable.s3.delete_object(**where, BypassGovernanceRetention=True)


def versions(durable: Durable) -> list[dict[str, Any]]:
    answer = durable.s3.list_object_versions(Bucket=durable.bucket)
    return [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]


def test_what_lies_in_the_durable_copy_of_an_attempt_that_was_not_published_is_named(project, durable) -> None:
    """An attempt that leaked publishes nothing; what lies under its name is somebody else's."""
    project.gate("C", v2='gate.protect([("k", "s3cr3t-value")])\ngate.metric("m", "s3cr3t-value")')
    assert project.run("-m", "m9c").ret == ExitCode.BLOCKED
    (leaked,) = {path.name for path in attempts(project.path / "runs")} - {durable.execution_id}
    assert verify(project.path, leaked, "--durable").code == ExitCode.OK
    other = replace(durable, execution_id=leaked)
    other.put("m9c_execution_summary.json", b"{}")
    other.put("extra.json", b"{}")
    done = verify(project.path, leaked, "--durable", "--json")
    assert {(leaked, "m9c_execution_summary.json"), (leaked, "extra.json")} <= set(done.places)
