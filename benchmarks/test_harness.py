"""What the plugin costs: 10,000 empty verifiers against the same tests in plain pytest, interleaved in one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.phasegate.documents import gate_document, phase_document

GATES, VERIFIERS = 20, 500
RATIO = 1.3
ROUNDS = 5

PYPROJECT = """
[tool.phasegate]
platform = "demo"
catalogue = "catalog"
verifiers = ["gates"]
runs_root = "runs"

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
"""


def gate(number: int) -> dict[str, object]:
    return gate_document(
        chr(ord("A") + number),
        raises={f"EMPTY_{n}": [1] for n in range(1, VERIFIERS + 1)},
        codes={"entry": 1, "evidence": 1, "publish": 1},
        artifacts=["one"],
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 empty verifiers."""
    root = tmp_path_factory.mktemp("project")
    for name in ("catalog/schemas", "gates"):
        (root / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "catalog/m9.yaml").write_text(json.dumps(phase_document(*map(gate, range(GATES)))))
    for number in range(GATES):
        letter = chr(ord("A") + number)
        plain = [f"def test_{n}(): pass" for n in range(1, VERIFIERS + 1)]
        marked = [f'@pytest.mark.verifier("M9{letter}-V{n}")\n{text}' for n, text in enumerate(plain, start=1)]
        head = f'import pytest\npytestmark = pytest.mark.gate("M9.{letter}")\n'
        (root / f"gates/test_gate_{number}.py").write_text(head + "\n".join(marked))
    return root


def environment() -> dict[str, str]:
    """This process's environment, with byte code and output buffered as an ordinary user has them."""
    unusual = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    return {name: value for name, value in os.environ.items() if name not in unusual}


def run(project: Path, *options: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert f"{GATES * VERIFIERS} passed" in done.stdout, done.stdout[-2000:]
    return time.perf_counter() - start


def test_ten_thousand_empty_verifiers_against_plain_tests(project, benchmark) -> None:
    ratios = []

    def pair() -> None:
        plain = run(project, "gates", "-p", "no:phasegate", "-p", "no:phasegate-board", "-W", "ignore")
        gates = run(project, "gates")
        ratios.append(gates / plain)

    benchmark.pedantic(pair, rounds=ROUNDS, warmup_rounds=1)
    measured = ratios[1:]
    benchmark.extra_info["ratio"] = {"median": statistics.median(measured), "all": measured}
    assert statistics.median(measured) <= RATIO, measured
