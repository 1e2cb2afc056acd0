"""The durable store: written once, read back, and each way to fail has a reason of its own."""

from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phasegate.evidence.canonical import sha256
from phasegate.evidence.store import PublishError, PublishFailure, S3Store, publish_all
from tests.phasegate.evidence.conftest import client_of, s3_error

ID = "m9a_20260224T043334Z"
DATA = b'{"value":1}'


def failure(store: S3Store) -> PublishError:
    with pytest.raises(PublishError) as caught:
        store.publish(ID, "a.json", DATA)
    assert caught.value.problems[0].remedy
    assert caught.value.problems[0].place.endswith(f"/{ID}/a.json")
    return caught.value


def answering(method: str, answer):
    def rule(environ, real):
        return answer if environ["REQUEST_METHOD"] == method else None

    return rule


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,20}\.json", fullmatch=True), st.binary(max_size=500), max_size=6)
)
def test_everything_published_reads_back_with_its_digest_and_version(store, s3, bucket, files) -> None:
    name = f"m9a_{sha256(repr(sorted(files.items())).encode())[:20]}"
    receipts, failures = publish_all(store, name, files)
    assert failures == []
    assert {receipt.name: (receipt.sha256, receipt.size) for receipt in receipts} == {
        name: (sha256(data), len(data)) for name, data in files.items()
    }
    for receipt in receipts:
        key = receipt.uri.removeprefix(f"s3://{bucket}/")
        with s3.get_object(Bucket=bucket, Key=key, VersionId=receipt.version_id)["Body"] as body:
            assert body.read() == files[receipt.name]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("403 Forbidden", "AccessDenied", PublishFailure.DENIED),
        ("403 Forbidden", "SomethingNew", PublishFailure.DENIED),
        ("400 Bad Request", "ExpiredToken", PublishFailure.DENIED),
        ("400 Bad Request", "RequestTimeout", PublishFailure.TIMEOUT),
        ("400 Bad Request", "EntityTooLarge", PublishFailure.REFUSED),
        ("404 Not Found", "NoSuchBucket", PublishFailure.MISSING_BUCKET),
        ("500 Internal Server Error", "InternalError", PublishFailure.UNAVAILABLE),
        ("503 Slow Down", "SlowDown", PublishFailure.UNAVAILABLE),
        ("409 Conflict", "ConditionalRequestConflict", PublishFailure.UNAVAILABLE),
    ],
)
def test_each_answer_of_s3_has_its_reason(meddler, store, status, code, reason) -> None:
    with meddler.following(answering("PUT", s3_error(status, code))):
        error = failure(store)
    assert error.reason is reason
    assert reason.value in str(error)


def test_an_answer_that_is_no_xml_is_a_failure_and_no_traceback(meddler, store) -> None:
    for status in ("500 Internal Server Error", "403 Forbidden", "400 Bad Request"):
        with meddler.following(answering("PUT", (status, b"<html><p>what?"))):
            assert failure(store).reason in {PublishFailure.UNAVAILABLE, PublishFailure.DENIED, PublishFailure.REFUSED}


def test_what_fails_for_a_moment_is_tried_again_and_stored_once(meddler, store, s3, bucket) -> None:
    left = [2]

    def twice(environ, real):
        if environ["REQUEST_METHOD"] == "PUT" and left[0]:
            left[0] -= 1
            return s3_error("503 Slow Down", "SlowDown")
        return None

    with meddler.following(twice):
        assert store.publish(ID, "a.json", DATA).version_id
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_an_answer_lost_behind_a_put_that_arrived_is_no_conflict(meddler, store, s3, bucket) -> None:
    lost = [True]

    def lose_the_answer(environ, real):
        if environ["REQUEST_METHOD"] == "PUT" and lost.pop() if lost else False:
            real()
            return s3_error("500 Internal Server Error", "InternalError")
        return None

    with meddler.following(lose_the_answer):
        receipt = store.publish(ID, "a.json", DATA)
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert receipt.version_id == version["VersionId"]


def test_what_is_not_for_a_moment_is_tried_once(meddler, store) -> None:
    with meddler.following(answering("PUT", s3_error("403 Forbidden", "AccessDenied"))):
        failure(store)
    assert meddler.count("PUT", "a.json") == 1


def test_tries_end(meddler, s3, bucket) -> None:
    pauses: list[float] = []
    store = S3Store(s3, bucket=bucket, prefix="p", pause=pauses.append)
    with meddler.following(answering("PUT", s3_error("500 Internal Server Error", "InternalError"))):
        failure(store)
    assert meddler.count("PUT", "a.json") == 3
    assert len(pauses) == 2
    assert sum(pauses) < 1


def test_a_server_that_is_dead_is_unavailable(bucket) -> None:
    client = client_of("http://127.0.0.1:9")
    assert (
        failure(S3Store(client, bucket=bucket, prefix="p", pause=lambda _: None)).reason is PublishFailure.UNAVAILABLE
    )
    client.close()


def test_a_server_that_does_not_answer_is_a_timeout_and_is_not_asked_again(meddler, s3_server, bucket) -> None:
    client = client_of(s3_server[1], connect_timeout=0.2, read_timeout=0.2)
    release = threading.Event()

    def wait(environ, real):
        release.wait(5)

    with meddler.following(wait):
        assert failure(S3Store(client, bucket=bucket, prefix="p")).reason is PublishFailure.TIMEOUT
        release.set()
    assert meddler.count("PUT", "a.json") == 1
    client.close()


def test_a_client_without_credentials_is_denied(s3_server, bucket, monkeypatch, tmp_path) -> None:
    import boto3  # noqa: PLC0415 - only this test makes a client of its own

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    client = boto3.session.Session().client("s3", endpoint_url=s3_server[1], region_name="eu-west-2")
    assert failure(S3Store(client, bucket=bucket, prefix="p")).reason is PublishFailure.DENIED
    client.close()


def altered(environ, real):
    if environ["REQUEST_METHOD"] != "GET":
        return None
    status, _, body = real()
    return status, body.replace(b"1", b"2")


def cut_short(environ, real):
    if environ["REQUEST_METHOD"] != "GET":
        return None
    status, _, body = real()
    return status, body[:-1]


@pytest.mark.parametrize("rule", [altered, cut_short])
def test_a_read_back_that_differs_is_a_failure_of_its_own(meddler, store, rule) -> None:
    with meddler.following(rule):
        assert failure(store).reason is PublishFailure.READ_BACK_DIFFERS


@pytest.mark.parametrize("rule", [altered, cut_short])
def test_a_read_back_that_differs_is_found_without_the_clients_help_too(meddler, s3_server, bucket, rule) -> None:
    client = client_of(s3_server[1], response_checksum_validation="when_required")
    with meddler.following(rule):
        error = failure(S3Store(client, bucket=bucket, prefix="p"))
    assert error.reason is PublishFailure.READ_BACK_DIFFERS
    assert sha256(DATA) in str(error)
    client.close()


def test_what_vanishes_between_write_and_read_back_is_not_stored(meddler, store) -> None:
    gone = s3_error("404 Not Found", "NoSuchKey")
    with meddler.following(answering("GET", gone)):
        assert failure(store).reason is PublishFailure.READ_BACK_DIFFERS


def test_a_bucket_without_versions_is_no_store_of_evidence_and_conflict_and_difference_are_told_apart(
    meddler, store, s3, bucket
) -> None:
    name = f"{bucket}-plain"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    plain = S3Store(s3, bucket=name, prefix="p", pause=lambda _: None)
    error = failure(plain)
    assert error.reason is PublishFailure.UNVERSIONED
    assert "versioning" in error.problems[0].remedy
    assert store.publish(ID, "a.json", DATA).version_id
    with pytest.raises(PublishError) as caught:
        store.publish(ID, "a.json", b"other")
    assert caught.value.reason is PublishFailure.CONFLICT


def test_every_put_is_conditional_and_carries_its_checksum(meddler, store) -> None:
    seen = []

    def look(environ, real):
        if environ["REQUEST_METHOD"] == "PUT":
            seen.append((environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_X_AMZ_CHECKSUM_SHA256")))

    with meddler.following(look):
        store.publish(ID, "a.json", DATA)
    ((condition, checksum),) = seen
    assert condition == "*"
    assert checksum


def test_one_failure_does_not_keep_the_others_from_the_store(meddler, store) -> None:
    def deny_b(environ, real):
        denied = environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].endswith("b.json")
        return s3_error("403 Forbidden", "AccessDenied") if denied else None

    with meddler.following(deny_b):
        receipts, failures = publish_all(store, ID, {"a.json": b"1", "b.json": b"2", "c.json": b"3"})
    assert [receipt.name for receipt in receipts] == ["a.json", "c.json"]
    assert [error.reason for error in failures] == [PublishFailure.DENIED]
