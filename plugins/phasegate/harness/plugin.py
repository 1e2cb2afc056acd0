"""The pytest plugin: options, markers, the `gate` fixture, and who does what in which process.

It is inert in a project without `[tool.phasegate]`, but for one thing: there, a test that claims to be a
verifier is an error, because nothing would judge it.
"""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from phasegate import hookspecs
from phasegate.errors import ExitCode, PhasegateError, Problem, SettingsError
from phasegate.harness import marks, selection
from phasegate.harness.facts import present_of
from phasegate.harness.hooks import refuse_unknown_hooks
from phasegate.harness.session import RUNNER_KEY, AttemptRunner
from phasegate.settings import Settings, find_settings

if TYPE_CHECKING:
    from phasegate.attempts import Attestor, Committed
    from phasegate.catalog.model import Catalogue
    from phasegate.gate import GateRun

SETTINGS_KEY = pytest.StashKey[Settings]()
CATALOGUE_KEY = pytest.StashKey["Catalogue"]()
COLLECTED_KEY = pytest.StashKey[Sequence[pytest.Item]]()
_WORKER_SESSION = "phasegate_session"
_WORKER_MODE = "phasegate_dist"
_CHAIN_MODES = frozenset({"load", "loadgroup", "worksteal"})
_WORKER_SELECTED = "phasegate_selected"
_WORKER_TROUBLES = "phasegate_troubles"
_WORKER_REFUSAL = "phasegate_refusal"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds phasegate's options."""
    group = parser.getgroup("phasegate", "readiness gates")
    group.addoption(
        "--substrate",
        metavar="NAME",
        help="what the gates run against; by default the first of [tool.phasegate] substrates",
    )
    group.addoption(
        "--upstream",
        choices=("latest", "run"),
        default="latest",
        help="where the evidence of earlier gates comes from: their latest authoritative attempts (default), "
        "or running them in this session",
    )
    group.addoption("--runs-root", metavar="DIR", help="where evidence packs are written")
    group.addoption("--registry", metavar="FILE", help="the handle registry to read, as it stands")
    group.addoption("--catalogue", metavar="DIR", help="the folder of the gate catalogue")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Registers the hooks of `phasegate.hookspecs`."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reads settings and catalogue, declares the markers, and sets up this process's part."""
    try:
        settings = _settings(config)
        catalogue = _catalogue(settings)
    except PhasegateError as error:
        raise pytest.UsageError(str(error)) from error
    for line in marks.marker_declarations(catalogue):
        config.addinivalue_line("markers", line)
    if settings is None or catalogue is None:
        return
    config.stash[SETTINGS_KEY] = settings
    config.stash[CATALOGUE_KEY] = catalogue
    if config.option.collectonly:
        return
    try:
        runner = AttemptRunner(config, catalogue, _workspace(config, settings, catalogue))
    except PhasegateError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[RUNNER_KEY] = runner
    if not _is_controller(config):
        config.pluginmanager.register(runner, "phasegate-runner")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Says what the gates run against and where their evidence goes."""
    settings = config.stash.get(SETTINGS_KEY, None)
    if settings is None:
        return None
    evidence = os.path.relpath(settings.runs_root / settings.platform, config.invocation_params.dir)
    return f"phasegate: substrate {config.option.substrate}, evidence in {evidence}"


@pytest.hookimpl(tryfirst=True)  # pytest itself ends the session in a traceback where it meets such a hook
def pytest_collection(session: pytest.Session) -> None:
    """Refuses plugins that answer hooks which phasegate does not have."""
    try:
        refuse_unknown_hooks(session.config)
    except PhasegateError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """Derives markers before anything is deselected, then puts what is left into chain order."""
    collected = list(items)
    config.stash[COLLECTED_KEY] = collected
    catalogue = config.stash.get(CATALOGUE_KEY, None)
    if catalogue is None:
        _refuse_claims(collected)
        return (yield)
    _complain(selection.mark_items(collected, catalogue))
    result = yield
    if config.option.upstream == "run":
        _complain(selection.add_upstream(collected, items, catalogue))
    selection.order_items(items, catalogue)
    return result


@pytest.hookimpl(tryfirst=True)  # xdist's worker reports its collection in this hook, and chains must be known by then
def pytest_collection_finish(session: pytest.Session) -> None:
    """Fixes the plan of the session: what runs, and what of the selected gates does not."""
    runner = session.config.stash.get(RUNNER_KEY, None)
    if runner is None or _is_controller(session.config):
        return
    plan = selection.plan_session(
        session.config.stash.get(COLLECTED_KEY, []),
        session.items,
        runner.catalogue,
        narrowed=_narrowed(session.config),
    )
    try:
        refuse_unknown_hooks(session.config)  # conftest files of folders are known only now
        if plan.gates and _is_worker(session.config):
            _prepare_worker(session, runner)
        runner.begin(plan)
        if plan.gates:
            gc.freeze()  # catalogue and items live as long as the session; the collector need not look at them again
    except Exception as error:
        problems = getattr(error, "problems", None)
        if problems is None:
            raise
        code = int(getattr(error, "exit_code", ExitCode.USAGE))
        if _is_worker(session.config):
            runner.refuse(problems, code)  # a worker cannot end the session; its verifiers fail and say why
        else:
            pytest.exit(str(error), returncode=code)


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> GateRun:
    """The attempt of the gate that the test belongs to: metrics, artifacts, upstream evidence, publication."""
    test = request.node.stash.get(marks.TEST_KEY, None)
    if test is None:
        pytest.fail("the fixture `gate` is for verifiers: mark the test with pytest.mark.verifier", pytrace=False)
    return request.config.stash[RUNNER_KEY].gate_run(test)


@pytest.hookimpl(trylast=True)
def pytest_phasegate_attestor(config: pytest.Config) -> Attestor:
    """Signs with the key that the settings name."""
    settings = config.stash[SETTINGS_KEY]

    @cache
    def signer() -> Any:
        from phasegate.evidence.keys import KeyStore  # noqa: PLC0415 - cryptography is for who signs

        return KeyStore(settings.platform).signer(settings.signing_key)

    def attest(statement: Mapping[str, Any]) -> bytes:
        from phasegate.evidence.dsse import enveloped  # noqa: PLC0415

        return enveloped(statement, signer())

    return attest


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells an xdist worker which session it belongs to."""
    runner = node.config.stash.get(RUNNER_KEY, None)
    if runner is not None:
        node.workerinput[_WORKER_SESSION] = runner.workspace.session_id
        node.workerinput[_WORKER_MODE] = node.config.option.dist


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keeps each chain of gates on one worker, in the modes that hand out single tests."""
    runner = config.stash.get(RUNNER_KEY, None)
    if runner is None or config.option.dist not in _CHAIN_MODES:
        return None
    from phasegate.harness.scheduler import ChainScheduling  # noqa: PLC0415 - needs xdist

    return ChainScheduling(config, log, runner.workspace.layout.session(runner.workspace.session_id))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes from an xdist worker which gates it had selected."""
    runner = node.config.stash.get(RUNNER_KEY, None)
    if runner is not None:
        output = getattr(node, "workeroutput", {})
        known = {gate.id for gate in runner.plan.gates}
        selected = [gate_id for gate_id in output.get(_WORKER_SELECTED, ()) if gate_id not in known]
        runner.plan.gates += [runner.catalogue.gates[gate_id] for gate_id in selected]
        runner.note_troubles(Problem(*parts) for parts in output.get(_WORKER_TROUBLES, ()))
        runner.refusal_code = output.get(_WORKER_REFUSAL) or runner.refusal_code


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Commits what is open or lost, tells the reports, and lets the exit code say what the gates say."""
    config = session.config
    runner = config.stash.get(RUNNER_KEY, None)
    if runner is None:
        return
    runner.commit_open()
    if _is_worker(config):
        output = config.workeroutput  # type: ignore[attr-defined]
        output[_WORKER_SELECTED] = [gate.id for gate in runner.plan.gates]
        output[_WORKER_TROUBLES] = [(problem.fact, problem.place, problem.remedy) for problem in runner.troubles]
        output[_WORKER_REFUSAL] = runner.refusal_code
        return
    committed = runner.collect()
    for problem in runner.troubles:
        config.hook.pytest_phasegate_trouble(config=config, problem=problem)
    for attempt in committed:
        config.hook.pytest_phasegate_attempt_committed(config=config, committed=attempt)
    if exitstatus == ExitCode.OK or (exitstatus == ExitCode.BLOCKED and runner.troubles):
        session.exitstatus = _exit_code(runner, committed)


def _exit_code(runner: AttemptRunner, committed: list[Committed]) -> int:
    if runner.refusal_code is not None:
        return runner.refusal_code
    if runner.troubles:
        return ExitCode.EVIDENCE
    passed = {attempt.judgement.gate.id for attempt in committed if attempt.judgement.overall_pass}
    held = [attempt for attempt in committed if not attempt.judgement.overall_pass]
    if any(attempt.judgement.complete for attempt in held):
        return ExitCode.BLOCKED
    if held or {gate.id for gate in runner.plan.gates} - passed:
        return ExitCode.INCOMPLETE
    return ExitCode.OK


def _settings(config: pytest.Config) -> Settings | None:
    settings = find_settings(config.rootpath)
    if settings is None:
        return None
    here = config.invocation_params.dir
    option = config.option
    settings = replace(
        settings,
        runs_root=here / option.runs_root if option.runs_root else settings.runs_root,
        catalogue=here / option.catalogue if option.catalogue else settings.catalogue,
        registry=here / option.registry if option.registry else settings.registry,
    )
    if config.option.substrate is None:
        config.option.substrate = settings.substrates[0]
    if config.option.substrate not in settings.substrates:
        problem = Problem(
            fact=f"{config.option.substrate!r} is no substrate of this project",
            place="--substrate",
            remedy=f"name one of {', '.join(settings.substrates)}",
        )
        raise PhasegateError(problem)
    return settings


def _catalogue(settings: Settings | None) -> Catalogue | None:
    if settings is None:
        return None
    from phasegate.project import load_catalogue  # noqa: PLC0415 - a project without gates needs no YAML

    return load_catalogue(settings)


def _workspace(config: pytest.Config, settings: Settings, catalogue: Catalogue) -> Any:
    from phasegate.attempts import Workspace  # noqa: PLC0415 - `--help` and plain projects need none of it
    from phasegate.evidence.schemas import SchemaSet  # noqa: PLC0415
    from phasegate.project import load_waivers  # noqa: PLC0415

    worker_input = getattr(config, "workerinput", {})
    return Workspace(
        runs_root=settings.runs_root,
        platform=settings.platform,
        catalogue=catalogue,
        schemas=SchemaSet(settings.schemas),
        present=present_of(config, settings.platform, config.option.substrate),
        session_id=worker_input.get(_WORKER_SESSION, uuid.uuid4().hex),
        clock=lambda: datetime.now(UTC),
        waivers=load_waivers(settings, catalogue),
    )


def _prepare_worker(session: pytest.Session, runner: AttemptRunner) -> None:
    mode = session.config.workerinput.get(_WORKER_MODE)  # type: ignore[attr-defined]
    if mode not in _CHAIN_MODES:
        raise SettingsError(
            Problem(
                fact=f"gates do not run under xdist with --dist {mode}: it may split a gate, or repeat it",
                place="--dist",
                remedy=f"leave --dist out, or choose one of {', '.join(sorted(_CHAIN_MODES))}",
            )
        )
    from phasegate.harness.scheduler import write_chains  # noqa: PLC0415 - needs xdist

    chains = selection.chains_of(session.items, runner.catalogue)
    write_chains(runner.workspace.layout.session(runner.workspace.session_id), chains)


def _narrowed(config: pytest.Config) -> bool:
    by_node_id = any("::" in arg for arg in config.args)
    return by_node_id or bool(config.getoption("lf", default=False))


def _complain(problems: list[Problem]) -> None:
    if problems:
        raise pytest.UsageError("\n".join(str(problem) for problem in problems))


def _refuse_claims(items: list[pytest.Item]) -> None:
    for item in items:
        if marks.claims_verifier(item):
            raise pytest.UsageError(
                f"{item.nodeid}: claims to be a verifier, and nothing would judge it\n"
                "    remedy: add [tool.phasegate] to the project's pyproject.toml"
            )


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _is_controller(config: pytest.Config) -> bool:
    return not _is_worker(config) and getattr(config.option, "dist", "no") != "no"
