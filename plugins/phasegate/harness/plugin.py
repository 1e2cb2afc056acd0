"""The pytest plugin: it declares options and hooks, and in a project with `[tool.phasegate]` sets up a session.

In a project without that table nothing but the option names is seen of it. What does the work there is registered
by `pytest_configure`, the board included, so that leaving this one plugin out leaves everything out.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import nullcontext

import pytest
from pluggy import PluginValidationError

from phasegate import hookspecs
from phasegate.errors import PhasegateError, Problem
from phasegate.harness import belonging
from phasegate.harness.ending import SHOWS_KEY, LastAnswer, asks_to_show
from phasegate.harness.exits import EXITS_KEY, LastWord
from phasegate.harness.hooks import misfit
from phasegate.harness.hygiene import HYGIENE_KEY, silenced
from phasegate.harness.needed import register
from phasegate.harness.options import CHOICES_KEY, add_options, add_short_options, choose
from phasegate.harness.properties import describe
from phasegate.harness.stash import CATALOGUE_KEY, SETTINGS_KEY
from phasegate.settings import session_settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds phasegate's options, under names that are nobody else's."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Registers the hooks of `phasegate.hookspecs`."""
    try:
        pluginmanager.add_hookspecs(hookspecs)
    except PluginValidationError as error:  # of a plugin that -p names, which is loaded before
        raise pytest.UsageError(str(misfit(error))) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Adds what comes behind conftest files: short options, which they may declare, and the last word on exit codes."""
    known = early_config.known_args_namespace
    settings = None
    try:
        settings = session_settings(early_config.rootpath, early_config.invocation_params.dir, known.file_or_dir)
        if settings is None:
            return (yield)
        early_config.stash[SHOWS_KEY] = asks_to_show(known)
        early_config.stash[EXITS_KEY] = exits = LastWord(early_config)  # before a conftest can take a way out aside
        with nullcontext() if known.help else exits.closed():
            result = yield
        add_short_options(parser, early_config, settings)
        register(early_config, LastAnswer(settings), "phasegate-last-answer")
    except SystemExit as error:
        if error.code or settings is None or known.help:
            raise
        fact = "a conftest file or a plugin ended pytest while it was loaded, and no gate was judged"
        problem = Problem(fact, "sys.exit", "raise pytest.UsageError, or skip what cannot run")
        raise pytest.UsageError(str(problem)) from error
    except PluginValidationError as error:
        raise pytest.UsageError(str(misfit(error))) from error
    except PhasegateError as error:
        if not known.help:  # help is for who looks for a way out, too
            raise pytest.UsageError(str(error)) from error
        result = None
    except Exception as error:
        if settings is None or (shown := silenced(error)) is error:
            raise
        raise pytest.UsageError(f"a conftest file or a plugin failed while it was loaded: {shown}") from None
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reads settings and catalogue, and sets up this process's part; does nothing where there are no settings."""
    try:
        settings = session_settings(config.rootpath, config.invocation_params.dir, config.args)
        if settings is None:
            return
        settings, choices = choose(config, settings)
        from phasegate.harness.wiring import set_up  # noqa: PLC0415 - a project without gates needs none of it

        set_up(config, settings, choices)
    except PhasegateError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuses verifiers of another project: nothing here would judge them."""
    belonging.refuse_strangers(items, config.stash.get(SETTINGS_KEY, None))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[object]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Cleans the report of a test: behind pytest's own plugins, before any conftest file or listener reads it."""
    report = yield
    hygiene = item.config.stash.get(HYGIENE_KEY, None)
    if hygiene is not None:
        hygiene.outcome(call, report)
        describe(item, report)
    return report


def pytest_report_header(config: pytest.Config) -> str | None:
    """Says what the gates run against and where their evidence goes."""
    settings = config.stash.get(SETTINGS_KEY, None)
    if settings is None:
        return None
    evidence = os.path.relpath(settings.runs_root / settings.platform, config.invocation_params.dir)
    return f"phasegate: substrate {config.stash[CHOICES_KEY].substrate}, evidence in {evidence}"


__all__ = ("CATALOGUE_KEY", "SETTINGS_KEY")
