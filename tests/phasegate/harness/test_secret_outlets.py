"""No outlet of a verifier lets a secret out, and each that tries blocks its gate with the leak's digest."""

from __future__ import annotations

import hashlib
import json
import re
from xml.sax.saxutils import escape

import pytest

from phasegate.errors import ExitCode
from phasegate.evidence.secrets import SecretScanner
from tests.phasegate.harness.canaries import OUTLETS, SPELLINGS, canaries, leaked, not_blocked, plant, traces_of


@pytest.mark.parametrize(
    ("spelling", "outlet"),
    # An assertion shows a value of several lines as a difference, each line behind a sign.
    [*zip(["plain", "base64", "lines", "JSON", "hex"] * 2, OUTLETS, strict=True), ("lines", "assertion")],
)
def test_a_secret_at_an_outlet_is_withheld_and_blocks(project, spelling, outlet) -> None:
    values = canaries(2)
    plant(project, spelling, outlet, values)
    done = project.run("-m", "m9c", "-rA", "--junitxml=junit.xml")
    assert done.ret not in (ExitCode.OK, ExitCode.INTERNAL, ExitCode.EVIDENCE)
    assert leaked(project, done, values) == []
    assert not_blocked(project, values) == []


@pytest.mark.parametrize(("outlet", "before"), [("blocker", 1_985), ("exception", 585), ("skip", 1_985)])
def test_no_part_of_a_secret_is_left_where_a_long_detail_is_cut_off(project, monkeypatch, outlet, before) -> None:
    (value,) = canaries(1)
    monkeypatch.setitem(SPELLINGS, "behind", lambda text: "." * before + text)
    plant(project, "behind", outlet, [value])
    done = project.run("-m", "m9c", "-rA", "--junitxml=junit.xml")
    said = done.stdout.str() + (project.path / "junit.xml").read_text()
    said += "".join(path.read_text() for path in (project.path / "runs").rglob("*") if path.is_file())
    assert value[:10] not in said
    assert value[4:12] not in said  # without the sign that JSON and XML spell in ways of their own
    assert not_blocked(project, [value]) == []


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
