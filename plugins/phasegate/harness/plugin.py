"""The pytest plugin: it declares options and hooks, and in a project with `[tool.phasegate]` sets up a session.

In a project without that table nothing but the option names is seen of it. What does the work there is registered
by `pytest_configure`, the board included, so that leaving this one plugin out leaves everything out.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

import pytest
from pluggy import PluginValidationError

from phasegate import hookspecs
from phasegate.errors import PhasegateError, Problem
from phasegate.harness import belonging, marks
from phasegate.harness.ending import ENDING_KEY, SHOWS_KEY, Ending, LastAnswer, asks_to_show, only_shows
from phasegate.harness.exits import EXITS_KEY, LastWord
from phasegate.harness.facts import present_of
from phasegate.harness.hooks import misfit
from phasegate.harness.hygiene import HYGIENE_KEY, Hygiene, new_scanner, silenced
from phasegate.harness.needed import refuse_without, register
from phasegate.harness.options import CHOICES_KEY, Choices, add_options, add_short_options, choose
from phasegate.harness.properties import describe
from phasegate.harness.stash import CATALOGUE_KEY, SETTINGS_KEY
from phasegate.settings import Settings, session_settings

if TYPE_CHECKING:
    from phasegate.attempts import Workspace
    from phasegate.catalog.model import Catalogue


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
        _set_up(config, settings, choices)
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


def _set_up(config: pytest.Config, settings: Settings, choices: Choices) -> None:
    from phasegate.harness.applied import APPLIED_KEY, Applied  # noqa: PLC0415
    from phasegate.harness.collecting import Collecting  # noqa: PLC0415 - a project without gates needs none of it
    from phasegate.harness.distribution import Distribution, is_controller  # noqa: PLC0415
    from phasegate.harness.outlets import guard_outlets  # noqa: PLC0415
    from phasegate.harness.own_tests import OwnTests  # noqa: PLC0415
    from phasegate.harness.services import Services  # noqa: PLC0415
    from phasegate.harness.session import RUNNER_KEY, AttemptRunner  # noqa: PLC0415
    from phasegate.project import load_catalogue  # noqa: PLC0415
    from phasegate.reports import terminal  # noqa: PLC0415

    catalogue = load_catalogue(settings)
    for line in marks.marker_declarations(catalogue):
        config.addinivalue_line("markers", line)
    config.stash[SETTINGS_KEY] = settings
    config.stash[CATALOGUE_KEY] = catalogue
    config.stash[CHOICES_KEY] = choices
    config.stash[APPLIED_KEY] = applied = Applied()
    applied.start()
    register(config, Services(), "phasegate-services")
    register(config, OwnTests(), "phasegate-own-tests")
    if only_shows(config):
        if config.getoption("phasegate_inventory", None) is not None:
            return  # the recorder looks at the tests as they are
        guard_outlets(config, Hygiene(cache(new_scanner), found=lambda _: None, watches=lambda: True))
        register(config, Collecting(catalogue, settings, None), "phasegate-collecting")
        return
    if belonging.reaches(config, settings.verifiers):
        refuse_without(config)
    runner = AttemptRunner(config, catalogue, _workspace(config, settings, catalogue, choices))
    config.stash[RUNNER_KEY] = runner
    # What workers hand over to the controller is clean.
    hygiene = Hygiene(lambda: runner.scanner, runner.leaked, lambda: not is_controller(config) and runner.watches())
    guard_outlets(config, hygiene)
    register(config, Collecting(catalogue, settings, runner), "phasegate-collecting")
    config.stash[ENDING_KEY] = ending = Ending(config, runner)
    register(config, runner, "phasegate-runner")
    register(config, Distribution(runner), "phasegate-distribution")
    register(config, ending, "phasegate-ending")
    config.stash[terminal.UPSTREAM_KEY] = choices.spelled["upstream"]
    if not config.pluginmanager.is_registered(terminal):  # -p may have named it
        register(config, terminal, "phasegate-board")


def _workspace(config: pytest.Config, settings: Settings, catalogue: Catalogue, choices: Choices) -> Workspace:
    from phasegate.attempts import Workspace  # noqa: PLC0415 - `--help` and plain projects need none of it
    from phasegate.evidence.schemas import SchemaSet  # noqa: PLC0415
    from phasegate.harness.distribution import session_id  # noqa: PLC0415
    from phasegate.harness.services import trusted_keys  # noqa: PLC0415
    from phasegate.project import load_waivers  # noqa: PLC0415

    return Workspace(
        runs_root=settings.runs_root,
        platform=settings.platform,
        catalogue=catalogue,
        schemas=SchemaSet(*settings.schemas, summaries=catalogue.summaries),
        present=present_of(config, settings, choices.substrate),
        session_id=session_id(config) or uuid.uuid4().hex,
        clock=lambda: datetime.now(UTC),
        waivers=load_waivers(settings, catalogue),
        trusted=partial(trusted_keys, settings),
    )


__all__ = ("CATALOGUE_KEY", "SETTINGS_KEY")
