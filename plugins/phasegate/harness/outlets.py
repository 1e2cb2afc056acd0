"""The outlets of a session: each hook by which pytest or a plugin of it shows what a test said.

Reporters read a report, or the exception behind it, from different hooks, and each sits where it was registered. So
a report is cleaned three times: right around pytest's own making of it; again behind pytest's own plugins, which add
reasons to it, and inside every conftest file and listener (`phasegate.harness.plugin` does that); and last where it
is handed to terminal and JUnit.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from phasegate.errors import Problem, SettingsError
from phasegate.harness import recording
from phasegate.harness.allure import AllureOutlet
from phasegate.harness.hygiene import HYGIENE_KEY, WITHHELD, Hygiene, withheld
from phasegate.harness.marks import TEST_KEY
from phasegate.harness.needed import register

_Said = list[str | list[str]]
"""What the plugins answer to a hook that asks for lines."""
_REMEDY = "leave it out while gates run: what a test prints and logs is shown with its report, without secrets"


def guard_outlets(config: pytest.Config, hygiene: Hygiene) -> AllureOutlet:
    """Registers what keeps the outlets of a session clean; called before any reporter is registered.

    Returns:
        The outlet of Allure, for what writes more there.
    """
    config.stash[HYGIENE_KEY] = hygiene
    register(config, _Maker(hygiene), "phasegate-outlets-inner")
    register(config, _Outlets(hygiene), "phasegate-outlets")
    register(config, allure := AllureOutlet(hygiene), "phasegate-outlets-allure")
    register(config, recording, "phasegate-outlets-junit")
    return allure


def refuse_live_outlets(config: pytest.Config) -> None:
    """Makes sure that nothing is shown before it can be cleaned.

    Raises:
        SettingsError: Some options let what a test says out as it is said; each is named.
    """
    option = config.option
    capture = getattr(option, "capture", "no")
    logs = not config.pluginmanager.is_blocked("logging")  # else nothing is logged anywhere
    live = {
        f"--capture={capture}": capture in {"no", "tee-sys"},
        "log_cli": logs and (bool(config.getini("log_cli")) or option.log_cli_level is not None),
        "--log-file": logs and bool(option.log_file or config.getini("log_file")),
        "--debug": bool(getattr(option, "debug", None)),
    }
    fact = "a session of gates cannot keep secrets out of what is shown while a test runs"
    problems = [Problem(fact, name, _REMEDY) for name, given in live.items() if given]
    if problems:
        raise SettingsError(problems)


def secret_names(items: Sequence[pytest.Item], hygiene: Hygiene) -> list[Problem]:
    """The problem with verifiers whose test is named by a secret: names stand in every report, and must stay."""
    # Only a parameter brings a value into a name that does not stand in the sources already.
    names = [item.nodeid for item in items if TEST_KEY in item.stash and hasattr(item, "callspec")]
    if not names or not hygiene.is_secret("the name of a test", "\n".join(names)):
        return []
    fact = "the name of a verifier's test holds a secret, a parameter's value most likely"
    return [Problem(fact, "pytest.mark.parametrize", "give the parameter an id: pytest.param(…, id=…)")]


class _Maker:
    """Cleans the report of a test around pytest's own making of it, before anybody else reads it."""

    def __init__(self, hygiene: Hygiene) -> None:
        self._hygiene = hygiene

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[object]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._hygiene.outcome(call, report)
        return report


class _Outlets:
    """Cleans what reaches the terminal and JUnit by other ways than the making of a report."""

    def __init__(self, hygiene: Hygiene) -> None:
        self._hygiene = hygiene

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Withholds what an assertion compared, before pytest shortens it or shows only where it differs."""
        return [f"{WITHHELD} {op} {WITHHELD}"] if self._hygiene.compared(left, right) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Cleans a report where it is handed out; those of subtests are made no other way."""
        self._hygiene.report(report)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Cleans what a module said while it was imported, and the exception that ended it."""
        report = yield
        call = getattr(report, "call", None)
        if call is None:
            self._hygiene.report(report)
        else:
            self._hygiene.outcome(call, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Cleans the report of a collector where it is handed out."""
        self._hygiene.report(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Cleans a warning; an exception in a thread or a finaliser is one as well."""
        self._hygiene.warning(warning_message)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_header(self) -> Generator[None, _Said, _Said]:
        """Cleans what plugins put into the head of the report."""
        return (yield from self._cleaned())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_collectionfinish(self) -> Generator[None, _Said, _Said]:
        """Cleans what plugins say behind the collection."""
        return (yield from self._cleaned())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Cleans what ends the collection."""
        return (yield from self._guarded())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Cleans what ends the session, `pytest.exit` say."""
        return (yield from self._guarded())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Cleans what is raised at the session's end."""
        return (yield from self._guarded())

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Cleans what pytest says of an error of its own, or of a plugin's."""
        if self._hygiene.is_secret("an internal error", str(excrepr)):
            excrepr.toterminal = _say_withheld

    def _cleaned(self) -> Generator[None, _Said, _Said]:
        place = "a line of the session's report"
        return [
            self._hygiene.text(place, said)
            if isinstance(said, str)
            else [self._hygiene.text(place, str(line)) for line in said]
            for said in (yield)
        ]

    def _guarded(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except BaseException as error:  # whatever ends a session is shown
            if not self._hygiene.exception("what ended the session", error):
                raise
            silent = withheld(error)
        raise silent from None


def _say_withheld(tw: Any) -> None:
    tw.line(WITHHELD)
