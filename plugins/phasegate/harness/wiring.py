"""How the parts of a session are put together, in the controller, in a worker, and in a session that only collects."""

from __future__ import annotations

import os
import uuid
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from phasegate.errors import ExitCode
from phasegate.harness import belonging, marks
from phasegate.harness.allure import AllureOutlet
from phasegate.harness.answers import SessionServices
from phasegate.harness.applied import APPLIED_KEY, Applied
from phasegate.harness.collecting import Collecting
from phasegate.harness.distribution import Distribution, is_controller, is_worker, session_id
from phasegate.harness.ending import ENDING_KEY, Ending, only_shows
from phasegate.harness.facts import present_of
from phasegate.harness.hygiene import Hygiene, new_scanner
from phasegate.harness.needed import refuse_without, register
from phasegate.harness.options import CHOICES_KEY, Choices
from phasegate.harness.outlets import guard_outlets
from phasegate.harness.own_tests import OwnTests
from phasegate.harness.services import Services, trusted_keys
from phasegate.harness.session import RUNNER_KEY, AttemptRunner
from phasegate.harness.stash import CATALOGUE_KEY, SETTINGS_KEY
from phasegate.project import load_catalogue, load_waivers
from phasegate.reports import terminal
from phasegate.reports.github import GitHub, is_github
from phasegate.reports.junit import JUnit
from phasegate.settings import Settings

if TYPE_CHECKING:
    from phasegate.attempts import Staging
    from phasegate.catalog.model import Catalogue


def set_up(config: pytest.Config, settings: Settings, choices: Choices) -> None:
    """Loads the catalogue, and registers what collects, judges, commits, ends and reports.

    Raises:
        PhasegateError: The catalogue or the waivers cannot be used, or a plugin that gates rest on is left out.
    """
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
    services = SessionServices(config)
    runner = AttemptRunner(config, _staging(config, settings, catalogue, choices, services), services)
    config.stash[RUNNER_KEY] = runner
    # What workers hand over to the controller is clean.
    hygiene = Hygiene(lambda: runner.scanner, runner.leaked, lambda: not is_controller(config) and runner.watches())
    outlet = guard_outlets(config, hygiene)
    outlet.troubled = lambda problem: runner.note_troubles([problem], ExitCode.USAGE)
    register(config, Collecting(catalogue, settings, runner), "phasegate-collecting")
    config.stash[ENDING_KEY] = ending = Ending(config, runner)
    register(config, runner, "phasegate-runner")
    register(config, Distribution(runner), "phasegate-distribution")
    register(config, ending, "phasegate-ending")
    config.stash[terminal.UPSTREAM_KEY] = choices.spelled["upstream"]
    if not config.pluginmanager.is_registered(terminal):  # -p may have named it
        register(config, terminal, "phasegate-board")
    _report(config, settings, catalogue, outlet)


def _report(config: pytest.Config, settings: Settings, catalogue: Catalogue, outlet: AllureOutlet) -> None:
    """Registers the reports that this session is asked for beside the board."""
    folder = config.getoption("allure_report_dir", None)
    if folder and not config.pluginmanager.is_blocked("allure_pytest"):
        from phasegate.reports.allure import AllureReport  # noqa: PLC0415 - only where Allure is

        if is_worker(config):
            config.option.clean_alluredir = False  # the controller did; a worker would remove the others' results
        register(config, AllureReport(outlet, settings.platform, Path(folder).absolute()), "phasegate-allure")
    if is_worker(config):
        return
    if is_github(os.environ):
        silences = belonging.reaches(config, settings.verifiers)
        register(config, GitHub(os.environ, catalogue, settings.root, silences=silences), "phasegate-github")
    if config.getoption("xmlpath", None):
        register(
            config, JUnit(config.option.xmlpath, strict=config.getini("junit_family") == "xunit2"), "phasegate-junit"
        )


def _staging(
    config: pytest.Config, settings: Settings, catalogue: Catalogue, choices: Choices, services: SessionServices
) -> Staging:
    from phasegate.attempts import Staging  # noqa: PLC0415 - a session that only collects needs none of it
    from phasegate.attempts.opening import archive_of  # noqa: PLC0415

    return Staging(
        archive_of(settings, catalogue, partial(trusted_keys, settings)),
        services,
        session_id=session_id(config) or uuid.uuid4().hex,
        present=present_of(config, settings, choices.substrate),
        waivers=load_waivers(settings, catalogue),
    )
