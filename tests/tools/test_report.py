"""Allure's own generator and a real browser on the results of a session of gates: what is shown, and what is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.phasegate.harness.conftest import project, s3_endpoint

__all__ = ["project", "s3_endpoint"]
TOOLS = Path(__file__).parents[2] / "tools/report"
BROWSER = next((path for path in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(path).exists()), None)

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (TOOLS / "node_modules/allure").is_dir() or BROWSER is None,
    reason="needs what `make report` needs: Node, `npm ci --prefix tools/report`, Chromium",
)


def node(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["node", str(TOOLS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@needs_node
def test_a_blocked_day_is_shown_as_it_was_and_loads_nothing(project) -> None:
    project.only("A", "C")
    project.gate("A", v2='with blocks("M9A-B2"):\n    assert False, "role missing"')
    project.run("--alluredir=results")
    results, out = project.path / "results", project.path / "report"
    assert node("build.mjs", results, out).returncode == 0
    page = (out / "index.html").read_text()
    assert "googletagmanager" not in page
    assert 'src="http' not in page
    looked = node("check.mjs", out, results, out / "shots")
    assert looked.returncode == 0, looked.stderr
    assert "2 gates shown" in looked.stdout
    assert {path.name for path in (out / "shots").iterdir()} == {"report.png", "M9.A.png", "M9.C.png"}

    # A report of other results does not show what these say.
    (verdict,) = [path for path in results.glob("*-result.json") if "M9.A HOLD" in path.read_text()]
    verdict.write_text(verdict.read_text().replace("HOLD_REMEDIATE", "ADVANCE_TO_M9AX"))
    looked = node("check.mjs", out, results, out / "shots")
    assert looked.returncode == 1
    assert "M9.A ADVANCE_TO_M9AX: the report does not have it" in looked.stderr


@needs_node
@pytest.mark.parametrize("content", [{}, {"x-result.json": json.dumps({"labels": []}), "allurerc.json": "{}"}])
def test_a_folder_without_verdicts_is_refused(tmp_path, content) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    script = ("check.mjs", tmp_path, tmp_path, tmp_path) if content else ("build.mjs", tmp_path, tmp_path / "out")
    done = node(*script)
    assert done.returncode == 4
    assert "remedy: run" in done.stderr
