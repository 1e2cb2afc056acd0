"""Who does what under xdist: workers run gates and commit them, the controller hands out, adopts and tells.

What the workers set out to run they write down in the session's folder, because a worker that vanishes can send
nothing any more; troubles go through xdist, which sends them when a worker ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from phasegate.errors import ExitCode, Problem, SettingsError
from phasegate.harness.session import RUNNER_KEY, AttemptRunner

if TYPE_CHECKING:
    from phasegate.harness.selection import Plan

_CHAIN_MODES: Final = frozenset({"load", "loadgroup", "worksteal"})
_SESSION: Final = "phasegate_session"
_MODE: Final = "phasegate_dist"
_TROUBLES: Final = "phasegate_troubles"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests that another one hands out."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands tests out; `--dist` alone distributes nothing, so xdist's session is asked for."""
    return config.pluginmanager.has_plugin("dsession")


def session_id(config: pytest.Config) -> str | None:
    """The session that the controller told this worker to belong to; None in any other process."""
    found: str | None = getattr(config, "workerinput", {}).get(_SESSION)
    return found


def write_plan(session: pytest.Session, runner: AttemptRunner, plan: Plan) -> None:
    """Writes down, in a worker, what it has selected.

    Raises:
        SettingsError: The mode of distribution may split or repeat a gate.
        EvidenceError: It cannot be written.
    """
    mode = session.config.workerinput.get(_MODE)  # type: ignore[attr-defined]
    if mode not in _CHAIN_MODES:
        raise SettingsError(
            Problem(
                fact=f"gates do not run under xdist with --dist {mode}: it may split a gate, or repeat it",
                place="--dist",
                remedy=f"leave --dist out, or choose one of {', '.join(sorted(_CHAIN_MODES))}",
            )
        )
    from phasegate.harness.handout import Handout  # noqa: PLC0415 - needs xdist

    Handout.of(plan, runner.catalogue).write(_folder(runner))


class Distribution:
    """xdist's hooks; without xdist none of them is called."""

    def __init__(self, runner: AttemptRunner) -> None:
        self._runner = runner

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker which session it belongs to."""
        node.workerinput[_SESSION] = self._runner.staging.session_id
        node.workerinput[_MODE] = node.config.option.dist

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keeps each chain of gates on one worker, in the modes that hand out single tests."""
        if config.option.dist not in _CHAIN_MODES:
            return None
        from phasegate.harness.scheduler import ChainScheduling  # noqa: PLC0415 - needs xdist

        return ChainScheduling(config, log, _folder(self._runner))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes from a worker what stood in its way."""
        for fact, place, remedy, code in getattr(node, "workeroutput", {}).get(_TROUBLES, ()):
            self._runner.note_troubles([Problem(fact, place, remedy)], ExitCode(code))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Commits, in a worker, what is open, and sends what stood in the way."""
        if is_worker(session.config) and self._runner.owns_process():
            self._runner.commit_open()
            session.config.workeroutput[_TROUBLES] = [  # type: ignore[attr-defined]
                (problem.fact, problem.place, problem.remedy, int(code))
                for problem, code in self._runner.troubles.items()
            ]


def selected_gates(config: pytest.Config) -> list[str]:
    """The ids of the gates that a session has selected, in whichever of its processes."""
    runner = config.stash[RUNNER_KEY]
    if not is_controller(config):
        return [gate.id for gate in runner.plan.gates]
    from phasegate.harness.handout import Handout  # noqa: PLC0415 - needs xdist

    return sorted(Handout.read(_folder(runner)).gate_ids)


def _folder(runner: AttemptRunner) -> Any:
    return runner.staging.archive.layout.session(runner.staging.session_id)
