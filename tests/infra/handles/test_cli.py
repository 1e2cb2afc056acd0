"""`phasegate handles` shows, compares and repins; what it cannot do it says in one message, with a code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from infra.handles import load
from infra.handles.cli import app

REGISTRY = """## 4.1 MSK cluster

* `MSK_CLUSTER_ARN = "arn:old"` (materialized in M2.E)
* `MSK_CLIENT_SUBNET_IDS = ["subnet-1"]`

## 14.1 Others

* `APIGW_IG_API_ID = "0123456789"`
* `IG_RATE_LIMIT_RPS = 200`
* `IG_BACKOFF = 5.0`
* `OTEL_ENABLED = true`
* `ROLE_OPEN`
* `ODD = "[bold]"` \x1b[31m
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that names its registry; the working folder is deep inside it."""
    (tmp_path / "pyproject.toml").write_text('[tool.phasegate]\nregistry = "r.md"\n')
    (tmp_path / "r.md").write_text(REGISTRY)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text('[project]\nname = "another"\n')
    monkeypatch.chdir(inner)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def handles(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def refused(code: int, *arguments: str | Path) -> str:
    result = handles(*arguments)
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "remedy: " in result.stderr
    return result.stderr


def test_show_finds_the_project_registry_from_any_folder_within() -> None:
    result = handles("show")
    assert result.exit_code == 0
    assert "8 of 8 handles, 1 open; r.md" in result.stdout
    row = next(line for line in result.stdout.splitlines() if "ROLE_OPEN" in line)
    assert "OPEN: name only" in row


def test_show_takes_names_a_section_and_open_handles_only() -> None:
    assert "1 of 8" in handles("show", "OTEL_ENABLED").stdout
    assert "2 of 8" in handles("show", "--section", "4").stdout
    assert "2 of 8" in handles("show", "--section", "msk").stdout
    assert "1 of 8" in handles("show", "--unresolved").stdout


def test_show_prints_values_as_they_are_without_obeying_them(project: Path) -> None:
    (project / "r.md").write_text(REGISTRY + '* `RED = "\x1b[31m"`\n', encoding="utf-8")
    shown = handles("show", "ODD", "RED", "MSK_CLIENT_SUBNET_IDS").stdout
    assert '"[bold]"' in shown
    assert '"\\x1b[31m"' in shown
    assert '["subnet-1"]' in shown
    assert "\x1b" not in shown


def test_show_as_json_carries_typed_values() -> None:
    shown = json.loads(handles("show", "--json").stdout)
    by_name = {handle["name"]: handle for handle in shown["handles"]}
    assert (shown["registry"], shown["handle_count"], shown["unresolved_count"]) == ("r.md", 8, 1)
    assert by_name["IG_RATE_LIMIT_RPS"]["value"] == 200
    assert by_name["MSK_CLUSTER_ARN"]["line"] == 3
    assert by_name["ROLE_OPEN"]["form"] == "name only"
    assert by_name["ROLE_OPEN"]["value"] is None


def test_a_long_value_is_shown_whole_in_a_narrow_terminal(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    (project / "r.md").write_text(f'* `LONG_ONE = "{"x" * 300}"`\n')
    assert handles("show").stdout.count("x") == 300


def test_unknown_names_are_told_with_the_near_ones() -> None:
    message = refused(4, "show", "OTEL_ENABLE", "NO_SUCH")
    assert "OTEL_ENABLE has no line in the registry (it has OTEL_ENABLED)" in message
    assert "NO_SUCH has no line" in message


def test_an_unknown_section_is_told() -> None:
    assert "no section with handles is '1'" in refused(4, "show", "--section", "1")


def test_contradictions_are_told_with_all_lines_and_hide_no_other_handle(project: Path) -> None:
    (project / "r.md").write_text("* `A_B = 1`\n* `A_B = 2`\n* `C_D = 1`\n* `C_D = 2`\n* `E_F = 5`\n")
    result = handles("show")
    assert result.exit_code == 0
    assert "A_B is assigned differing values: 1 (line 1) and 2 (line 2)" in result.stderr
    assert "C_D is assigned differing values: 1 (line 3) and 2 (line 4)" in result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["E_F", "5", "integer", "5"] in rows
    assert [row[:4] for row in rows if row[:1] == ["A_B"]] == [["A_B", "1", "OPEN:", "contradiction"]]
    out = project / "copy.md"
    arguments = ("--annotation", "x", "--out", out)
    assert handles("repin", "--set", "E_F=6", *arguments).exit_code == 0
    assert "A_B is assigned differing values" in refused(8, "repin", "--set", "A_B=6", *arguments, "--force")


@pytest.mark.parametrize("text", ["", "# Notes\n\nno handle here\n"])
def test_a_document_without_a_handle_is_no_registry(project: Path, text: str) -> None:
    empty = project / "empty.md"
    empty.write_text(text)
    for arguments in (["show", "--registry", empty], ["show", "--json", "--registry", empty], ["diff", empty, empty]):
        assert "empty.md: holds no handle" in refused(8, *arguments)


def test_a_registry_that_is_not_there_is_refused() -> None:
    assert "none.md: does not exist" in refused(8, "show", "--registry", "none.md")


@pytest.mark.parametrize(
    ("pyproject", "message"),
    [
        ("[tool.phasegate]\n", "names no registry"),
        ("[tool.phasegate]\nregistry = 5\n", "names no registry"),
        ("[tool]\nphasegate = 5\n", "names no registry"),
        ("[tool.phasegate\n", "cannot be read"),
    ],
)
def test_a_project_without_a_usable_registry_setting_is_told(project: Path, pyproject: str, message: str) -> None:
    (project / "pyproject.toml").write_text(pyproject)
    assert message in refused(4, "show")


def test_outside_any_project_the_registry_must_be_named(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    assert "no pyproject.toml with a [tool.phasegate] table" in refused(4, "show")
    assert handles("show", "--registry", project / "r.md").exit_code == 0


def test_diff_shows_what_changed(project: Path) -> None:
    other = project / "other.md"
    other.write_text(REGISTRY.replace("200", "3000").replace("ROLE_OPEN", "ROLE_NEW"))
    result = handles("diff", project / "r.md", other)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert ["changed", "IG_RATE_LIMIT_RPS", "200", "3000"] in rows
    assert ["added", "ROLE_NEW", "name", "only"] in rows
    found = json.loads(handles("diff", project / "r.md", other, "--json").stdout)
    assert [handle["name"] for handle in found["removed"]] == ["ROLE_OPEN"]
    assert found["changed"][0]["after"]["value"] == 3000


def test_diff_of_equal_registries_says_so(project: Path) -> None:
    assert "say the same" in handles("diff", project / "r.md", project / "r.md").stdout


def test_repin_writes_a_copy_with_typed_values(project: Path) -> None:
    out = project / "copy.md"
    before = (project / "r.md").read_bytes()
    result = handles(
        "repin",
        *("--set", "APIGW_IG_API_ID=9876543210"),
        *("--set", "IG_RATE_LIMIT_RPS=3000"),
        *("--set", "IG_BACKOFF=6"),
        *("--set", "OTEL_ENABLED=false"),
        *("--set", 'MSK_CLIENT_SUBNET_IDS=["subnet-2", "subnet-3"]'),
        *("--set", "MSK_CLUSTER_ARN=arn:aws:kafka:eu-west-2:000000000000:cluster/x/y=z"),
        *("--set", 'ROLE_OPEN="42"'),
        *("--annotation", "by hand", "--out", out),
    )
    assert result.exit_code == 0, result.stderr
    assert f"wrote {out}" in result.stdout.replace("\n", "")
    copy = load(out)
    assert [copy.value(name) for name in ("APIGW_IG_API_ID", "IG_RATE_LIMIT_RPS", "IG_BACKOFF", "OTEL_ENABLED")] == [
        "9876543210",
        3000,
        6.0,
        False,
    ]
    assert copy.value("MSK_CLIENT_SUBNET_IDS") == ["subnet-2", "subnet-3"]
    assert copy.value("MSK_CLUSTER_ARN") == "arn:aws:kafka:eu-west-2:000000000000:cluster/x/y=z"
    assert copy.value("ROLE_OPEN") == "42"
    assert (project / "r.md").read_bytes() == before


def test_repin_takes_outputs_and_a_setting_wins_over_them(project: Path) -> None:
    outputs = project / "outputs.json"
    outputs.write_text(json.dumps({"IG_RATE_LIMIT_RPS": 1, "MSK_CLUSTER_ARN": "arn:new"}))
    out = project / "copy.md"
    arguments = ("repin", "--from-outputs", outputs, "--set", "IG_RATE_LIMIT_RPS=2", "--annotation", "x", "--out", out)
    assert handles(*arguments).exit_code == 0
    copy = load(out)
    assert (copy.value("IG_RATE_LIMIT_RPS"), copy.value("MSK_CLUSTER_ARN")) == (2, "arn:new")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 4, "nothing to repin"),
        (["--set", "OTEL_ENABLED"], 4, "'OTEL_ENABLED' is no setting"),
        (["--set", "OTEL_ENABLED=yes"], 4, "is 'yes', and the handle is of the type boolean"),
        (["--set", "IG_RATE_LIMIT_RPS=5.5"], 4, "is of the type integer"),
        (["--set", "IG_RATE_LIMIT_RPS=1", "--set", "IG_RATE_LIMIT_RPS=2"], 4, "is set twice"),
        (["--set", "ROLE_OPEN=[1,"], 4, "is not JSON"),
        (["--set", "NO_SUCH=1"], 8, "NO_SUCH has no line in the registry"),
        (["--set", "MSK_CLUSTER_ARN=TO_PIN"], 8, "the new value of MSK_CLUSTER_ARN is TO_PIN"),
        (["--set", "MSK_CLUSTER_ARN="], 8, "the new value of MSK_CLUSTER_ARN is empty"),
        (["--from-outputs", "none.json"], 8, "none.json: does not exist"),
    ],
)
def test_a_repin_that_cannot_be_done_writes_nothing(
    project: Path, arguments: list[str], code: int, message: str
) -> None:
    out = project / "copy.md"
    assert message in refused(code, "repin", *arguments, "--annotation", "x", "--out", out)
    assert not out.exists()


def test_repin_never_writes_the_registry_and_replaces_a_file_only_by_force(project: Path) -> None:
    arguments = ("repin", "--set", "IG_RATE_LIMIT_RPS=1", "--annotation", "x", "--out")
    assert "is the registry itself" in refused(8, *arguments, project / "r.md", "--force")
    (project / "copy.md").write_text("precious")
    assert "exists already" in refused(8, *arguments, project / "copy.md")
    assert handles(*arguments, project / "copy.md", "--force").exit_code == 0
    assert (project / "r.md").read_text() == REGISTRY


def test_the_command_works_as_a_process_where_nothing_but_ascii_can_be_printed(project: Path) -> None:
    (project / "r.md").write_text('* `NAME = "é日"`\n', encoding="utf-8")
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", "from infra.handles.cli import app; app()", "show"],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert r'"\xe9\u65e5"' in done.stdout
