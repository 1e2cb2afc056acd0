"""The attempts of a small catalogue, a clock that can be set, and an S3 store on a moto server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from phasegate.attempts import Archive, OpenAttempt, Staging
from phasegate.attempts.present import Present
from phasegate.catalog.load import parse
from phasegate.catalog.model import Catalogue
from phasegate.evidence.schemas import SchemaSet
from phasegate.evidence.secrets import SecretScanner
from phasegate.evidence.store import S3Store
from phasegate.verdict import TestRecord, TestState
from tests.phasegate.attempts.services import GivenServices
from tests.phasegate.documents import gate_document, phase_document
from tests.phasegate.evidence.conftest import bucket, meddler, s3, s3_server, store

__all__ = ["bucket", "meddler", "s3", "s3_server", "store"]


CODES = {"entry": 1, "entry_absent": 2, "evidence": 3, "publish": 4, "leak": 5}


def gate(letter: str, upstream: list[str]) -> dict[str, Any]:
    """A gate whose one verifier raises every code, and whose pack owes two artifacts."""
    return gate_document(letter, upstream=upstream, raises={"ALL": range(1, 6)}, codes=CODES, artifacts=["one", "two"])


def document() -> dict[str, Any]:
    """A phase of three gates in a chain."""
    return phase_document(gate("A", []), gate("B", ["M9.A"]), gate("C", ["M9.B"]))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    parsed, problems = parse([("m9.yaml", json.dumps(document()))])
    assert parsed is not None, problems
    return parsed


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> SchemaSet:
    folder = tmp_path_factory.mktemp("schemas")
    for letter in "abc":
        for name in ("one", "two"):
            (folder / f"m9{letter}_{name}.schema.json").write_text('{"type": "object"}')
    return SchemaSet(folder)


class Bench:
    """A runs root, a clock, and shorthands for the life of an attempt."""

    def __init__(self, root: Path, catalogue: Catalogue, schemas: SchemaSet, store: S3Store) -> None:
        self.root = root
        self.catalogue = catalogue
        self.schemas = schemas
        self.services = GivenServices(lambda: self.now, store)
        self.now = datetime(2026, 2, 24, 4, 33, 34, tzinfo=UTC)
        self.opened: list[OpenAttempt] = []
        self.staging = self.make_staging()

    def make_staging(
        self, substrate: str = "embedded", session: str = "session", inputs=MappingProxyType({}), **facts: str
    ) -> Staging:
        archive = Archive(
            runs_root=self.root,
            platform="demo",
            catalogue=self.catalogue,
            schemas=self.schemas,
            clock=lambda: self.now,
        )
        return Staging(
            archive,
            self.services,
            present=Present(
                lambda: {"platform": "demo", "substrate": substrate, **facts},
                lambda names: {name: inputs[name] for name in names if name in inputs},
            ),
            session_id=session,
        )

    @property
    def store(self) -> S3Store:
        return self.services.store

    @property
    def scanner(self) -> SecretScanner:
        return self.services.scanner

    def open(self, letter: str, state: TestState = TestState.PASSED) -> OpenAttempt:
        attempt = self.staging.open(self.catalogue.gates[f"M9.{letter}"])
        self.opened.append(attempt)
        attempt.record(f"M9{letter}-V1", TestRecord("t.py::t", state))
        return attempt

    def filled(self, letter: str, state: TestState = TestState.PASSED, value: Any = 1) -> OpenAttempt:
        attempt = self.open(letter, state)
        for name in attempt.gate.artifacts:
            attempt.artifact(name, {"value": value})
        return attempt

    def commit(self, attempt: OpenAttempt):
        return attempt.commit()

    def pass_(self, letter: str):
        return self.commit(self.filled(letter))

    def summary(self, committed) -> dict[str, Any]:
        return json.loads((committed.path / committed.judgement.gate.summary_name).read_bytes())


@pytest.fixture
def bench(tmp_path: Path, catalogue: Catalogue, schemas: SchemaSet, store: S3Store) -> Iterator[Bench]:
    bench = Bench(tmp_path / "runs", catalogue, schemas, store)
    yield bench
    for attempt in bench.opened:
        attempt.journal.close()
