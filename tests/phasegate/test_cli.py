from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from phasegate import __version__
from phasegate.catalog.schema import catalogue_schema
from phasegate.cli import main
from phasegate.errors import ExitCode
from phasegate.settings import Settings

HEAVY = ("boto3", "botocore", "moto", "pytest", "rich", "yaml", "jsonschema", "polars")


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"phasegate {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_and_version_import_nothing_heavy(demo, arguments: list[str]) -> None:
    demo.write("tools/__init__.py", "raise RuntimeError('nobody asked for this')\n")
    _add_command(demo, "tools", "tools:app")
    code = (
        "import sys; from phasegate.cli import main; code = main(sys.argv[1:]); "
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=demo.root, capture_output=True, text=True, check=True
    )
    assert "heavy: []" in done.stdout


def test_help_lists_the_projects_own_commands_without_importing_them(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _add_command(demo, "tools", "there_is_no_such_module:app")
    monkeypatch.chdir(demo.root)
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "catalog" in out
    assert "there_is_no_such_module:app" in out


def test_outside_of_a_project_help_works_and_the_rest_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--help"]) == 0
    assert main(["catalog", "lint"]) == 4
    assert "no pyproject.toml with a [tool.phasegate] table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "phasegate: No such command 'nope'"),
        (["catlog"], "catalog"),
        (["catalog", "lint", "--nope"], "phasegate catalog lint: No such option: --nope"),
        (["catalog", "nope"], "phasegate catalog: No such command 'nope'"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_names_it(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(demo.root)
    assert main(arguments) == 4
    err = capsys.readouterr().err
    assert said in err
    assert "remedy: see `phasegate" in err


def test_lint_of_a_sound_project_is_quiet_and_succeeds(demo) -> None:
    done = demo.phasegate("catalog", "lint")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no problems\n", "")


def test_lint_lists_what_of_tests_schemas_and_catalogue_does_not_fit(demo) -> None:
    (demo.root / "gates" / "test_b.py").unlink()
    (demo.root / "catalog" / "schemas" / "m9a_snapshot.schema.json").unlink()
    demo.write("catalog/schemas/m9b_snapshot.schema.json", '{"type": 42}')
    demo.write("catalog/schemas/m9c_snapshot.schema.json", "{")
    done = demo.phasegate("catalog", "lint", "--json")
    assert done.returncode == 7
    report = json.loads(done.stdout)
    assert report["count"] == len(report["problems"]) == 5
    assert {
        (problem["place"].partition(":")[0], problem["fact"].partition(":")[0]) for problem in report["problems"]
    } == {
        ("catalog/schemas/m9b_snapshot.schema.json", "$.type"),
        ("catalog/schemas/m9c_snapshot.schema.json", "the schema cannot be read"),
        ("catalog/schemas/m9c_snapshot.schema.json", "no gate owes m9c_snapshot.json, which this schema is for"),
        ("catalog/m9.yaml", "artifact m9a_snapshot.json of M9.A has no schema"),
        ("catalog/m9.yaml", "verifier M9B-V1-ENTRY has no test"),
    }


def test_lint_names_a_verifier_that_checks_nothing_and_a_schema_that_asks_nothing(demo) -> None:
    path = demo.root / "gates" / "test_a.py"
    path.write_text(path.read_text().replace('raise SystemExit("nobody runs this")', '"""It holds."""'))
    demo.write("catalog/schemas/m9b_snapshot.schema.json", "{}")
    done = demo.phasegate("catalog", "lint")
    assert done.returncode == 7
    assert "gates/test_a.py:7: gates/test_a.py::test_entry can raise nothing" in done.stdout
    assert "m9b_snapshot.schema.json: the schema takes what is no object" in done.stdout
    assert done.stdout.endswith("2 problems\n")


def test_lint_prints_every_problem_of_a_catalogue_with_place_and_remedy(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = Path(__file__).parent / "catalog" / "bad" / "ten_mistakes.yaml"
    demo.write("catalog/m9.yaml", bad.read_text(encoding="utf-8"))
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "lint"]) == 7
    out = capsys.readouterr().out
    assert out.count("catalog/m9.yaml:") >= 10
    assert out.count("    remedy: ") == 10
    assert out.endswith("10 problems\n")


@pytest.mark.parametrize(
    ("breakage", "said"),
    [
        (lambda folder: (folder / "m9.yaml").write_bytes(b"format: \xff\n"), "is not UTF-8 at byte 8"),
        (lambda folder: (folder / "m9.yaml").unlink(), "holds no document"),
        (lambda folder: (folder / "more.yaml").mkdir(), "cannot be read: Is a directory"),
        (lambda folder: folder.rename(folder.with_name("elsewhere")), "folder does not exist"),
    ],
    ids=["not UTF-8", "no document", "a folder for a document", "no folder"],
)
def test_a_catalogue_that_cannot_be_read_is_told_without_a_traceback(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], breakage, said: str
) -> None:
    breakage(demo.root / "catalog")
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show"]) == 7
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("name", ["M9.B", "m9b", "m9.b", "P3.A", "p3a"])
def test_show_takes_a_gate_by_any_of_its_names(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    _replace(demo.root / "catalog" / "m9.yaml", "    title: gate B\n", "    title: gate B\n    alias: P3.A\n")
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show", name]) == 0
    out = capsys.readouterr().out
    assert "M9.B (P3.A) gate B" in out
    assert "M9B-V1-ENTRY entry holds" in out
    assert "M9B-B1 S2 -> M9-B1: no entry" in out
    assert "remedy: enter" in out
    assert "M9A-V1" not in out


def test_show_prints_all_phases_or_one(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show"]) == 0
    whole = capsys.readouterr().out
    assert main(["catalog", "show", "m9"]) == 0
    assert capsys.readouterr().out == whole
    assert whole.index("M9.A gate A") < whole.index("M9.B gate B")
    assert "M9-B1 a gate is blocked" in whole


@pytest.mark.parametrize(("name", "near"), [("M9.X", "M9.A"), ("m9bb", "m9b"), ("zzz", "the catalogue has M9.A, M9.B")])
def test_show_of_an_unknown_gate_names_those_that_are_near(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, near: str
) -> None:
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show", name]) == 4
    err = capsys.readouterr().err
    assert repr(name) in err
    assert near in err


def test_schema_goes_to_the_terminal_or_a_file(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == catalogue_schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(printed))
    assert main(["catalog", "schema", "--out", "catalogue.schema.json"]) == 0
    assert (demo.root / "catalogue.schema.json").read_text(encoding="utf-8") == printed
    assert main(["catalog", "schema", "--out", "no/such/folder.json"]) == 4
    assert "the schema cannot be written" in capsys.readouterr().err


def test_a_command_of_the_project_is_found_beside_its_pyproject(demo) -> None:
    demo.write(
        "tools/cli.py",
        """
        import typer

        app = typer.Typer()

        @app.command()
        def hello(name: str) -> None:
            typer.echo(f"hello {name}")

        @app.command()
        def other() -> None:
            raise typer.Exit(9)
        """,
    )
    _add_command(demo, "tools", "tools.cli:app")
    done = demo.phasegate("tools", "hello", "gates")
    assert (done.returncode, done.stdout) == (0, "hello gates\n")
    assert demo.phasegate("tools", "other").returncode == 9
    wrong = demo.phasegate("tools", "hello")
    assert wrong.returncode == 4
    assert "phasegate tools hello" in wrong.stderr


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (None, "brokentool:app", "there is no module brokentool"),
        ("import there_is_no_such_module\n", "brokentool:app", "No module named 'there_is_no_such_module'"),
        ("def (\n", "brokentool:app", "SyntaxError"),
        ("raise RuntimeError('half built')\n", "brokentool:app", "RuntimeError: half built"),
        ("other = 1\n", "brokentool:app", "module brokentool has no app"),
        ("app = 1\n", "brokentool:app", "brokentool:app is a int, which is no command"),
    ],
    ids=["absent", "imports what is absent", "syntax", "raises", "no attribute", "no command"],
)
def test_a_command_that_cannot_be_imported_is_told_with_its_place(
    demo, source: str | None, target: str, said: str
) -> None:
    if source is not None:
        demo.write("brokentool.py", source)
    _add_command(demo, "tools", target)
    done = demo.phasegate("tools")
    assert done.returncode == 4
    assert said in done.stderr
    assert "pyproject.toml: [tool.phasegate.commands] tools" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_command_harms_no_other(demo, monkeypatch: pytest.MonkeyPatch) -> None:
    _add_command(demo, "tools", "there_is_no_such_module:app")
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show"]) == 0


def test_a_command_of_the_project_cannot_take_the_name_of_one_of_ours(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _add_command(demo, "catalog", "tools:app")
    monkeypatch.chdir(demo.root)
    assert main(["catalog", "show"]) == 4
    assert "catalog is a command of phasegate itself" in capsys.readouterr().err
    assert main(["--help"]) == 0


def test_unusable_settings_are_to_blame_for_a_missing_command(
    demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace(demo.root / "pyproject.toml", 'platform = "demo"', "platform = 42")
    monkeypatch.chdir(demo.root)
    assert main(["tools"]) == 4
    assert "platform: is missing or not a non-empty string" in capsys.readouterr().err
    assert main(["--help"]) == 0


def test_errors_of_the_projects_own_kind_are_told_as_ours_are(demo) -> None:
    demo.write(
        "tools.py",
        """
        import typer

        app = typer.Typer()

        class TheirError(Exception):
            problems = ("the fact\\n    remedy: the remedy", "another")
            exit_code = 10

        @app.callback()
        def callback() -> None: ...

        @app.command()
        def fail() -> None:
            raise TheirError
        """,
    )
    _add_command(demo, "tools", "tools:app")
    done = demo.phasegate("tools", "fail")
    assert (done.returncode, done.stderr) == (10, "the fact\n    remedy: the remedy\nanother\n")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        ("ZeroDivisionError('by nought')", 3, "phasegate: ZeroDivisionError: by nought (at "),
        ("EOFError('Ran out of input')", 3, "phasegate: EOFError: Ran out of input (at "),
        ("RecursionError('deep')", 3, "phasegate: RecursionError: deep (at "),
        ("MemoryError()", 3, "phasegate: MemoryError"),
        ("Odd()", 3, "phasegate: Odd: it cannot be told (ZeroDivisionError)"),
        ("ValueError('\\x1b[2J\\ud800')", 3, "phasegate: ValueError: \\x1b[2J\\ud800 (at "),
        ("PermissionError(13, 'Permission denied', '/some/file')", 4, "/some/file: the system refuses: Permission"),
        ("OSError(37, 'No locks available')", 4, "phasegate: the system refuses: No locks available"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')", 3, "phasegate: UnicodeDecodeError"),
        ("KeyboardInterrupt", 130, ""),
        ("typer.Abort", 130, ""),
        ("typer.Exit(256)", 3, ""),
        ("SystemExit(512)", 3, ""),
        ("SystemExit(7)", 7, ""),
    ],
)
def test_every_error_has_a_message_and_a_code(demo, capsys, monkeypatch, raised: str, code: int, said: str) -> None:
    demo.write(
        "raising_tools.py",
        f"""
        import typer

        class Odd(Exception):
            def __str__(self):
                return str(1 / 0)

        def fail() -> None:
            raise {raised}

        app = typer.Typer()
        app.command()(fail)
        """,
    )
    _add_command(demo, "tools", "raising_tools:app")
    monkeypatch.chdir(demo.root)
    monkeypatch.delitem(sys.modules, "raising_tools", raising=False)
    monkeypatch.setattr(sys, "path", [str(demo.root), *sys.path])
    assert main(["tools"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert ("    remedy: " in err) is bool(said)
    monkeypatch.setenv("PHASEGATE_TRACEBACK", "1")
    assert main(["tools"]) == code
    assert ("Traceback" in capsys.readouterr().err) is (code == 3 and bool(said))


@pytest.mark.parametrize("exit_code", [0, 256, -1])
def test_an_error_never_ends_as_a_success(demo, capsys, monkeypatch, exit_code: int) -> None:
    module = f"success_tools_{exit_code + 1}"
    demo.write(
        f"{module}.py",
        f"""
        import typer

        class Failed(Exception):
            problems = ("the fact",)
            exit_code = {exit_code}

        def fail() -> None:
            raise Failed

        app = typer.Typer()
        app.command()(fail)
        """,
    )
    demo.write("ending_tools.py", "import sys\n\nsys.exit(0)\n")
    _add_command(demo, "tools", f"{module}:app")
    monkeypatch.chdir(demo.root)
    monkeypatch.setattr(sys, "path", [str(demo.root), *sys.path])
    assert main(["tools"]) in {3, 4}
    assert capsys.readouterr().err == "the fact\n"
    pyproject = demo.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(module, "ending_tools"))
    assert main(["tools"]) == 4
    assert "ending_tools cannot be imported: SystemExit: 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shell", "code", "err"),
    [
        ("catalog schema >&-", 0, ""),
        ("catalog schema >&- 2>&-", 0, ""),
        ("catalog nothing 2>&-", 4, ""),
        ("catalog schema >/dev/full", 4, "phasegate: the system refuses: No space left on device"),
        ("catalog schema 1</dev/null", 4, "phasegate: the system refuses: Bad file descriptor"),
        ("catalog nothing 2>/dev/full", 4, ""),
        ("runs </dev/null", 0, ""),
    ],
)
def test_outputs_that_are_closed_or_full_are_no_traceback(demo, shell: str, code: int, err: str) -> None:
    command = f"exec {shlex.quote(sys.executable)} -m phasegate {shell}"
    done = subprocess.run(["sh", "-c", command], cwd=demo.root, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.splitlines()[:1]) == (code, [err] if err else [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"], ["--nothing"], ["catalog"], ["catalog", "show", "\udcff"], ["catalog", "show", ""],
        ["catalog", "schema", "--out", "."], ["catalog", "schema", "--out", "no/such/folder"],
        ["catalog", "schema", "--out", "x" * 5_000], ["catalog", "lint", "more"], ["explain"], ["explain", ""],
        ["explain", "M9A-B1", "--attempt", "no/such"], ["explain", "M9A-B1", "--runs-root", "pyproject.toml"],
        ["keys", "trust", "no_such.pem"], ["keys", "trust", "."], ["keys", "trust", "pyproject.toml"],
        ["keys", "export", "."], ["runs", "--phase", "M77"], ["runs", "--gate", "../x"], ["runs", "show", "../../x"],
        ["runs", "--runs-root", "pyproject.toml"], ["runs", "--runs-root", "x" * 5_000],
        ["runs", "invalidate", "none", "--reason", "x"], ["runs", "prune", "--keep", "-1"], ["verify", "no_such"],
        ["verify", "--public-key", "."], ["verify", "--public-key", "pyproject.toml"], ["verify", "--durable"],
        ["verify", "pyproject.toml"], ["verify", "--runs-root", "/dev/null"],
    ],
)  # fmt: skip
def test_no_argument_ends_in_a_traceback(demo, capsys, monkeypatch, arguments: list[str]) -> None:
    monkeypatch.chdir(demo.root)
    monkeypatch.setenv("XDG_DATA_HOME", str(demo.root / "keys"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(demo.root / "keys"))
    monkeypatch.setenv("HOME", str(demo.root / "keys"))
    code = main(arguments)
    out, err = capsys.readouterr()
    assert "this is a defect" not in err, err
    assert "Traceback" not in out + err
    if code:
        assert code in set(ExitCode)
        assert err or "problem" in out or "defects" in out


def test_a_substrate_that_the_project_does_not_have_is_refused(demo, capsys, monkeypatch) -> None:
    monkeypatch.chdir(demo.root)
    assert main(["runs", "--substrate", "mars"]) == ExitCode.USAGE
    assert "'mars' is no substrate of this project" in capsys.readouterr().err
    assert main(["runs", "--substrate", "embedded"]) == ExitCode.OK


def test_an_interrupt_ends_the_command_quietly_with_130(demo) -> None:
    demo.write(
        "tools.py",
        """
        import time

        import typer

        app = typer.Typer()

        @app.callback()
        def callback() -> None: ...

        @app.command()
        def wait() -> None:
            print("waiting", flush=True)
            time.sleep(60)
        """,
    )
    _add_command(demo, "tools", "tools:app")
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from phasegate.cli import main; sys.exit(main())", "tools", "wait"],
        cwd=demo.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_ends_the_command_quietly(demo) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from phasegate.cli import main; sys.exit(main())",
        "catalog",
        "schema",
    ]
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            command, cwd=demo.root, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_page_of_the_configuration_lists_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted({field.name for field in dataclasses.fields(Settings)} - {"root"})


def test_a_working_folder_that_is_gone_is_told_without_a_traceback(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code = (
        "import os, sys; from phasegate.cli import main; "
        f"os.rmdir({str(folder)!r}); sys.exit(main(['catalog', 'lint']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 4
    assert "the working folder cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def _add_command(demo, name: str, target: str) -> None:
    table = f'\n[tool.phasegate.commands]\n{name} = "{target}"\n'
    pyproject = demo.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text(encoding="utf-8") + table, encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
