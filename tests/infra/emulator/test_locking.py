"""A lock that the file system does not give is a named error, not a traceback."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.emulator.cli import app
from infra.emulator.locking import exclusive
from infra.errors import SubstrateError


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system such as NFS whose lock service is down."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_locks")
def test_a_file_system_without_locks_is_told_with_place_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with (
        pytest.raises(SubstrateError, match="the lock cannot be taken: No locks available") as caught,
        exclusive(path, 1),
    ):
        pass
    assert caught.value.exit_code == 10
    assert caught.value.problems[0].place == str(path)


@pytest.mark.usefixtures("no_locks")
def test_up_without_locks_ends_with_the_code_of_the_substrate(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["up", "--no-stacks", "--state-dir", str(tmp_path / "state")])
    assert done.exit_code == 10
    assert "No locks available" in done.output
    assert isinstance(done.exception, SystemExit)


def test_a_lock_that_another_holds_is_waited_for_and_told(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with (
        exclusive(path, 1),
        pytest.raises(SubstrateError, match="another process has held the lock"),
        exclusive(path, 0),
    ):
        pass
