"""What verifiers and files say is shown on the board and by the commands, and commands no terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.test_printable import ESCAPES

NARROW = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
COMMANDS = set("\x1b\x07\x9b\x08\x7f\u202e\u200b")


@pytest.mark.parametrize("terminal", NARROW)
def test_the_board_is_shown_by_every_terminal_and_obeyed_by_none(project, terminal) -> None:
    said = f"{ESCAPES!r} + 'gröne Wiese → 🙂'"
    project.gate("B", v2=f"print({said})\nraise RuntimeError({said})")
    project.gate("C", v1=f"pytest.skip({said})", v2=f"block('M9C-B2', {said})\nblock('M9C-B3', '')")
    environment = {**os.environ, **NARROW[terminal]}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA"]
    done = subprocess.run(command, cwd=project.path, env=environment, capture_output=True, timeout=120, check=False)
    shown = (done.stdout + done.stderr).decode("latin-1")
    assert done.returncode == ExitCode.BLOCKED, shown
    assert "Traceback" not in shown
    assert "1 of 3 gates advance" in shown
    assert not set("\x1b\x07\x08\x7f") & set(shown)
    if terminal != "utf-8":
        assert not set("\x9b\x85") & set(shown)


def test_what_cannot_be_said_and_who_closes_the_streams_end_no_session(project) -> None:
    mute = "class Mute(Exception):\n    def __str__(self):\n        raise SystemExit('no word')\n"
    closing = """
        import os, sys
        print("said before")
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            stream.close()
        with sys.stdout:
            print("said behind")
        os.close(1)
        sys.stdout = None
        block("M9C-B2", "closed")
        """
    project.gate("A", v2=f"{mute}raise Mute()")
    mute_assertion = f"{mute}with blocks('M9C-B1'):\n    raise type('M', (Mute, AssertionError), {{}})()"
    project.gate("C", v1=mute_assertion, v2=closing)
    done = project.run("-m", "m9a or m9c")
    said = done.stdout.str() + done.stderr.str()
    assert done.ret == ExitCode.BLOCKED, said
    assert project.summaries()["M9.A"]["blockers"] == ["M9A-UNMAPPED"]
    assert "Mute, whose text raises SystemExit" in project.summaries()["M9.A"]["blocker_details"][0]["detail"]
    assert project.summaries()["M9.C"]["blockers"] == ["M9C-B1", "M9C-B2"]
    assert "said before" in said
    assert "said behind" in said
    assert "0 of 2 gates advance" in said


def test_a_command_says_names_and_reasons_without_obeying_them_in_any_encoding(project, monkeypatch) -> None:
    assert project.run("-q", "-m", "m9c").ret == 0
    (attempt,) = project.attempts()
    (attempt / "INVALIDATED.txt").write_text(
        f"reason: {ESCAPES.replace(chr(0xD800), '')}1 attempts verified: sound →\n"
    )
    for encoding in ("utf-8", "ascii", "latin-1"):
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        for command, code in (
            (["runs"], 0),
            (["verify"], 9),  # it is no invalidation of the form that is written
            (["explain", "m9c-b2"], 0),
            (["catalog", "show"], 0),
            (["runs", "prune", "--keep", attempt.name], 0),
        ):
            done = project.phasegate(*command)
            assert done.ret == code, command
            assert "Traceback" not in done.stderr.str()
            assert not COMMANDS & set(done.stdout.str() + done.stderr.str())
