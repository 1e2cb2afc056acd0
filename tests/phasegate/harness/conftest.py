"""A small project with gates of its own: M9.A <- M9.B is a chain, M9.C stands alone."""

from __future__ import annotations

import json
import string
import sys
import textwrap
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.phasegate.documents import gate_document, phase_document

PYPROJECT = """
    [tool.phasegate]
    platform = "demo"
    catalogue = "catalog"
    verifiers = ["gates"]
    runs_root = "runs"
    substrates = ["embedded", "aws"]

    [tool.pytest.ini_options]
    addopts = ["--import-mode=importlib", "--strict-markers"]
    testpaths = ["gates"]
    """

# The store that a project attaches through the hook; the S3 behind it is a moto server.
CONFTEST = """
    import os

    import boto3
    from botocore.config import Config

    from phasegate.evidence.store import S3Store


    def pytest_phasegate_evidence_store(config):
        client = boto3.client(
            "s3",
            endpoint_url=os.environ["PHASEGATE_TEST_S3"],
            region_name="eu-west-2",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        return S3Store(client, bucket=os.environ["PHASEGATE_TEST_BUCKET"], prefix="evidence/demo/run_control")


    def pytest_phasegate_provenance(config):
        return {"registry_sha256": "0" * 64}
    """


def module(letter: str, v1: str = "pass", v2: str = "pass", v3: str = "gate.publish()") -> str:
    """The source of a gate's test module, with the bodies of its three verifiers."""
    prefix = f"M9{letter}"
    entry = f'gate.require_upstream("{prefix}-B1")\n'
    parts = [
        "import pytest\nfrom phasegate.api import block, blocks\n",
        f'pytestmark = pytest.mark.gate("M9.{letter}")\n',
        f'@pytest.mark.verifier("{prefix}-V1")\ndef test_entry(gate):',
        textwrap.indent(entry + textwrap.dedent(v1), "    "),
        f'@pytest.mark.verifier("{prefix}-V2")\ndef test_body(gate):',
        textwrap.indent(textwrap.dedent(v2), "    "),
        f'@pytest.mark.verifier("{prefix}-V3")\ndef test_publish(gate):',
        textwrap.indent(
            f'gate.artifact("m9{letter.lower()}_snapshot.json", {{"value": 1}})\n' + textwrap.dedent(v3), "    "
        ),
    ]
    return "\n".join(parts) + "\n"


class Project:
    """The project under test, its runs, and what they left."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def furnish(self) -> None:
        """Writes a project whose three gates pass."""
        self.write("pyproject.toml", PYPROJECT)
        self.write("conftest.py", CONFTEST)
        self.catalogue(gate_document("A"), gate_document("B", upstream="M9.A"), gate_document("C"))
        for letter in "ABC":
            self.gate(letter)

    def gate(self, letter: str, **bodies: str) -> None:
        """Writes a gate's test module with the given verifier bodies."""
        self.write(f"gates/test_m9{letter.lower()}.py", module(letter, **bodies))

    def catalogue(self, *gates: dict[str, Any]) -> None:
        """Writes the catalogue, and a schema that admits anything for each gate's artifact."""
        self.write("catalog/m9.yaml", json.dumps(phase_document(*gates)))  # JSON is YAML
        for gate in gates:
            for artifact in gate["artifacts"]:
                self.write(f"catalog/schemas/{Path(artifact).stem}.schema.json", json.dumps({"type": "object"}))

    def only(self, *letters: str) -> None:
        """Leaves these gates alone, which rest on none and pass."""
        self.catalogue(*map(gate_document, letters))
        for path in self.path.glob("gates/test_m9*.py"):
            path.unlink()
        for letter in letters:
            self.gate(letter)

    def judge_each(self, bodies: dict[str, str], *args: str) -> tuple[pytest.RunResult, dict[str, dict[str, Any]]]:
        """Runs gates that each have one of the given bodies in V2, in one session.

        Returns:
            How the session ended, and the summary of each body's gate.
        """
        assert len(bodies) <= len(string.ascii_uppercase), "a gate of these tests is named by one letter"
        letters = dict(zip(bodies, string.ascii_uppercase, strict=False))
        self.only(*letters.values())
        for name, letter in letters.items():
            self.gate(letter, v2=textwrap.dedent(bodies[name]).replace("M9C", f"M9{letter}"))
        result = self.run(*args)
        summaries = self.summaries()
        return result, {name: summaries.get(f"M9.{letter}", {}) for name, letter in letters.items()}

    def run(self, *args: str) -> pytest.RunResult:
        """Runs pytest as a process of its own."""
        return self.pytester.runpytest_subprocess("-p", "no:cacheprovider", *args)

    def phasegate(self, *args: str) -> pytest.RunResult:
        """Runs the `phasegate` command in the project."""
        return self.pytester.run(str(Path(sys.executable).with_name("phasegate")), *args)

    def summaries(self) -> dict[str, dict[str, Any]]:
        """The newest committed execution summary of each gate, by gate."""
        found = {}
        for path in sorted(self.path.glob("runs/demo/m9/m9*/m9*_execution_summary.json")):
            summary = json.loads(path.read_bytes())
            found[summary["gate"]] = summary
        return found

    def attempts(self) -> list[Path]:
        """The folders of all committed attempts."""
        return sorted(path.parent for path in self.path.glob("runs/demo/m9/m9*/m9*_execution_summary.json"))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server whose S3 keeps the evidence of the projects under test."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make_bucket(endpoint: str) -> str:
    """A new versioned bucket; the clock of the ids has seconds, so no two projects may meet in one."""
    s3 = s3_client(endpoint)
    bucket = f"evidence-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@cache
def s3_client(endpoint: str) -> Any:
    """A client of the server that keeps the evidence of the projects under test."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-west-2",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(s3={"addressing_style": "path"}),
    )


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, s3_endpoint: str) -> Project:
    """A project whose three gates pass."""
    monkeypatch.setenv("PHASEGATE_TEST_S3", s3_endpoint)
    monkeypatch.setenv("PHASEGATE_TEST_BUCKET", make_bucket(s3_endpoint))
    project = Project(pytester)
    project.furnish()
    return project
