"""The hooks that stores, writers and reports implement; a plugin of your own attaches as ours do.

pytest looks for hooks under names that begin with `pytest_` alone, hence theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from pydantic import JsonValue

from phasegate.errors import Problem

if TYPE_CHECKING:
    from phasegate.attempts import Attestor, Committed
    from phasegate.catalog.model import Catalogue, Gate, Verifier
    from phasegate.evidence.store import EvidenceStore
    from phasegate.steps import Step
    from phasegate.verdict import TestRecord


@pytest.hookspec(firstresult=True)
def pytest_phasegate_evidence_store(config: pytest.Config) -> EvidenceStore | None:
    """The durable store of this session; asked for once, at the first publication. None: there is none."""


@pytest.hookspec(firstresult=True)
def pytest_phasegate_attestor(config: pytest.Config) -> Attestor | None:
    """Signs the statements about this process's attempts; asked for once. None: the next plugin's, at last our own."""


@pytest.hookspec
def pytest_phasegate_provenance(config: pytest.Config) -> Mapping[str, JsonValue]:
    """Facts that every execution summary of this session names, such as the digest of the handle registry."""


@pytest.hookspec
def pytest_phasegate_target(config: pytest.Config) -> Mapping[str, str]:
    """What tells the place that this session's gates look at from every other, such as account and region.

    Every summary names it, beside platform and substrate, and evidence of another target does not count. Asked for
    once, after `pytest_phasegate_gates_selected`.
    """


@pytest.hookspec
def pytest_phasegate_inputs(config: pytest.Config, names: Collection[str]) -> Mapping[str, JsonValue]:
    """What the named inputs are now; a plugin answers those of the kinds that its fixtures note with `gate.uses`.

    Evidence whose inputs changed, or that nobody answers, does not count.
    """


@pytest.hookspec
def pytest_phasegate_gates_selected(config: pytest.Config, catalogue: Catalogue, gates: Sequence[Gate]) -> None:
    """The gates that this process is about to run, in chain order; called before the first of them."""


@pytest.hookspec
def pytest_phasegate_test_began(item: pytest.Item, gate: Gate, verifier: Verifier, execution_id: str) -> None:
    """A verifier's test begins, in the process that runs it.

    Args:
        item: The test.
        gate: Its gate.
        verifier: Its verifier.
        execution_id: The attempt.
    """


@pytest.hookspec
def pytest_phasegate_test_recorded(
    item: pytest.Item,
    gate: Gate,
    verifier: Verifier,
    execution_id: str,
    record: TestRecord,
    steps: Sequence[Step],
) -> None:
    """A verifier's test ended, in the process that ran it, and its record stands in the gate's attempt.

    Args:
        item: The test.
        gate: Its gate.
        verifier: Its verifier.
        execution_id: The attempt.
        record: How it ended, and what it raised; without secrets.
        steps: What was done on the way, in order; a report that shows it keeps secrets out itself.
    """


@pytest.hookspec
def pytest_phasegate_session_judged(
    config: pytest.Config, attempts: Sequence[Committed], problems: Sequence[Problem]
) -> None:
    """The session's gates are judged, and their attempts lie in their places.

    Called once, on the controller (or the only process), before pytest's own summary; never where a session ran no
    gate and had no problem.

    Args:
        config: The session's configuration.
        attempts: The session's attempts, in chain order; `Committed.summary` is what each one's pack says.
        problems: What kept an attempt from being opened or committed, and what else the exit code says; a plugin that
            fails in this very hook is added while the others are told.
    """
