"""The end of a session: what is open or lost is committed, the reports are told, and the exit code says the rest.

The law is held here, whatever came before: of the gates that were selected each one passed in this session, or the
exit code is not 0.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import pytest

from phasegate.errors import ExitCode, Problem
from phasegate.harness.answers import told
from phasegate.harness.belonging import reaches
from phasegate.harness.distribution import is_controller, is_worker, selected_gates
from phasegate.harness.exits import EXITS_KEY, LastWord, say_lost
from phasegate.harness.hygiene import silenced
from phasegate.harness.stash import SETTINGS_KEY

if TYPE_CHECKING:
    from phasegate.harness.session import AttemptRunner
    from phasegate.settings import Settings

ENDING_KEY = pytest.StashKey["Ending"]()
_SHOWING: Final = ("collectonly", "help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")


SHOWS_KEY = pytest.StashKey[bool]()


def asks_to_show(options: argparse.Namespace) -> bool:
    """Whether options ask pytest to show something, and to run nothing."""
    return any(getattr(options, name, None) for name in _SHOWING)


def only_shows(config: pytest.Config) -> bool:
    """Whether the user asked pytest to show something; what a plugin sets later is none of the user's words."""
    return config.stash.get(SHOWS_KEY, False)


class LastAnswer:
    """Lets the exit code say what the gates say, whatever plugins and conftest files made of it.

    Registered behind the conftest files that pytest loads first, so that it stands around what they answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, object, object]:
        """Has the last word."""
        try:
            code = yield
        except SystemExit as error:  # out of a hook that runs when the session is over
            if error.code or ENDING_KEY not in config.stash:
                raise
            code = ExitCode.OK
        except Exception as error:
            shown = silenced(error)
            if shown is error:
                raise
            raise shown from None
        ending = config.stash.get(ENDING_KEY, None)
        if ending is not None:
            return ending.last_word(code)
        began = SETTINGS_KEY in config.stash or only_shows(config)
        if code == ExitCode.OK and not began and reaches(config, self._settings.verifiers):
            sys.stderr.write("phasegate: a plugin answered for pytest, and no gate was judged\n")
            return ExitCode.INCOMPLETE
        return code


class Ending:
    """Ends one session in the process that the user started; a worker's part is `Distribution`'s."""

    def __init__(self, config: pytest.Config, runner: AttemptRunner) -> None:
        self._config = config
        self._runner = runner
        self._began = False
        self._verdict: ExitCode | None = None
        self._exits = config.stash.get(EXITS_KEY, None) or LastWord(config)
        self._exits.lost = self._lose
        self._exits.armed = reaches(config, config.stash[SETTINGS_KEY].verifiers)

    def pytest_sessionstart(self) -> None:
        """A session began: from here on 0 has to be earned."""
        self._began = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Closes the ways out of a process that is about to run gates, wherever they were collected from."""
        self._exits.armed = self._exits.armed or bool(self._runner.plan.gates)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Commits what is open or lost, tells the reports, and sets the exit code."""
        if is_worker(self._config) or not self._runner.owns_process():
            return
        self._settle(explain=exitstatus == ExitCode.OK)
        earlier = (ExitCode.BLOCKED, ExitCode.NOTHING_COLLECTED) if self._runner.troubles else ()
        if exitstatus in (ExitCode.OK, *earlier):
            session.exitstatus = self._verdict or ExitCode.OK
        self._exits.code = int(session.exitstatus)

    def pytest_unconfigure(self) -> None:
        """Gives the ways out back, unless a blocked session could yet end in 0 by one of them."""
        self._runner.close()
        if not self._exits.code:
            self._exits.remove()

    def last_word(self, code: object) -> object:
        """The exit code of the process: 0 only where the gates say so, whoever set it behind them.

        Args:
            code: What pytest is about to end with.
        """
        if code == ExitCode.OK and self._began and not is_worker(self._config):
            try:
                code = self._settle_late() if self._verdict is None else self._verdict
            except SystemExit:
                code = ExitCode.INTERNAL
        self._exits.code = code if isinstance(code, int) else int(ExitCode.INTERNAL)
        return code

    def _settle(self, *, explain: bool = True) -> None:
        try:
            self._judge(explain=explain)
        except KeyboardInterrupt:
            self._verdict = ExitCode.INTERRUPTED
            sys.stderr.write("phasegate: interrupted while the attempts were committed; run the gates again\n")

    def _judge(self, *, explain: bool) -> None:
        """Commits and tells what there is.

        Args:
            explain: Whether to say which gates were not judged; where the session failed, its error says why.
        """
        runner = self._runner
        runner.commit_open()
        selected = selected_gates(self._config)
        committed = runner.collect() if selected else []
        passed = {attempt.judgement.gate.id for attempt in committed if attempt.judgement.overall_pass}
        held = [attempt for attempt in committed if not attempt.judgement.overall_pass]
        unknown = not runner.planned and self._exits.armed and not is_controller(self._config)
        self._verdict = ExitCode.OK
        if runner.troubles:
            self._verdict = max(runner.troubles.values())
        elif any(attempt.judgement.complete for attempt in held):
            self._verdict = ExitCode.BLOCKED
        elif held or set(selected) - passed or unknown:
            self._verdict = ExitCode.INCOMPLETE
        left = set(selected) - {attempt.judgement.gate.id for attempt in committed}
        problems = [*runner.troubles, *(_unjudged(left) if left and explain else ())]
        if not committed and not problems:
            return
        name = "pytest_phasegate_session_judged"
        flaws = told(self._config, name, attempts=tuple(committed), problems=problems)
        if flaws:  # a report that fails changes no verdict, and a session without one did not end well
            self._verdict = self._verdict or ExitCode.USAGE
            problems += runner.note_troubles(flaws, ExitCode.USAGE)

    def _lose(self, what: str) -> int:
        """Says and commits what is lost, where the process is about to end in the middle of a session.

        Returns:
            The exit code of what is known now.
        """
        say_lost(self._config, what)
        alone = not is_worker(self._config) and not is_controller(self._config)
        if not alone or threading.current_thread() is not threading.main_thread():
            return (
                ExitCode.INTERNAL
            )  # a worker's loss is the controller's to adopt; a thread may hold what a commit needs
        self._runner.lose(what)
        return self._settle_late()

    def _settle_late(self) -> ExitCode:
        """Settles where the end of the session was skipped, and shows the board, which that end would have shown."""
        self._settle()
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            from phasegate.reports.terminal import pytest_terminal_summary  # noqa: PLC0415

            terminal.ensure_newline()
            pytest_terminal_summary(terminal, self._config)
            terminal.flush()
        return self._verdict or ExitCode.OK


def _unjudged(gate_ids: set[str]) -> list[Problem]:
    """What is said of gates that were selected and have no attempt."""
    fact = "was selected, and nothing judged it in this session"
    remedy = "find what kept its tests from running: a plugin or a conftest file"
    return [Problem(fact, ", ".join(sorted(gate_ids)), remedy)]
