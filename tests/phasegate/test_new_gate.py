"""`phasegate new gate`: a folder that runs and blocks; written on, it is a gate of at most 5 files and 300 lines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.harness.conftest import PYPROJECT, Project, project, s3_endpoint

EXAMPLE = Path(__file__).parent / "example/m9"
SHOP = {
    "orders": [{"number": "1", "customer": "Ada", "goods": "tea", "price": 350}],
    "stock": {"tea": 2},
    "customers": ["Ada"],
    "total": 350,
}
__all__ = ["project", "s3_endpoint"]


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose one gate is catalogued, and not written."""
    for path in (*project.path.glob("gates/*"), *project.path.glob("catalog/*.yaml")):
        path.unlink()
    shutil.rmtree(project.path / "catalog")
    text = PYPROJECT.replace('"demo"', '"shop"').replace('"catalog"', '"gates"')
    project.write("pyproject.toml", text.replace("testpaths", 'pythonpath = ["."]\n    testpaths'))
    project.write("shop.json", json.dumps(SHOP))
    project.write("gates/m9/phase.yaml", (EXAMPLE / "phase.yaml").read_text())
    project.write("gates/m9/a_orders/gate.yaml", (EXAMPLE / "a_orders/gate.yaml").read_text())
    return project


def summary(project: Project) -> dict:
    paths = sorted(project.path.glob("runs/shop/m9/m9a_*/m9a_execution_summary.json"))
    found: dict = json.loads(paths[-1].read_bytes())
    return found


def write_it(shop: Project) -> list[Path]:
    """Writes the gate by hand; gives the files."""
    files = sorted(path for path in (EXAMPLE / "a_orders").iterdir() if path.is_file())
    for path in files:
        shutil.copy(path, shop.path / "gates/m9/a_orders" / path.name)
    done = shop.phasegate("catalog", "schemas")
    assert done.ret == 0, done.stdout.str()
    return files


def test_a_new_gate_runs_lints_and_blocks_with_every_check(shop) -> None:
    done = shop.phasegate("new", "gate", "m9a")
    assert done.ret == ExitCode.OK, done.stdout.str()
    assert shop.phasegate("catalog", "lint").stdout.str().strip() == "no problems"
    assert shop.run("-m", "m9a").ret == ExitCode.BLOCKED
    assert summary(shop)["blockers"] == [f"M9A-B{number}" for number in range(1, 8)]
    assert [row["outcome"] for row in summary(shop)["verifiers"]] == ["BLOCKED"] * 6


def test_a_gate_of_six_verifiers_and_four_artifacts_is_five_files_and_three_hundred_lines(shop) -> None:
    assert shop.phasegate("new", "gate", "M9.A").ret == ExitCode.OK
    files = write_it(shop)
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    assert len(files) <= 5
    assert lines <= 300
    assert shop.phasegate("catalog", "lint").stdout.str().strip() == "no problems"
    result = shop.run("-m", "m9a")
    assert result.ret == ExitCode.OK, result.stdout.str()
    assert len(summary(shop)["verifiers"]) == 6
    assert len([row for row in summary(shop)["artifacts"] if row["file"].startswith("m9a_")]) == 4


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"orders": [], "total": 0}, ["M9A-B1"]),
        ({"orders": [{**SHOP["orders"][0], "price": None}]}, ["M9A-B2", "M9A-B6"]),
        ({"stock": {}}, ["M9A-B4"]),
        ({"customers": []}, ["M9A-B5"]),
    ],
)
def test_the_gate_that_was_written_blocks_with_the_code_of_what_is_wrong(shop, change, codes) -> None:
    write_it(shop)
    shop.write("shop.json", json.dumps(SHOP | change))
    assert shop.run("-m", "m9a").ret == ExitCode.BLOCKED
    assert summary(shop)["blockers"] == codes


def test_what_is_there_is_not_overwritten(shop) -> None:
    path = shop.write("gates/m9/a_orders/checks.py", "# mine\n")
    done = shop.phasegate("new", "gate", "m9a")
    assert done.ret == ExitCode.USAGE
    done.stderr.fnmatch_lines(["*gates/m9/a_orders: checks.py is there already*"])
    assert path.read_text() == "# mine\n"
    assert sorted(each.name for each in path.parent.iterdir()) == ["checks.py", "gate.yaml"]


@pytest.mark.parametrize("name", ["m9b", "x", ""])
def test_a_gate_without_an_entry_is_refused_with_what_to_write(shop, name) -> None:
    done = shop.phasegate("new", "gate", name)
    assert done.ret == ExitCode.USAGE
    assert "write its catalogue entry first: gates/<phase>/<gate>/gate.yaml" in done.stderr.str()
    assert not list(shop.path.glob("gates/m9/*/test_gate.py"))
