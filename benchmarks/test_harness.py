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
    letter = chr(ord("A") + number)
    prefix = f"M9{letter}"
    return {
        "id": f"M9.{letter}",
        "title": f"gate {letter}",
        "owner": "team",
        "advance": f"ADVANCE_TO_{prefix}X",
        "next_gate": f"M9.{letter}_READY",
        "rolls_up_to": "M9-B1",
        "codes": {"entry": f"{prefix}-B1", "evidence": f"{prefix}-B1", "publish": f"{prefix}-B1"},
        "verifiers": [
            {"id": f"{prefix}-V{n}", "name": "EMPTY", "purpose": "nothing", "raises": [f"{prefix}-B1"]}
            for n in range(1, VERIFIERS + 1)
        ],
        "blockers": [{"code": f"{prefix}-B1", "meaning": "m", "remedy": "r", "severity": "S2", "rolls_up_to": "M9-B1"}],
        "artifacts": [f"m9{letter.lower()}_one.json"],
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 empty verifiers."""
    root = tmp_path_factory.mktemp("project")
    for name in ("catalog/schemas", "gates"):
        (root / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    document = {
        "format": "phasegate-catalogue/1",
        "platform": "demo",
        "phase": {"id": "M9", "title": "demo", "blockers": [{"code": "M9-B1", "meaning": "m"}]},
        "gates": [gate(number) for number in range(GATES)],
    }
    (root / "catalog/m9.yaml").write_text(json.dumps(document))
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
