"""Evidence of a chain of two gates and a lone one, as `phasegate verify` meets it.

The gates are run once for all tests that only read what they leave; each test gets a copy.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phasegate.cli import main
from phasegate.errors import ExitCode
from tests.phasegate.forked import forks
from tests.phasegate.harness.conftest import Project, make_bucket, project, s3_endpoint

__all__ = ["project", "s3_endpoint"]

BLOCKED = 'with blocks("M9A-B2"):\n    assert False, "as told"'


@dataclass(frozen=True)
class Pristine:
    """What sessions left once, for tests to copy.

    Attributes:
        runs: The runs root.
        keys: The keys that it was signed with.
    """

    runs: Path
    keys: Path

    def copied(self, project: Project, keys: Path) -> Path:
        """Puts copies of both into a project that could go on, and into the folder of its keys."""
        shutil.copytree(self.keys, keys)
        return Path(shutil.copytree(self.runs, project.path / "runs"))


class Furnished(Project):
    """A project in a folder, whose gates run without a `pytester`."""

    def __init__(self, path: Path, **environment: str) -> None:
        self.path = path
        self._environment = os.environ | environment

    def session(self, *arguments: str) -> int:
        """Runs gates in a process of their own; returns the exit code."""
        code, _ = forks().run(["-q", "-p", "no:cacheprovider", *arguments], self.path, self._environment)
        return code


@dataclass(frozen=True)
class Told:
    """What a command said.

    Attributes:
        code: Its exit code.
        out: What it printed.
        err: What it printed to the standard error.
    """

    code: int
    out: str
    err: str

    @property
    def defects(self) -> list[dict[str, Any]]:
        """The defects, where JSON was asked for."""
        found: list[dict[str, Any]] = json.loads(self.out)["defects"]
        return found

    @property
    def places(self) -> list[tuple[str, str]]:
        """Attempt and file of each defect."""
        return [(row["execution_id"], row["file"]) for row in self.defects]

    @property
    def notes(self) -> list[str]:
        """The notes, where JSON was asked for."""
        found: list[str] = json.loads(self.out)["notes"]
        return found


def verify(folder: Path, *arguments: str) -> Told:
    """Calls `phasegate verify` in a project."""
    return command(folder, "verify", *arguments)


def command(folder: Path, *arguments: str) -> Told:
    """Calls `phasegate` in a project, in this process: the same command, without the start of another one."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return Told(code, out.getvalue(), err.getvalue())


def furnished(folder: Path, s3_endpoint: str) -> Furnished:
    """A project with a bucket and keys of its own, for sessions that are run once."""
    made = Furnished(
        folder / "project",
        PHASEGATE_TEST_S3=s3_endpoint,
        PHASEGATE_TEST_BUCKET=make_bucket(s3_endpoint),
        XDG_CONFIG_HOME=str(folder / "keys"),
    )
    made.furnish()
    return made


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Pristine:
    """The runs of a session that was blocked, and of one that passed."""
    folder = tmp_path_factory.mktemp("pristine")
    made = furnished(folder, s3_endpoint)
    made.gate("A", v2=BLOCKED)
    assert made.session("-m", "m9a") == ExitCode.BLOCKED
    made.gate("A")
    assert made.session() == ExitCode.OK
    return Pristine(made.path / "runs", folder / "keys")


@pytest.fixture(scope="session")
def pristine_three(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Pristine:
    """The runs of three sessions that passed."""
    folder = tmp_path_factory.mktemp("pristine-three")
    made = furnished(folder, s3_endpoint)
    for _ in range(3):
        assert made.session() == ExitCode.OK
    return Pristine(made.path / "runs", folder / "keys")


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the keys of one test alone."""
    folder = tmp_path / "keys"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


@pytest.fixture
def evidence(project: Project, pristine: Pristine, keys: Path) -> Path:
    """A copy of the runs of a session that passed, after one that was blocked, in a project that could go on."""
    return pristine.copied(project, keys)
