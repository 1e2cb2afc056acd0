"""No outlet of a verifier lets a secret out, and each that tries blocks its gate with the leak's digest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from xml.sax.saxutils import escape

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.secrets import SecretScanner
from tests.phasegate.harness.canaries import OUTLETS, SPELLINGS, canaries, leaked, not_blocked, plant, run, traces_of


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_at_any_outlet_is_withheld_and_blocks(project, spelling) -> None:
    values = canaries(len(OUTLETS))
    plant(project, spelling, [*OUTLETS], values)
    done = run(project, "--showlocals")
    assert done.ret == ExitCode.BLOCKED
    assert leaked(project, done, values) == []
    assert [name for number, name in enumerate(OUTLETS) if number in not_blocked(project, values)] == []
    assert (project.path / "allure").is_dir()


def test_workers_keep_every_outlet_clean_too(project) -> None:
    values = canaries(len(OUTLETS))
    plant(project, "plain", [*OUTLETS], values)
    done = run(project, "-n", "1")
    assert done.ret == ExitCode.BLOCKED
    assert leaked(project, done, values) == []
    assert [name for number, name in enumerate(OUTLETS) if number in not_blocked(project, values)] == []


def test_no_part_of_a_secret_is_left_where_a_long_detail_is_cut_off(project, monkeypatch) -> None:
    outlets = {"blocker": 1_985, "exception": 585, "skip": 1_985, "assertion": 100, "xfail": 585}
    values = canaries(len(outlets))
    behind = dict(zip(values, outlets.values(), strict=True))
    monkeypatch.setitem(SPELLINGS, "behind", lambda text: "." * behind[text] + text)
    plant(project, "behind", [*outlets], values)
    done = run(project)
    said = done.stdout.str() + (project.path / "junit.xml").read_text()
    said += "".join(path.read_text() for path in project.path.glob("[ra][ul]*/**/*") if path.is_file())
    for value in values:
        assert value[:10] not in said
        assert value[4:12] not in said  # without the sign that JSON and XML spell in ways of their own
    assert not_blocked(project, values) == []


SHORTENED = {
    "a long value": "assert LONG is None",
    "a long value that is true": "assert not LONG",
    "an argument": "def check(token):\n    raise RuntimeError('no')\ncheck(LONG)",
    "what differs at its end": "assert SHORT == SHORT + chr(10)",
    "in a mapping": "assert {'k': SHORT} == {'k': 1}",
    "in a list": "assert [LONG] == [SHORT]",
    "bytes": "assert LONG.encode() is None",
    "in base64": "import base64\nassert not base64.b64encode(LONG.encode())",
    "with both quotes": "assert QUOTED is None",
}


def test_no_part_of_a_secret_is_left_where_pytest_shortens_a_value(project) -> None:
    digits = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(8))
    values = {"LONG": digits[:400], "SHORT": digits[400:464], "QUOTED": f"it's \"{digits[464:]}"}
    given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    given += "gate.protect([('long', LONG), ('short', SHORT), ('quoted', QUOTED)])\n"
    project.write("values.py", given.rpartition("gate.")[0])
    head = "import sys\nsys.path.insert(0, '.')\nfrom values import LONG, SHORT, QUOTED\n" + given.splitlines()[-1]
    done, summaries = project.judge_each({name: f"{head}\n{body}" for name, body in SHORTENED.items()}, "--tb=long")
    assert done.ret == ExitCode.BLOCKED
    said = done.stdout.str() + json.dumps(summaries)
    for value in values.values():
        for coded in (value, base64.b64encode(value.encode()).decode()):
            assert [coded[at : at + 10] for at in range(len(coded) - 10) if coded[at : at + 10] in said] == []
    for name, summary in summaries.items():
        assert any("holds a secret: " in row["detail"] for row in summary["blocker_details"]), name


def test_what_is_said_while_modules_are_collected_and_what_ends_a_session_is_clean_and_blocks(
    project, monkeypatch
) -> None:
    tokens = canaries(5)
    for number, token in enumerate(tokens):
        monkeypatch.setenv(f"MY_{number}_API_TOKEN", token)
    for number, said in enumerate(
        ("raise RuntimeError(token)", "print(token)\n    assert False", "pytest.skip(token, allow_module_level=True)")
    ):
        text = f"import os, pytest\ntoken = os.environ['MY_{number}_API_TOKEN']\n{said.replace('    ', '')}\n"
        project.write(f"gates/test_said_{number}.py", text)
    project.gate("C", v1="import os, warnings; warnings.warn(os.environ['MY_3_API_TOKEN'])")
    ending = "import os; pytest.exit(os.environ['MY_4_API_TOKEN'], returncode=2)"
    project.gate("C", v1="import os, warnings; warnings.warn(os.environ['MY_3_API_TOKEN'])", v2=ending)
    done = run(project, "--continue-on-collection-errors", "--full-trace")
    assert done.ret == ExitCode.INTERRUPTED
    assert leaked(project, done, tokens) == []
    assert not_blocked(project, tokens) == []


def test_a_secret_of_no_gate_ends_the_session_with_trouble(project, monkeypatch) -> None:
    (token,) = canaries(1)
    monkeypatch.setenv("MY_API_TOKEN", token)
    hook = "def pytest_sessionfinish(session):\n    raise RuntimeError(os.environ['MY_API_TOKEN'])\n"
    project.write("conftest.py", (project.path / "conftest.py").read_text() + hook)
    done = run(project)
    assert done.ret != ExitCode.OK
    assert leaked(project, done, [token]) == []


def test_a_verifier_named_by_a_secret_is_refused_and_the_name_is_not_shown(project, monkeypatch) -> None:
    (token,) = canaries(1)
    monkeypatch.setenv("MY_API_TOKEN", token[4:18])
    named = "import os\n@pytest.mark.parametrize('key', [os.environ['MY_API_TOKEN']])\n"
    path = project.path / "gates/test_m9c.py"
    path.write_text(path.read_text().replace("def test_body(gate)", "def test_body(gate, key)"))
    path.write_text(
        path.read_text().replace('@pytest.mark.verifier("M9C-V2")', named + '@pytest.mark.verifier("M9C-V2")')
    )
    for options in ([], ["--collect-only"]):
        done = project.run("-m", "m9c", "-v", *options)
        assert done.ret == ExitCode.USAGE
        assert "name of a verifier's test holds a secret" in done.stderr.str()
        assert token[4:18] not in done.stdout.str() + done.stderr.str()


def test_what_shows_what_a_test_says_before_it_can_be_cleaned_is_refused_where_gates_run(project) -> None:
    done = project.run("-m", "m9c", "-s", "--log-file=x.log", "-o", "log_cli=true", "--debug=trace.log")
    assert done.ret == ExitCode.USAGE
    for name in ("--capture=no", "--log-file", "log_cli", "--debug"):
        assert f"{name}: a session of gates cannot keep secrets out" in done.stdout.str()
    assert project.attempts() == []
    project.write("tests/test_plain.py", "def test_plain():\n    print('as it is said')\n")
    assert "as it is said" in project.run("-s", "tests").stdout.str()


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "wrap", [str, json.dumps, lambda text: json.dumps(json.dumps(text)), escape, "E       - {}".format]
)
def test_the_search_for_canaries_finds_each_spelling_without_the_scanner(spelling, wrap) -> None:
    value, other = canaries(2)
    traces = re.compile(b"|".join(traces_of(value)))
    said = SPELLINGS[spelling](value).replace("\n", "\nE       - ") if "E  " in wrap("") else SPELLINGS[spelling](value)
    assert traces.search(b"before " + wrap(said).encode() + b" behind")
    assert not traces.search(wrap(SPELLINGS[spelling](other)).encode())
    assert not traces.search(f"canary 0 (sha256 {hashlib.sha256(value.encode()).hexdigest()})".encode())


def test_the_sensitive_environment_is_known_and_paths_account_ids_and_short_words_are_not_secret() -> None:
    scanner = SecretScanner()
    scanner.register_environment(
        {
            "DB_PASSWORD": "correct-horse",
            "AWS_ACCESS_KEY_ID": "000000000001",
            "TOKEN_FILE": "/run/secrets/token",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "HOME": "/home/somebody",
        }
    )
    (leak,) = scanner.scan("a", b"correct-horse 000000000001 /run/secrets/token testing /home/somebody")
    assert leak.kind == "$DB_PASSWORD (plain)"


BESIDE_A_SESSION = {
    "conftest": "raise RuntimeError(os.environ['API_TOKEN'])",
    "configure": "def pytest_configure(): raise pytest.UsageError(os.environ['API_TOKEN'])",
    "unconfigure": "def pytest_unconfigure(): raise RuntimeError(os.environ['API_TOKEN'])",
    "header": "def pytest_report_header(): return ['a head', os.environ['API_TOKEN']]",
    "behind the collection": "def pytest_report_collectionfinish(): return os.environ['API_TOKEN']",
}


@pytest.mark.parametrize("where", BESIDE_A_SESSION)
def test_what_is_said_before_and_behind_a_session_is_clean(project, monkeypatch, where) -> None:
    monkeypatch.setenv("API_TOKEN", "Zq9xW7vTt4LmN2pRk8sYb")
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + f"\nimport os\nimport pytest\n\n{BESIDE_A_SESSION[where]}\n")
    result = project.run("-m", "m9c")
    said = result.stdout.str() + result.stderr.str()
    assert result.ret != ExitCode.OK
    assert "withheld" in said
    assert "Zq9xW7vTt4LmN2pRk8sYb" not in said
