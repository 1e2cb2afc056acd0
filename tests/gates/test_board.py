"""The board of a blocked morning: M4.C with three codes, whose they are, and what closes them.

`PHASEGATE_PICTURES=docs/images pytest tests/gates/test_board.py` writes the pictures of the README anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from phasegate.errors import ExitCode
from tests.gates.test_m4_history import DATASTORES, IRSA, ROOT

PICTURES = os.environ.get("PHASEGATE_PICTURES")


def test_the_board_says_what_blocks_m4c_who_owns_it_and_what_closes_it(platform, tmp_path) -> None:
    platform.edit_registry({f"ROLE_EKS_IRSA_{name}": None for name in IRSA})
    platform.clients.client("ssm").delete_parameters(Names=[f"{ROOT}/{name}" for name in DATASTORES])
    platform.run("m4a or m4b or m4c")
    page, picture = tmp_path / "board.html", Path(PICTURES or tmp_path) / "board-blocked.svg"
    command = ("board", "M4", f"--runs-root={platform.runs}", f"--html={page}", f"--svg={picture}")
    assert platform.phasegate(*command).returncode == ExitCode.BLOCKED
    said = page.read_text()
    for code in ("M4C-B2", "M4C-B4", "M4C-B6"):
        assert f"<strong>{code}</strong>" in said
    assert "identity and access closes M4C-B" in said
    assert "waits for M4.C" in said
    assert "2 of 10 gates do" in said
    assert "blocked: M4C-B2, M4C-B4, M4C-B6" in picture.read_text()


def test_the_board_of_a_phase_that_passed_advances(passed, tmp_path) -> None:
    picture = Path(PICTURES or tmp_path) / "board.svg"
    done = passed.phasegate("board", "M4", f"--runs-root={passed.runs}", f"--svg={picture}")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert picture.read_text().count("ADVANCE_TO_M") == 10
