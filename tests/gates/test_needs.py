"""A session brings up what its gates say that they need, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from phasegate.errors import ExitCode
from tests.gates.conftest import ROOT
from tests.phasegate.documents import gate_document, phase_document
from tests.phasegate.harness.conftest import PYPROJECT, module

STARTED = """
    import sys
    found = {"moto", "infra.clients", "infra.emulator.process"} & set(sys.modules)
    gate.metric("started", sorted(found))
"""


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Runs one gate of the platform that has given needs; gives the session and the gate's summary."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}/plugins:{ROOT}")

    def run(*needs: str) -> tuple[subprocess.CompletedProcess[str], dict]:
        gate = gate_document("A") | {"needs": list(needs)}
        files = {
            "pyproject.toml": textwrap.dedent(PYPROJECT).replace('"demo"', '"dev_full"'),
            "conftest.py": 'pytest_plugins = ["fixtures.session"]\n',
            "catalog/m9.yaml": json.dumps(phase_document(gate, platform="dev_full")),
            "catalog/schemas/m9a_snapshot.schema.json": '{"type": "object"}',
            "gates/test_m9a.py": module("A", v2=STARTED),
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        command = [sys.executable, "-m", "pytest", "-m", "m9a", "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        summaries = list(tmp_path.glob("runs/dev_full/m9/*/m9a_execution_summary.json"))
        return done, json.loads(summaries[0].read_text()) if summaries else {}

    return run


def test_a_gate_that_needs_nothing_starts_no_aws(judge) -> None:
    done, summary = judge()
    assert summary["metrics"]["started"] == [], done.stdout
    assert summary["target"] == {"platform": "dev_full", "substrate": "embedded"}
    assert done.returncode == ExitCode.BLOCKED  # its pack was stored nowhere, which is said
    assert summary["blockers"] == ["M9A-B4"]


def test_a_need_that_nobody_brings_up_is_an_error_of_usage(judge) -> None:
    done, summary = judge("substrte")
    assert done.returncode == ExitCode.USAGE, done.stdout
    assert "M9.A needs substrte, and dev_full brings up substrate alone" in done.stdout + done.stderr
    assert not summary
