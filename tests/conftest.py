"""What all tests of the project share: keys that are not the user's own, a Ctrl-C that arrives, lean child sessions."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.phasegate.forked import Forked, forks

CHILD_OPTIONS = "-p no:hypothesispytest -p no:benchmark"
"""For `PYTEST_ADDOPTS` of sessions that tests start: Hypothesis alone would double the time that such a one takes."""

_KEYS = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Lets every process of the session, and those that it starts, sign with keys of its own and hear a Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell without job control starts what runs in its background deaf to it, and so would be all it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):  # what tests start is not what a job of GitHub runs
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        config.stash[_KEYS] = Path(tempfile.mkdtemp(prefix="phasegate-keys-"))
        os.environ["XDG_CONFIG_HOME"] = str(config.stash[_KEYS])
        # The suite starts some thousand processes; without byte code each would compile the whole project again.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes them."""
    if _KEYS in config.stash:
        shutil.rmtree(config.stash[_KEYS], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def lean_children() -> None:
    """Sessions that a test starts load no plugin that only the project's own tests use."""
    os.environ["PYTEST_ADDOPTS"] = CHILD_OPTIONS


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Pytest's own, which drops the options of the environment; its sessions are forked, as lean as all children."""
    monkeypatch.setenv("PYTEST_ADDOPTS", CHILD_OPTIONS)
    spawn = pytester.popen

    def popen(command: Sequence[str], **more: Any) -> Any:
        paths = filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        if command[:2] != (sys.executable, "-mpytest") or not forks().takes(environment):
            return spawn(command, **more)
        forks().start(command[2:], Path.cwd(), environment, more["stdout"].fileno(), more["stderr"].fileno())
        return Forked(forks())

    monkeypatch.setattr(pytester, "popen", popen)
    return pytester
