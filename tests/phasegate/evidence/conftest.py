"""An S3 server whose answers a test may replace, alter or delay."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from phasegate.evidence.store import S3Store

Answer = tuple[str, bytes]
Rule = Callable[[dict[str, Any], Callable[[], tuple[str, list[tuple[str, str]], bytes]]], Answer | None]


def s3_error(status: str, code: str) -> Answer:
    """An error as S3 spells it."""
    return status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>ordered</Message></Error>".encode()


class Meddler:
    """The WSGI application of the server; its rule may answer a request in the server's place."""

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self.requests: list[tuple[str, str]] = []
        self._app = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if self.rule is None:
            return self._app(environ, start_response)
        said: list[Any] = []

        def real() -> tuple[str, list[tuple[str, str]], bytes]:
            body = b"".join(self._app(environ, lambda status, headers, *_: said.extend((status, headers))))
            return said[0], said[1], body

        answer = self.rule(environ, real)
        if answer is None:
            return self._app(environ, start_response)
        status, body = answer
        headers = [(name, value) for name, value in (said[1] if said else []) if name.lower() != "content-length"]
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    @contextmanager
    def following(self, rule: Rule) -> Iterator[None]:
        """Lets a rule answer while the block runs."""
        self.rule = rule
        try:
            yield
        finally:
            self.rule = None

    def count(self, method: str, name: str = "") -> int:
        """How many requests of a method asked for a key that ends in a name."""
        return sum(1 for seen, path in self.requests if seen == method and path.endswith(name))


def client_of(endpoint: str, **config: Any) -> Any:
    """An S3 client that tries once."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-west-2",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **config),
    )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[Meddler, str]]:
    meddler = Meddler()
    server = make_server("127.0.0.1", 0, meddler, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield meddler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def meddler(s3_server: tuple[Meddler, str]) -> Meddler:
    s3_server[0].requests.clear()
    return s3_server[0]


@pytest.fixture(scope="session")
def s3(s3_server: tuple[Meddler, str]) -> Iterator[Any]:
    client = client_of(s3_server[1])
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"evidence-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def store(s3: Any, bucket: str) -> S3Store:
    return S3Store(s3, bucket=bucket, prefix="evidence/demo/run_control", pause=lambda _: None)
