"""Which tests claim which verifiers, found by a real collection in a process of its own.

The collection starts nothing that a run would start: pytest is asked to collect only, and the recorder takes the
items away before anything looks at them. A process of its own keeps the caller's modules, markers and warnings
out of it, and survives a module that ends the interpreter while it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phasegate.catalog.coverage import CollectedTest
from phasegate.errors import ExitCode, Problem
from phasegate.project import shown
from phasegate.settings import Settings

_TIMEOUT_S = 300.0
_SHOWN_LINES = 15
_MISMATCH = "use a unique basename for your test file modules"  # the last line that pytest says of it
# One user's selection, and what would make the collection depend on the process that asks for it.
_LEFT_OUT = frozenset({"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"})
_SOUND = frozenset({ExitCode.OK, ExitCode.NOTHING_COLLECTED})


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a collection found.

    Attributes:
        tests: The test functions that claim a verifier or stand in a gate's module; a function's cases are one.
        problems: What could not be collected. Where there is any, tests may be missing from `tests`.
        uncollected: The functions that the sources mark as tests of verifiers and that are not among `tests`.
    """

    tests: tuple[CollectedTest, ...]
    problems: tuple[Problem, ...]
    uncollected: tuple[Problem, ...] = ()


def take_inventory(settings: Settings, *, timeout_s: float = _TIMEOUT_S) -> Inventory:
    """Collects the tests of the project's verifier folders.

    Args:
        settings: The project's settings.
        timeout_s: How long the collection may take, in seconds.
    """
    absent = [folder for folder in settings.verifiers if not folder.exists()]
    if absent:
        remedy = "fix [tool.phasegate] verifiers"
        fact = "the folder of verifiers does not exist"
        return Inventory((), tuple(Problem(fact, shown(folder, settings), remedy) for folder in absent))
    taken = _collect(settings, timeout_s)
    if any(_MISMATCH in problem.fact for problem in taken.problems):
        # Two folders may hold modules of one name where the session is run in this mode, be it by its command line.
        in_that_mode = _collect(settings, timeout_s, "--import-mode=importlib")
        return taken if in_that_mode.problems else in_that_mode
    return taken


def _collect(settings: Settings, timeout_s: float, *options: str) -> Inventory:
    with tempfile.TemporaryDirectory(prefix="phasegate-inventory-") as scratch:
        file = Path(scratch) / "inventory.json"
        command = [
            sys.executable,
            *("-m", "pytest", "-p", "phasegate.harness.recorder", "--phasegate-inventory", str(file)),
            *("--collect-only", "-q", "--color=no", "--maxfail=0", "-p", "no:cacheprovider"),
            *("--rootdir", str(settings.root), *options, *map(str, settings.verifiers)),
        ]
        try:
            done = subprocess.run(
                command,
                cwd=settings.root,
                env={key: value for key, value in os.environ.items() if key not in _LEFT_OUT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            fact = f"collecting the verifiers took longer than {timeout_s:g} s"
            remedy = "find the module or conftest that waits for something while it is imported"
            return Inventory((), (Problem(fact, _folders(settings), remedy),))
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return _inventory(settings, found, done)


def _inventory(
    settings: Settings, found: Mapping[str, Any] | None, done: subprocess.CompletedProcess[str]
) -> Inventory:
    tests = tuple(sorted({CollectedTest(**test) for test in found["tests"]})) if found is not None else ()
    problems = [_collection_problem(error) for error in found["errors"]] if found is not None else []
    if not problems and (found is None or done.returncode not in _SOUND):
        said = "\n".join(done.stdout.strip().splitlines()[-_SHOWN_LINES:])
        fact = f"pytest could not collect the verifiers (exit code {done.returncode}):\n{said}"
        problems.append(Problem(fact, _folders(settings), "fix what pytest names, then lint again"))
    uncollected = [_uncollected_problem(each) for each in found["uncollected"]] if found is not None else []
    return Inventory(tests, tuple(problems), tuple(uncollected))


def _uncollected_problem(each: Mapping[str, Any]) -> Problem:
    remedy = "give it a name and a place that pytest collects and nothing else has, or remove its mark"
    return Problem(each["fact"], f"{each['file']}:{each['line']}", remedy)


def _collection_problem(error: Mapping[str, str]) -> Problem:
    if error["outcome"] == "skipped":
        fact = f"is skipped while it is collected: {error['detail']}"
        return Problem(fact, error["nodeid"], "skip inside the tests, so that their verifiers are still known")
    return Problem(f"cannot be collected: {error['detail']}", error["nodeid"] or "session", "fix the module")


def _folders(settings: Settings) -> str:
    return ", ".join(shown(folder, settings) for folder in settings.verifiers)
