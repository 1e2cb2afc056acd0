"""A project on disk with a catalogue of two gates and their tests, to lint and to break."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

collect_ignore = ["example"]  # it is copied into a project, and run there
GOOD = Path(__file__).parent / "catalog" / "good.yaml"
SCHEMA = '{"type": "object", "required": ["gate", "phase_execution_id"]}'
PYPROJECT = """
    [tool.phasegate]
    platform = "demo"
    catalogue = "catalog"
    verifiers = ["gates"]
    runs_root = "runs"

    [tool.pytest.ini_options]
    addopts = ["--strict-markers", "--import-mode=importlib"]
    """


@dataclass(frozen=True)
class DemoProject:
    """A project in a folder of its own."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def gate(self, letter: str, extra: str = "") -> Path:
        """Writes the tests of a gate."""
        text = f"""
            import pytest

            pytestmark = pytest.mark.gate("M9.{letter}")


            @pytest.mark.verifier("M9{letter}-V1")
            @pytest.mark.parametrize("case", ["one", "two[2]"])
            def test_entry(gate, no_such_fixture, case):
                raise SystemExit("nobody runs this")
            """
        return self.write(f"gates/test_{letter.lower()}.py", textwrap.dedent(text) + textwrap.dedent(extra))

    def phasegate(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the command in the project."""
        return subprocess.run(
            [sys.executable, "-c", "import sys; from phasegate.cli import main; sys.exit(main())", *arguments],
            cwd=self.root,
            env={**os.environ, "COLUMNS": "160", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def demo(tmp_path: Path) -> DemoProject:
    """A project whose catalogue, tests and schemas fit together."""
    project = DemoProject(tmp_path)
    project.write("pyproject.toml", PYPROJECT)
    (tmp_path / "catalog" / "schemas").mkdir(parents=True)
    shutil.copy(GOOD, tmp_path / "catalog" / "m9.yaml")
    for letter in "AB":
        project.write(f"catalog/schemas/m9{letter.lower()}_snapshot.schema.json", SCHEMA)
        project.gate(letter)
    return project
