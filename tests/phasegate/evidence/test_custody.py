"""No store is believed: what it answers is held against what was sent, and whatever it raises is a failure by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from urllib3.exceptions import ProtocolError

from phasegate.evidence.canonical import sha256
from phasegate.evidence.store import PublishError, PublishFailure, Receipt, S3Store, StoreError, publish_all

ID = "m9a_20260224T043334Z"
DATA = b'{"value":1}'


class Store:
    """A store that answers or raises what it is told to."""

    def __init__(self, lie) -> None:
        self.lie = lie

    def uri(self, execution_id: str, name: str = "") -> str:
        return f"store:{execution_id}/{name}"

    def publish(self, execution_id: str, name: str, data: bytes) -> object:
        true = Receipt(name, self.uri(execution_id, name), "7", sha256(data), len(data))
        if isinstance(self.lie, BaseException):
            raise self.lie
        return self.lie(true)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "lie",
    [
        lambda _: None,
        lambda _: True,
        lambda true: {"name": true.name, "sha256": true.sha256},
        lambda true: replace(true, name="b.json"),
        lambda true: replace(true, sha256=sha256(b"other")),
        lambda true: replace(true, sha256=true.sha256.upper()),
        lambda true: replace(true, size=true.size + 1),
        lambda true: replace(true, size=float(true.size)),
        lambda true: replace(true, uri="store:elsewhere/a.json"),
        lambda true: replace(true, uri=None),
        lambda true: replace(true, version_id=7),
        lambda true: replace(true, version_id=""),
        lambda true: replace(true, version_id=b"7"),
        lambda true: replace(true, version_id=Text("7")),
    ],
)
def test_a_receipt_that_is_not_for_what_was_sent_is_a_failure(lie) -> None:
    receipts, (error,) = publish_all(Store(lie), ID, {"a.json": DATA})
    assert receipts == []
    assert error.reason is PublishFailure.UNPROVEN
    assert error.problems[0].place == f"store:{ID}/a.json"


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (OSError("disk"), PublishFailure.UNAVAILABLE),
        (ConnectionResetError("gone"), PublishFailure.UNAVAILABLE),
        (ProtocolError("half"), PublishFailure.UNAVAILABLE),
        (TimeoutError("slow"), PublishFailure.TIMEOUT),
        (MemoryError(), PublishFailure.BROKEN),
        (KeyError("Body"), PublishFailure.BROKEN),
        (SystemExit(0), PublishFailure.BROKEN),
        (pytest.exit.Exception("away"), PublishFailure.BROKEN),
        (ClientError({"Error": {}}, "PutObject"), PublishFailure.REFUSED),
    ],
)
def test_whatever_a_store_raises_is_a_failure_of_its_own_and_keeps_no_other_from_being_stored(raised, reason) -> None:
    class Half(Store):
        def publish(self, execution_id: str, name: str, data: bytes) -> object:
            self.lie = raised if name == "b.json" else (lambda true: true)
            return super().publish(execution_id, name, data)

    receipts, (error,) = publish_all(Half(None), ID, {"a.json": DATA, "b.json": DATA})
    assert [receipt.name for receipt in receipts] == ["a.json"]
    assert error.reason is reason
    assert type(raised).__name__ in error.problems[0].fact
    assert error.problems[0].remedy


def test_a_true_receipt_is_taken_with_a_version_and_without() -> None:
    for version in ("7", None):
        (receipt,), failures = publish_all(Store(lambda true, v=version: replace(true, version_id=v)), ID, {"a": b""})
        assert (receipt.version_id, failures) == (version, [])


class Client:
    """An S3 client of one object."""

    def __init__(self, put=None, get=None) -> None:
        self.put, self.get = put or {}, get or {}

    def put_object(self, **_) -> object:
        return self._answer({"VersionId": "v1"}, self.put)

    def get_object(self, **_) -> object:
        return self._answer({"VersionId": "v1", "Body": Body(DATA)}, self.get)

    @staticmethod
    def _answer(true, lie):
        if isinstance(lie, Exception):
            raise lie
        if not isinstance(lie, dict):
            return lie
        return {name: value for name, value in (true | lie).items() if value is not ...}


def skewed(code: str, message: str = "") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "PutObject"
    )


class Body:
    """The stream of an answer."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def read(self) -> object:
        if isinstance(self.data, Exception):
            raise self.data
        return self.data


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (Client(put={"VersionId": ...}), PublishFailure.UNVERSIONED),
        (Client(put={"VersionId": "null"}), PublishFailure.UNVERSIONED),
        (Client(put={"VersionId": 7}), PublishFailure.UNVERSIONED),
        (Client(get={"VersionId": ...}), PublishFailure.UNVERSIONED),
        (Client(get={"VersionId": ["v1"]}), PublishFailure.UNVERSIONED),
        (Client(get={"VersionId": "v2"}), PublishFailure.READ_BACK_DIFFERS),
        (Client(get={"Body": Body(b"other")}), PublishFailure.READ_BACK_DIFFERS),
        (Client(get={"Body": Body(DATA.decode())}), PublishFailure.BROKEN),
        (Client(get={"Body": ...}), PublishFailure.BROKEN),
        (Client(get={"Body": None}), PublishFailure.BROKEN),
        (Client(get={"Body": Body(MemoryError())}), PublishFailure.BROKEN),
        (Client(get={"Body": Body(ProtocolError("half"))}), PublishFailure.UNAVAILABLE),
        (Client(get={"Body": Body(OSError("cable"))}), PublishFailure.UNAVAILABLE),
        (Client(put=["v1"]), PublishFailure.BROKEN),
        (Client(put=skewed("RequestTimeTooSkewed")), PublishFailure.CLOCK),
        (Client(put=skewed("RequestExpired")), PublishFailure.CLOCK),
        (
            Client(put=skewed("SignatureDoesNotMatch", "Signature expired: earlier than now")),
            PublishFailure.CLOCK,
        ),
        (Client(put=skewed("InvalidSignatureException", "Signature not yet current: 2")), PublishFailure.CLOCK),
        (Client(put=skewed("SignatureDoesNotMatch", "check your key")), PublishFailure.DENIED),
    ],
)
def test_what_an_s3_client_lies_or_raises_is_a_failure_by_name(client, reason) -> None:
    store = S3Store(client, bucket="b", prefix="p", pause=lambda _: None)
    with pytest.raises(PublishError) as caught:
        store.publish(ID, "a.json", DATA)
    assert caught.value.reason is reason
    assert caught.value.problems[0].place == f"s3://b/p/{ID}/a.json"
    if reason is PublishFailure.CLOCK:
        assert "clock" in caught.value.problems[0].remedy


def test_a_client_that_tells_the_truth_is_believed() -> None:
    assert S3Store(Client(), bucket="b", prefix="p").publish(ID, "a.json", DATA).version_id == "v1"


def test_reading_raises_errors_of_the_store_alone() -> None:
    store = S3Store(Client(get=MemoryError()), bucket="b", prefix="p", retain_days=1)
    for read in (store.read, store.lock_flaw, lambda execution_id, _: store.versions(execution_id)):
        with pytest.raises(StoreError) as caught:
            read(ID, "a.json")
        assert caught.value.reason is PublishFailure.BROKEN
