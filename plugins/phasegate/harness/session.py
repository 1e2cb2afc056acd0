"""The attempts of one process: opened at a gate's first test, committed behind its last."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from os import getpid  # now: a test may put another function there
from typing import TYPE_CHECKING, Any

import pytest

from phasegate.catalog.model import Gate
from phasegate.errors import EvidenceError, ExitCode, PhasegateError, Problem, SettingsError
from phasegate.evidence.canonical import encodable
from phasegate.gate import GateRun
from phasegate.harness.answers import asked, told
from phasegate.harness.background import Background, Late
from phasegate.harness.bodies import Watched
from phasegate.harness.exits import end_now
from phasegate.harness.fixture_users import FixtureUsers
from phasegate.harness.hygiene import WITHHELD
from phasegate.harness.marks import TEST_KEY, VerifierTest
from phasegate.harness.needed import register
from phasegate.harness.outcomes import PROTOCOL_KEY, Protocol
from phasegate.harness.outlets import refuse_live_outlets
from phasegate.harness.records import record_of, without_secrets
from phasegate.harness.selection import Plan
from phasegate.harness.streams import OpenStreams
from phasegate.harness.unraisable import Unraisable
from phasegate.printable import text_of
from phasegate.scope import note, take_strays
from phasegate.spool import Spool
from phasegate.steps import take_steps
from phasegate.verdict import Finding, TestRecord, TestState

if TYPE_CHECKING:
    from phasegate.attempts import Committed, OpenAttempt, Services, Staging
    from phasegate.evidence.secrets import Leak, SecretScanner

RUNNER_KEY = pytest.StashKey["AttemptRunner"]()


class _Refusal:
    """Fails the verifiers whose attempt could not be opened: they would leave no evidence.

    A plugin of its own, registered with the first such gate, so that a session without trouble pays nothing.
    """

    def __init__(self, runner: AttemptRunner) -> None:
        self._runner = runner

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Fails a verifier without an attempt."""
        test = item.stash.get(TEST_KEY, None)
        if test is not None and not self._runner.has_attempt(test.gate):
            pytest.fail("\n".join(str(problem) for problem in self._runner.troubles), pytrace=False)


class AttemptRunner:
    """Opens, feeds and commits the attempts of the gates that this process runs.

    Args:
        config: The session's configuration.
        staging: Opens attempts.
        services: What attempts need of the session.

    Attributes:
        plan: What the session set out to run; empty until collection has finished.
        planned: Whether it has.
        committed: The attempts committed by this process, in order.
        troubles: Why an attempt could not be opened or committed, or does not say all; each with the exit code that
            it calls for.
    """

    def __init__(self, config: pytest.Config, staging: Staging, services: Services) -> None:
        self._config = config
        self.catalogue = staging.archive.catalogue
        self.staging = staging
        self.services = services
        self.plan = Plan()
        self.planned = False
        self.committed: list[Committed] = []
        self.troubles: dict[Problem, ExitCode] = {}
        self._pid = getpid()
        self._background = Background()
        self._fixture_users = FixtureUsers()
        self._refusal = _Refusal(self)
        self._open: dict[str, OpenAttempt] = {}
        self._protocols: dict[str, Protocol] = {}
        self._leaks_of_no_gate: list[Leak] = []
        self._handed_on = 0

    @property
    def scanner(self) -> SecretScanner:
        """The one secret scanner of this process."""
        return self.services.scanner

    def gate_run(self, test: VerifierTest) -> GateRun:
        """The `gate` fixture's value for a test."""
        return GateRun(self._open[test.gate.id], self.staging)

    def owns_process(self) -> bool:
        """Whether this is the process that the session began in, and not a child that was forked off it."""
        return getpid() == self._pid

    def begin(self, plan: Plan) -> None:
        """Takes the plan, and tells the plugins which gates are about to run.

        Raises:
            PhasegateError: No gate can run: evidence cannot be written, or not signed.
        """
        Spool.hide()  # what this process inherited is for the scope of another session
        if plan.gates:
            self._prepare(plan)
        self.plan = plan
        self.planned = True

    def _prepare(self, plan: Plan) -> None:
        refuse_live_outlets(self._config)
        self._check_key()
        self.staging.check_writable()
        asked(self._config, "pytest_phasegate_gates_selected", catalogue=self.catalogue, gates=plan.gates)
        self.staging.prepare(plan.gates)
        register(self._config, OpenStreams(), "phasegate-streams")
        self._background.start()

    def close(self) -> None:
        """Leaves the process as it was before the session."""
        if self.owns_process():
            self._background.stop()

    def has_attempt(self, gate: Gate) -> bool:
        """Whether an attempt of a gate is open."""
        return gate.id in self._open

    def watches(self) -> bool:
        """Whether what tests say is to be kept clean: gates run here, or nobody knows yet whether they do."""
        return bool(self.plan.gates) or not self.planned

    def leaked(self, leaks: Iterable[Leak]) -> None:
        """Lets secrets that were kept from being shown block what is open; where nothing is, what is opened next."""
        leaks = tuple(leaks)
        if not self._open:
            self._leaks_of_no_gate += leaks
        for attempt in self._open.values():
            with self._noting_trouble():
                attempt.leaked(leaks)

    def note_troubles(self, problems: Iterable[Problem], code: ExitCode = ExitCode.EVIDENCE) -> list[Problem]:
        """Keeps problems for the board, each once, with the exit code that they call for; returns those kept now."""
        kept = []
        for problem in problems:
            parts = [problem.fact, problem.place, problem.remedy]
            if self.scanner.scan("", encodable("\n".join(parts)).encode("utf-8")):
                said = Problem(WITHHELD, "phasegate", "look where the secret comes from; nothing of it is shown")
            else:
                said = problem
            if said not in self.troubles:
                self.troubles[said] = code
                kept.append(said)
        return kept

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Runs a verifier inside its gate's attempt, and commits the attempt behind the gate's last test."""
        self._end_forked()
        test = item.stash.get(TEST_KEY, None)
        if test is None:
            result = yield
            take_strays()  # plain tests may use what is for verifiers as they like
            return result
        if test.gate.id not in self._open:
            self._open_attempt(test.gate)
        self._fixture_users.use(item, test.gate.id)
        opened = self._open.get(test.gate.id)
        execution_id = opened.execution_id if opened is not None else None
        protocol = Protocol(test, execution_id, self._background.children)
        item.stash[PROTOCOL_KEY] = protocol
        self._protocols[item.nodeid] = protocol
        take_steps()  # what was told before is of no verifier
        self._tell("pytest_phasegate_test_began", item, test)
        with Unraisable():
            result = yield
        self._end_forked()
        del self._protocols[item.nodeid], item.stash[PROTOCOL_KEY]
        self._charge(self._background.settle(protocol))
        attempt = self._open.get(test.gate.id)
        if attempt is not None:
            try:
                record = record_of(protocol, attempt, self.scanner)
                attempt.record(test.verifier.id, record)
            except PhasegateError as error:
                self.note_troubles(error.problems)
            else:
                self._tell("pytest_phasegate_test_recorded", item, test, record=record, steps=take_steps())
        following = nextitem.stash.get(TEST_KEY, None) if nextitem is not None else None
        if following is None or following.gate.id != test.gate.id:
            self.commit(test.gate)
        return result

    def _tell(self, hook: str, item: pytest.Item, test: VerifierTest, **more: object) -> None:
        """Tells the reports of a test; one that fails changes no verdict, and the session does not end well."""
        attempt = self._open.get(test.gate.id)
        if attempt is not None:
            known = {"gate": test.gate, "verifier": test.verifier, "execution_id": attempt.execution_id}
            self.note_troubles(told(self._config, hook, item=item, **known, **more), ExitCode.USAGE)

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the wrappers of others, who may swallow what they see
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Notes what set-up raised."""
        try:
            return (yield)
        except BaseException as error:
            self._note_phase(item, error)
            raise
        finally:
            if TEST_KEY in item.stash:
                self._end_forked()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Notes what tear-down raised, unless it came out of a fixture that the test's gate never used."""
        try:
            return (yield)
        except BaseException as error:
            self._note_phase(item, error)
            blamed = self._fixture_users.blame(error)
            protocol = item.stash.get(PROTOCOL_KEY, None)
            if blamed and (protocol is None or all(protocol.test.gate.id not in gates for gates in blamed.values())):
                self._note_teardown(blamed, error)
                if protocol is not None:
                    protocol.disown(error)
            raise
        finally:
            if TEST_KEY in item.stash:
                self._end_forked()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Notes who has a fixture made, and an assertion that fails in it, whoever swallows it."""
        running = next(iter(self._protocols.values()), None)
        self._fixture_users.set_up(fixturedef, running.test.gate.id if running is not None else None)
        try:
            return (yield)
        except (AssertionError, pytest.fail.Exception) as error:
            if running is not None:
                running.swallowed.append(error)
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Runs the test function inside a blocker scope, and fails it where the scope has findings."""
        protocol = item.stash.get(PROTOCOL_KEY, None)
        if protocol is None:
            return (yield)
        with protocol.new_scope() as scope, Watched(protocol.body, item, self._end_forked), Unraisable():
            result = yield
        if scope.findings and any(code not in self.staging.waived_now() for code, _ in scope.findings):
            protocol.failed_for_findings = True
            pytest.fail(scope.describe(), pytrace=False)
        return result

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]) -> None:
        """Notes the exception that ended a phase; passing phases cost nothing here."""
        protocol = node.stash.get(PROTOCOL_KEY, None)
        if protocol is not None and call.excinfo is not None:
            protocol.note_exception(call.when, call.excinfo.value)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps each phase's final report, after every plugin had its say."""
        protocol = self._protocols.get(report.nodeid)
        if protocol is not None:
            protocol.note_report(report)

    def lose(self, what: str) -> None:
        """Commits what is open, where the process is about to vanish in the middle of a test.

        Args:
            what: Why it is.
        """
        for protocol in self._protocols.values():
            attempt = self._open.get(protocol.test.gate.id)
            if attempt is not None:
                with self._noting_trouble():
                    attempt.record(
                        protocol.test.verifier.id, TestRecord(protocol.test.nodeid, TestState.LOST, detail=what)
                    )
        self.commit_open()

    def commit_open(self) -> None:
        """Commits what the end of the session left open; such an attempt says what did not run."""
        for gate_id in tuple(self._open):
            self.commit(self.catalogue.gates[gate_id])
        self._charge(self._background.late())
        self._background.end()
        if self.plan.gates:
            remedy = "find out what said it: no gate was open that it could block"
            left = self._leaks_of_no_gate[self._handed_on :]
            self.note_troubles(Problem(str(leak), "phasegate", remedy) for leak in left)

    def commit(self, gate: Gate) -> None:
        """Commits a gate's open attempt, with a record for every test that the session left out."""
        self._charge(self._background.late())
        attempt = self._open.pop(gate.id, None)
        if attempt is not None:
            with self._noting_trouble():
                self.committed.append(self._commit(attempt))

    def _commit(self, attempt: OpenAttempt, duties: Iterable[Finding] = ()) -> Committed:
        gate = attempt.gate
        seen = {record.nodeid for records in attempt.records.values() for record in records}
        for test in self.plan.expected.get(gate.id, ()):
            if test.nodeid not in seen:
                record = TestRecord(test.nodeid, TestState.NOT_RUN, detail="the session ended before it ran")
                attempt.record(test.verifier.id, record)
        return attempt.commit(duties)

    def collect(self) -> list[Committed]:
        """Every attempt of the session, those of other processes included, in chain order."""
        found: list[Committed] = []
        with self._noting_trouble():
            found += self.staging.collect_session(self.committed, self.adopt)
            for phase in dict.fromkeys(committed.judgement.gate.phase for committed in found):
                self.staging.archive.refresh_index(phase)
        return found

    def adopt(self, execution_id: str) -> Committed:
        """Commits an attempt whose process vanished, from its journal; it is never authoritative."""
        attempt = self.staging.adopt(execution_id)
        lost = Finding(
            code=attempt.gate.unmapped_code,
            verifier="",
            state=TestState.LOST.value,
            detail="the process that ran this attempt vanished before it was committed",
        )
        return self._commit(attempt, [lost])

    def _check_key(self) -> None:
        """Makes sure that attempts can be signed."""
        try:
            self.services.attestor  # noqa: B018 - asked for now, and kept
        except EvidenceError as error:
            remedy = "make it usable, or name another key in PHASEGATE_SIGNING_KEY"
            raise SettingsError([Problem(problem.fact, problem.place, remedy) for problem in error.problems]) from error

    def _charge(self, reports: Iterable[Late]) -> None:
        """Charges what came when its test had ended to the test's gate, or, that committed, to the session."""
        for test, said in reports:
            attempt = self._open.get(test.gate.id) if test is not None else None
            if test is not None and attempt is not None:
                with self._noting_trouble():
                    record = TestRecord(test.nodeid, TestState.ERRORED, detail=said)
                    attempt.record(test.verifier.id, without_secrets(record, attempt, self.scanner))
            else:
                place = test.nodeid if test is not None else "a verifier of this session"
                remedy = "wait in the test for the threads and processes that it starts"
                fact = f"reported when its gate had been committed: {said}"
                self.note_troubles([Problem(fact, place, remedy)], ExitCode.BLOCKED)

    def _note_phase(self, item: pytest.Item, error: BaseException) -> None:
        protocol = item.stash.get(PROTOCOL_KEY, None)
        if protocol is not None:
            protocol.swallowed.append(error)

    def _note_teardown(self, blamed: Mapping[str, list[str]], error: BaseException) -> None:
        for name, gates in blamed.items():
            if gates:
                fact = f"its tear-down failed when {', '.join(gates)} had been committed: {text_of(error)}"
                remedy = "do not build on these attempts (`phasegate runs invalidate`), and fix the fixture"
                self.note_troubles([Problem(fact, f"fixture {name}", remedy)], ExitCode.BLOCKED)

    def _end_forked(self) -> None:
        """Ends a child process that was forked in a test and did not end: it must not run the session once more."""
        if not self.owns_process():
            note("a child process that the test forked returned into pytest: end it with os._exit")
            end_now(ExitCode.INTERNAL)

    def _open_attempt(self, gate: Gate) -> None:
        with self._noting_trouble():
            attempt = self.staging.open(gate)
            for verifier_id, record in self.plan.left_out.get(gate.id, ()):
                attempt.record(verifier_id, record)
            attempt.leaked(self._leaks_of_no_gate)
            self._handed_on = len(self._leaks_of_no_gate)
            self._open[gate.id] = attempt
        if gate.id not in self._open and not self._config.pluginmanager.is_registered(self._refusal):
            with self._noting_trouble():
                register(self._config, self._refusal, "phasegate-refusal")

    @contextmanager
    def _noting_trouble(self) -> Generator[None, None, None]:
        # Evidence that cannot be written must not end the session in a traceback: the gates that it concerns
        # have no committed attempt, so the session cannot end well, and the board says why.
        try:
            yield
        except PhasegateError as error:
            self.note_troubles(error.problems)
