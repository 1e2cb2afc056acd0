"""Projects that do not use phasegate never notice it, and those that do may use its words for other things too."""

from __future__ import annotations

import json

import pytest

from phasegate.errors import ExitCode

OWN_WORDS = """
import pytest

@pytest.mark.gate("entrance")
@pytest.mark.verifier("hall", floor=2)
@pytest.mark.blocker
def test_marks(gate, pytestconfig):
    assert gate == "a gate of our own"
    assert pytestconfig.getoption("registry") == "docker.io"
    assert pytestconfig.getoption("--upstream") == "main"
    assert pytestconfig.option.substrate == 7
    assert pytestconfig.getoption("runs_root", "none") == "none"
"""
OWN_OPTIONS = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--registry", default="docker.io")
    parser.getgroup("git").addoption("--upstream", default="main")
    parser.addoption("--substrate", type=int, default=7)

@pytest.fixture
def gate():
    return "a gate of our own"
"""


def clean(result: pytest.RunResult) -> str:
    output = result.stdout.str() + result.stderr.str()
    assert "Traceback (most" not in output, output
    assert "INTERNALERROR" not in output, output
    return output


@pytest.mark.parametrize("place", ["conftest.py", "their_plugin.py"])
def test_a_project_without_our_table_has_marks_options_and_fixtures_of_its_own(pytester, place, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    (pytester.path / place).write_text(OWN_OPTIONS)
    (pytester.path.parent / "pyproject.toml").write_text("[tool\nsomebody else's, and broken")
    pytester.makeini(
        "[pytest]\naddopts = --strict-markers\nmarkers =\n    gate: ours\n    verifier: ours\n    blocker: ours"
    )
    pytester.makepyfile(OWN_WORDS)
    options = ["-p", "their_plugin"] if place != "conftest.py" else []
    for more in ([], ["-n", "1"], ["--upstream=dev", "--collect-only"], ["--fixtures"], ["--markers"], ["--help"]):
        result = pytester.runpytest_subprocess(*options, *more)
        assert result.ret == ExitCode.OK, result.stdout.str()
        output = clean(result)
        ours = ("phasegate: substrate", "The attempt of the gate", "derived from the catalogue")
        assert not any(word in output for word in ours), more
    (pytester.path.parent / "pyproject.toml").unlink()


def test_a_configured_project_may_use_our_words_outside_the_verifiers_folders(project) -> None:
    project.write(
        "tests/test_plain.py",
        """
        import pytest
        pytestmark = pytest.mark.gate("entrance")

        @pytest.mark.verifier("hall", "of fame")
        def test_it(): pass

        def test_that(): pass
        """,
    )
    result = project.run("tests", "gates", "-m", "gate or m9c")
    assert result.ret == ExitCode.OK
    assert result.parseoutcomes()["passed"] == 11
    claiming = '\n@pytest.mark.verifier("M9C-V2")\ndef test_claims(): pass\n'
    path = project.path / "tests/test_plain.py"
    path.write_text(path.read_text() + claiming)
    result = project.run("tests", "gates")
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines(["*gate 'entrance' is not in the catalogue*"])


def test_an_option_that_somebody_else_declares_is_theirs_and_ours_has_its_own_name(project) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\n\ndef pytest_addoption(parser):\n    parser.addoption('--substrate', default='marble')\n\n\n"
        + "def pytest_configure(config):\n    assert config.getoption('substrate') == 'marble'\n"
    )
    result = project.run("-m", "m9c", "--phasegate-substrate=aws", "--runs-root=elsewhere")
    assert result.ret == ExitCode.OK
    (summary,) = project.path.glob("elsewhere/demo/m9/m9c*/m9c_execution_summary.json")
    assert json.loads(summary.read_bytes())["substrate"] == "aws"
    result = project.run("-m", "m9c", "--phasegate-substrate=moon")
    assert result.ret == ExitCode.USAGE
    result.stderr.fnmatch_lines(["*--phasegate-substrate: 'moon' is no substrate of this project*"])
    pyproject = project.path / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text(
        text.replace('platform = "demo"', 'platform = "demo"\nshort_options = ["substrate", "upstream"]')
    )
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.USAGE
    assert "--substrate: another plugin or conftest declares this option too" in clean(result)
    pyproject.write_text(text.replace('platform = "demo"', 'platform = "demo"\nshort_options = []'))
    assert project.run("-m", "m9c", "--upstream=run").ret == ExitCode.USAGE
    assert project.run("-m", "m9b", "--phasegate-upstream=run").ret == ExitCode.OK


def test_a_platform_whose_option_is_taken_says_so(project) -> None:
    project.write(
        "their_plugin.py", "def pytest_addoption(parser):\n    parser.addoption('--world', action='store_true')\n"
    )
    conftest = project.path / "conftest.py"
    conftest.write_text(
        "from phasegate.harness.options import add_platform_option\n"
        + conftest.read_text()
        + "\n\ndef pytest_addoption(parser):\n    add_platform_option(parser, 'demo', '--world', default='1')\n\n\n"
        + "def pytest_configure(config):\n    open('world', 'w').write(config.option.demo_world)\n"
    )
    result = project.run("-m", "m9c", "--world=2")
    assert result.ret == ExitCode.OK
    assert (project.path / "world").read_text() == "2"
    project.pytester.syspathinsert()
    result = project.run("-p", "their_plugin", "-m", "m9c")
    assert result.ret == ExitCode.USAGE
    assert "--world: another plugin or conftest declares this option too" in clean(result)


@pytest.mark.parametrize("how", ["option", "autoload", "by module", "by name"])
def test_the_plugin_is_one_and_can_be_left_out(project, monkeypatch, how) -> None:
    options = {
        "option": ["-p", "no:phasegate"],
        "by module": ["-p", "phasegate.harness.plugin"],
        "by name": ["-p", "phasegate"],
    }
    if how != "option":
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with_us = how in {"by module", "by name"}
    if not with_us:
        project.write("tests/test_plain.py", "def test_it(): pass")
        conftest = project.path / "conftest.py"
        text = conftest.read_text().replace("def pytest_phase", "@pytest.hookimpl(optionalhook=True)\ndef pytest_phase")
        conftest.write_text("import pytest\n" + text)
    result = project.run(*options.get(how, []), "-m", "m9c" if with_us else "", "gates" if with_us else "tests")
    assert result.ret == ExitCode.OK
    assert ("verdict board" in clean(result)) is with_us


def test_a_platform_in_a_folder_of_a_monorepo_is_found_from_its_tests(project, monkeypatch) -> None:
    sub = project.path / "platforms/demo"
    sub.mkdir(parents=True)
    for name in ("gates", "catalog", "conftest.py", "pyproject.toml"):
        (project.path / name).rename(sub / name)
    pyproject = sub / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().partition("[tool.pytest")[0])
    project.write("pytest.ini", "[pytest]\naddopts = --import-mode=importlib\n")
    project.write("tests/test_plain.py", "import pytest\n\n@pytest.mark.gate('own')\ndef test_it(): pass\n")
    result = project.run("platforms/demo/gates", "-m", "m9c")
    assert result.ret == ExitCode.OK
    assert list(sub.glob("runs/demo/m9/m9c*"))
    monkeypatch.chdir(sub)
    result = project.run("-m", "m9a")
    assert result.ret == ExitCode.OK, result.stderr.str()
    assert list(sub.glob("runs/demo/m9/m9a*"))
    monkeypatch.chdir(project.path)
    assert project.run("tests").ret == ExitCode.OK
    result = project.run(".")
    assert result.ret == ExitCode.USAGE
    assert "is a verifier of the project in" in clean(result)
    result = project.run(".", "-n", "1")
    assert result.ret not in (ExitCode.OK, ExitCode.BLOCKED)


@pytest.mark.parametrize("name", ["../demo", "a/b", "..", ".hidden", "demo\\u001b[2J", "demo "])
def test_a_platform_is_named_by_one_plain_word(project, name) -> None:
    pyproject = project.path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('platform = "demo"', f'platform = "{name}"'))
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.USAGE
    assert "[tool.phasegate] platform" in clean(result)


def test_a_platform_has_the_name_that_its_catalogue_says(project) -> None:
    pyproject = project.path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('platform = "demo"', 'platform = "other"'))
    result = project.run("-m", "m9c")
    assert result.ret == ExitCode.USAGE
    assert "the platform is 'other', and that of the catalogue is 'demo'" in clean(result)
    assert project.phasegate("catalog", "lint").ret == ExitCode.CATALOGUE
