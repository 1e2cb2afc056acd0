"""What verifiers and files say is shown on the board and by the commands, and commands no terminal."""

from __future__ import annotations

import pytest

from phasegate.errors import ExitCode
from tests.phasegate.test_printable import ESCAPES

NARROW = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
COMMANDS = set("\x1b\x07\x9b\x08\x7f\u202e\u200b")


@pytest.mark.parametrize("terminal", NARROW)
def test_the_board_is_shown_by_every_terminal_and_obeyed_by_none(project, monkeypatch, terminal) -> None:
    for name, value in NARROW[terminal].items():
        monkeypatch.setenv(name, value)
    project.gate("C", v2=f"block('M9C-B2', {ESCAPES!r} + 'gröne Wiese → 🙂')\nblock('M9C-B3', '')")
    done = project.run("-m", "m9c")
    said = done.stdout.str() + done.stderr.str()
    assert done.ret == ExitCode.BLOCKED, said
    assert "Traceback" not in said
    assert "0 of 1 gates advance" in said
    assert not COMMANDS & set(said)


def test_a_command_says_names_and_reasons_without_obeying_them_in_any_encoding(project, monkeypatch) -> None:
    assert project.run("-q", "-m", "m9c").ret == 0
    (attempt,) = project.attempts()
    (attempt / "INVALIDATED.txt").write_text(
        f"reason: {ESCAPES.replace(chr(0xD800), '')}1 attempts verified: sound →\n"
    )
    for encoding in ("utf-8", "ascii", "latin-1"):
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        for command in (
            ["runs"],
            ["explain", "m9c-b2"],
            ["catalog", "show"],
            ["runs", "prune", "--keep", attempt.name],
        ):
            done = project.phasegate(*command)
            assert done.ret == 0, command
            assert "Traceback" not in done.stderr.str()
            assert not COMMANDS & set(done.stdout.str() + done.stderr.str())
