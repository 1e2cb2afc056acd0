"""A pytest plugin that records which tests claim verifiers, and runs none of them.

It is loaded with `-p phasegate.harness.recorder` into a collection of its own, by
`phasegate.harness.inventory`, and writes what it saw to the file that `--phasegate-inventory` names.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from phasegate.errors import SettingsError
from phasegate.harness.applied import APPLIED_KEY
from phasegate.harness.marks import GATE, VERIFIER
from phasegate.harness.stash import CATALOGUE_KEY, SETTINGS_KEY
from phasegate.harness.uncollected import uncollected

_OPTION = "phasegate_inventory"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that names the file to write."""
    parser.getgroup("phasegate").addoption("--phasegate-inventory", metavar="FILE", help="write an inventory of tests")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Registers the recorder, behind all other plugins."""
    if config.getoption(_OPTION) is not None:
        config.pluginmanager.register(_Recorder(Path(config.getoption(_OPTION))), "phasegate-recorder")


class _Recorder:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._tests: list[dict[str, Any]] = []
        self._uncollected: list[dict[str, Any]] = []
        self._errors: list[dict[str, str]] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes what could not be collected, and what was skipped while collecting."""
        if not report.passed:
            self._errors.append(
                {"nodeid": report.nodeid, "outcome": report.outcome, "detail": _last_line(report.longrepr)}
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Takes the items away before anything deselects or judges them."""
        self._tests = [test for item in items if (test := _record(item)) is not None]
        self._uncollected = _uncollected(config, items)
        items.clear()
        yield

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Writes the inventory."""
        named = {error["nodeid"].split("::")[0] for error in self._errors}
        found = {
            "tests": self._tests,
            "uncollected": [each for each in self._uncollected if each["file"] not in named],
            "errors": self._errors,
        }
        self._file.write_text(json.dumps(found), encoding="utf-8")


def _record(item: pytest.Item) -> dict[str, Any] | None:
    gate, verifier = item.get_closest_marker(GATE), item.get_closest_marker(VERIFIER)
    if gate is None and verifier is None:
        return None
    case = getattr(item, "callspec", None)
    file, line, _ = item.location
    return {
        "verifier": _argument(verifier),
        "gate": _argument(gate),
        "nodeid": item.nodeid.removesuffix(f"[{case.id}]") if case is not None else item.nodeid,
        "file": Path(file).as_posix(),
        "line": (line or 0) + 1,
    }


def _uncollected(config: pytest.Config, items: list[pytest.Item]) -> list[dict[str, Any]]:
    catalogue, settings = config.stash[CATALOGUE_KEY], config.stash[SETTINGS_KEY]
    try:
        found = uncollected(items, catalogue.gate_of_verifier, settings.verifiers, config.stash[APPLIED_KEY])
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error
    return [{"file": each.name_from(config.rootpath), "line": each.line, "fact": each.fact} for each in found]


def _argument(mark: pytest.Mark | None) -> str:
    return str(mark.args[0]) if mark is not None and mark.args else ""


def _last_line(longrepr: Any) -> str:
    """What happened, in one line: the reason of a skip, or the message of an error."""
    if isinstance(longrepr, tuple):
        return str(longrepr[-1])
    lines = [line for line in str(longrepr).splitlines() if line.strip()]
    errors = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return (errors or lines or ["no reason given"])[-1]
