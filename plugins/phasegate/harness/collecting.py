"""From what pytest collected to the plan of a session: marks, absent gates, order, refusals before a gate runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Sequence

import pytest

from phasegate.catalog.model import Catalogue
from phasegate.errors import ExitCode, PhasegateError, Problem, SettingsError
from phasegate.harness import selection
from phasegate.harness.absent import Absent, absent_gates
from phasegate.harness.applied import APPLIED_KEY
from phasegate.harness.belonging import reaches
from phasegate.harness.distribution import is_worker, write_plan
from phasegate.harness.expressions import refuse_unknown_gates
from phasegate.harness.hooks import refuse_unknown_hooks
from phasegate.harness.hygiene import HYGIENE_KEY
from phasegate.harness.marks import TEST_KEY
from phasegate.harness.options import CHOICES_KEY
from phasegate.harness.outlets import secret_names
from phasegate.harness.session import AttemptRunner
from phasegate.harness.stash import COLLECTED_KEY
from phasegate.harness.uncollected import uncollected
from phasegate.settings import Settings
from phasegate.verdict import TestRecord, TestState


class Collecting:
    """Follows one collection.

    Args:
        catalogue: The catalogue.
        settings: The project's settings.
        runner: Takes the plan; None where the session only collects.
    """

    def __init__(self, catalogue: Catalogue, settings: Settings, runner: AttemptRunner | None) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._runner = runner
        self._collected: list[pytest.Item] = []
        self._skipped: dict[str, str] = {}
        self._stopped = False

    @pytest.hookimpl(tryfirst=True)  # pytest itself ends the session in a traceback where it meets such a hook
    def pytest_collection(self, session: pytest.Session) -> None:
        """Refuses plugins that answer hooks which phasegate does not have, and gates that nobody knows."""
        try:
            refuse_unknown_hooks(session.config)
            if reaches(session.config, self._settings.verifiers):
                refuse_unknown_gates(session.config, self._catalogue)
        except PhasegateError as error:
            raise pytest.UsageError(str(error)) from error

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Takes each test as it is collected, before any plugin can take it out again."""
        self._collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notes what is left out while it is collected."""
        if not report.passed:
            reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else "it cannot be collected"
            self._skipped[report.nodeid] = str(reason)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Derives markers before anything is deselected, adds what is absent, then puts what is left into order."""
        gc.freeze()  # modules and items live as long as the session; the collector need not look at them again
        problems = selection.mark_items(self._collected, self._catalogue, self._settings.verifiers)
        problems += secret_names(self._collected, config.stash[HYGIENE_KEY])
        if not problems:
            absent = self._absent(session)
            self._collected += absent
            items += absent
        result = yield
        if not problems and config.stash[CHOICES_KEY].upstream == "run":
            spelled = config.stash[CHOICES_KEY].spelled["upstream"]
            problems = selection.add_upstream(self._collected, items, self._catalogue, spelled)
        if problems:
            items.clear()  # pytest lists what is collected, whatever comes of it
            self._stop(config, problems)
        return result

    @pytest.hookimpl(tryfirst=True)  # xdist's worker reports its collection in this hook, and what it says must hold
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Fixes the plan of the session: what runs, and what of the selected gates does not."""
        try:
            self._plan(session)
        finally:
            session.config.stash[APPLIED_KEY].stop()

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Stops listening to marks, where the collection did not come to its end."""
        config.stash[APPLIED_KEY].stop()

    def _plan(self, session: pytest.Session) -> None:
        if self._stopped:
            session.items.clear()
            return
        # Again, and last: other plugins sort as well, and behind whoever sorts last an older attempt would be read.
        selection.order_items(session.items, self._catalogue)
        if self._runner is None:
            return
        narrowed = _narrowed(session.config)
        session.config.stash[COLLECTED_KEY] = self._collected
        plan = selection.plan_session(self._collected, session.items, self._catalogue, narrowed=narrowed)
        try:
            refuse_unknown_hooks(session.config)  # conftest files of folders are known only now
            if plan.gates:
                _refuse_what_hides(session.config)
                self._note_uncollected(plan, session.config, narrowed=narrowed)
            self._runner.begin(plan)
            if plan.gates and is_worker(session.config):
                write_plan(session, self._runner, plan)
        except Exception as error:
            problems = getattr(error, "problems", None)
            if problems is None:
                raise
            self._refuse(problems, ExitCode(int(getattr(error, "exit_code", ExitCode.USAGE))))
            session.items.clear()
            return
        if plan.gates:
            gc.freeze()  # and so does what was made of them since

    def _note_uncollected(self, plan: selection.Plan, config: pytest.Config, *, narrowed: bool) -> None:
        """Notes, for the gates of a plan, the tests that their sources have and the collection has not."""
        absent = {item.stash[TEST_KEY].gate.id for item in self._collected if isinstance(item, Absent)}
        collected = {item.stash[TEST_KEY].verifier.id for item in self._collected if TEST_KEY in item.stash}
        expected = {
            verifier.id
            for gate in plan.gates
            if gate.id not in absent  # its verifiers say it themselves
            for verifier in gate.verifiers
            if verifier.id in collected or not narrowed  # who narrows the collection knows that the others are not run
        }
        applied = config.stash[APPLIED_KEY]
        for each in uncollected(self._collected, expected, self._settings.verifiers, applied):
            file = each.name_from(config.rootpath)
            reason = next((why for nodeid, why in self._skipped.items() if nodeid.split("::")[0] == file), "")
            detail = f"{file}:{each.line}: {each.fact}{reason and f' ({reason})'}"
            gate = self._catalogue.gate_of_verifier[each.verifier]
            record = TestRecord(nodeid="", state=TestState.NOT_RUN, detail=detail)
            plan.left_out.setdefault(gate.id, []).append((each.verifier, record))

    def _stop(self, config: pytest.Config, problems: Sequence[Problem]) -> None:
        self._stopped = True  # pytest finishes a collection that failed as it does any other
        if not is_worker(config):
            raise pytest.UsageError("\n".join(str(problem) for problem in problems))
        self._refuse(problems, ExitCode.USAGE)

    def _refuse(self, problems: Sequence[Problem], code: ExitCode) -> None:
        """Runs nothing; the end of the session, or a worker's controller, says why."""
        self._stopped = True
        if self._runner is not None:
            self._runner.note_troubles(problems, code)

    def _absent(self, session: pytest.Session) -> list[Absent]:
        narrowed = _narrowed(session.config)
        gates = absent_gates(
            session.config, self._collected, self._catalogue, self._settings, self._skipped, narrowed=narrowed
        )
        return [
            Absent.from_parent(session, name=verifier.full_id, gate=gate, verifier=verifier, reason=reason)
            for gate, reason in gates
            for verifier in gate.verifiers
        ]


def _narrowed(config: pytest.Config) -> bool:
    """Whether collection itself was narrowed, so that tests may be missing without a trace."""
    by_node_id = any("::" in arg for arg in config.args)
    return by_node_id or bool(config.getoption("lf", default=False))


def _refuse_what_hides(config: pytest.Config) -> None:
    problems = []
    if sys.flags.optimize:
        problems += [
            Problem(
                "assertions are switched off, so that a check which fails would pass",
                f"python -{'O' * sys.flags.optimize}, or PYTHONOPTIMIZE",
                "run the gates without -O and without PYTHONOPTIMIZE",
            )
        ]
    if getattr(config.option, "runxfail", False):
        fact = "pytest.xfail is switched off, so that a verifier which calls it would pass"
        problems += [Problem(fact, "--runxfail", "run the gates without --runxfail")]
    if problems:
        raise SettingsError(problems)
