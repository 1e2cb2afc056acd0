"""The gates in Allure's terms: epic phase, feature gate, story verifier, and one result for each gate's verdict.

allure-pytest writes a result for each test. Those of verifiers are held back until the record of the test is known,
and then say what the gate's catalogue and the record say. What no test left a result for, such as a verifier that was
lost with its worker, and the gates themselves, are written at the end of the session by the process that judges it.
All of it goes through the outlet, which withholds secrets.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from phasegate.attempts.sealing import EXECUTION_LABEL
from phasegate.board.svg import outcomes_svg
from phasegate.catalog.model import Gate, Severity, Verifier
from phasegate.evidence.files import UnreadableError, entries, read_file
from phasegate.reports.allure_words import (
    Status,
    categories,
    configuration,
    described_gate,
    described_verifier,
    environment,
    executor,
    identity,
    severity_of,
    status_of_gate,
    status_of_test,
)
from phasegate.steps import Step
from phasegate.verdict import Finding, Outcome, TestRecord, TestState

if TYPE_CHECKING:
    from phasegate.attempts import Committed

_VERIFIER_LABEL: Final = "verifier"
_TYPES: Final[Mapping[str, str]] = {".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png"}
_BROKEN: Final = frozenset({TestState.LOST, TestState.ERRORED, TestState.FLIPPED})
_STATUS_OF: Final[Mapping[Outcome, Status]] = {
    Outcome.PASSED: "passed",
    Outcome.NOT_EVALUATED: "skipped",
    Outcome.BLOCKED: "failed",
    Outcome.ERRORED: "broken",
}


class Outlet(Protocol):
    """What writes Allure's files, and keeps secrets out of them."""

    holds: Callable[[Any], bool] | None
    """Takes a result of a test, to write it later, and says whether it did."""

    def write(self, result: Any) -> None:
        """Writes a result."""

    def attach(self, body: str | bytes, file_name: str) -> None:
        """Writes a file beside the results."""


class AllureReport:
    """Says of each result of a verifier what it is, and writes those of the gates.

    Args:
        outlet: Writes, and withholds secrets.
        platform: The platform.
        folder: The folder of results.
    """

    def __init__(self, outlet: Outlet, platform: str, folder: Path) -> None:
        self._outlet = outlet
        self._platform = platform
        self._folder = folder
        self._running: tuple[pytest.Item, Gate, Verifier, str] | None = None
        self._held: list[Any] = []
        outlet.holds = self._hold

    def pytest_phasegate_test_began(self, item: pytest.Item, gate: Gate, verifier: Verifier, execution_id: str) -> None:
        """From here on results are the verifier's, until its record is known."""
        self._running = item, gate, verifier, execution_id

    def pytest_phasegate_test_recorded(self, record: TestRecord, steps: Sequence[Step]) -> None:
        """Writes what was held back, now that it is known how the test ended."""
        self._write(record, steps)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Writes what is held of a test whose record never came: it was not evaluated."""
        if self._running is not None:
            self._write(TestRecord(self._running[0].nodeid, TestState.NOT_RUN, detail="it was cut short"))

    def _write(self, record: TestRecord, steps: Sequence[Step] = ()) -> None:
        """Writes what was held back; of several results of one test, reruns, the last one is its end."""
        held, running = self._held, self._running
        self._held, self._running = [], None
        if running is None:
            return
        item, gate, verifier, execution_id = running
        name = getattr(item, "originalname", None) or item.name
        case = getattr(getattr(item, "callspec", None), "id", "")
        for result in held:
            _tell_test(result, self._platform, gate, verifier, (name, case), execution_id)
            if result is held[-1]:
                _tell_end(result, gate, record)
                result.steps += [_step(each) for each in steps]
            self._outlet.write(result)

    def _hold(self, result: Any) -> bool:
        if self._running is None:
            return False
        self._held.append(result)
        return True

    def pytest_phasegate_session_judged(self, attempts: Sequence[Committed]) -> None:
        """Writes a result for each gate and each verifier that has none, and what Allure needs beside results."""
        told = set(_told(self._folder))
        for committed in attempts:
            gate = committed.judgement.gate
            for verifier in gate.verifiers:
                if (committed.execution_id, verifier.id) not in told:
                    self._outlet.write(self._absent(committed, verifier))
            self._outlet.write(self._gate(committed))
        gates = [committed.judgement.gate for committed in attempts]
        summary = next((found for item in attempts if (found := item.summary) is not None), None)
        files = {
            "categories.json": json.dumps(categories(gates), indent=1),
            "environment.properties": environment(self._platform, summary),
            "executor.json": json.dumps(executor(), indent=1),
            "allurerc.json": json.dumps(configuration(self._platform, gates), indent=1),
        }
        for name, text in files.items():
            self._outlet.attach(text, name)

    def _absent(self, committed: Committed, verifier: Verifier) -> Any:
        """The result of a verifier that left none in any process of the session."""
        gate = committed.judgement.gate
        row = next(row for row in committed.judgement.results if row.verifier == verifier.id)
        result = _new_result(f"{self._platform}:{verifier.full_id}", _moment(committed))
        _tell_test(result, self._platform, gate, verifier, ("", ""), committed.execution_id)
        found = [finding for finding in committed.judgement.findings if finding.verifier == verifier.id]
        gone = any(finding.state in _BROKEN for finding in found)
        result.status = "broken" if gone else _STATUS_OF[row.outcome]
        _tell_findings(result, gate, found or [Finding("", verifier.id, row.outcome.value, "no test of it ended")])
        return result

    def _gate(self, committed: Committed) -> Any:
        """The result of a gate: its verdict, whatever its tests say."""
        from allure_commons.model2 import Label, Link  # noqa: PLC0415 - only where Allure is

        judgement = committed.judgement
        gate = judgement.gate
        result = _new_result(f"{self._platform}:{gate.id}", _moment(committed))
        result.name = f"{gate.id} {judgement.word}"
        result.status = status_of_gate(judgement)
        result.description = described_gate(judgement, committed.summary)
        result.testCaseId = identity(self._platform, gate.id)
        result.historyId = identity(self._platform, gate.id, "verdict")
        codes = [*judgement.blockers]
        result.labels = [
            Label(name, value)
            for name, value in (
                ("epic", f"{gate.phase}"),
                ("feature", _gate_name(gate)),
                ("story", "verdict"),
                ("owner", gate.owner),
                ("severity", severity_of(judgement.blocker(code).severity for code in codes)),
                ("verdict", judgement.word),
                (EXECUTION_LABEL, committed.execution_id),
                *(("tag", code) for code in codes),
                *(("tag", "waived") for _ in judgement.waived[:1]),
            )
        ]
        if committed.uri is not None:
            result.links = [Link("link", committed.uri, "durable evidence")]
            result.links += [Link("issue", f"{committed.uri}{gate.summary_name}#{code}", code) for code in codes]
        _tell_findings(result, gate, judgement.findings)
        chart = self._attachment("outcomes.svg", outcomes_svg(judgement))
        result.attachments = [chart, *self._attached(committed.path)]
        return result

    def _attached(self, folder: Path) -> Iterator[Any]:
        """The pack's files, as attachments."""
        try:
            files = {entry.name: read_file(entry.path) for entry in entries(folder)}
        except UnreadableError:
            return  # the verdict board and the next verification name it
        for name, data in files.items():
            yield self._attachment(name, data)

    def _attachment(self, name: str, data: str | bytes) -> Any:
        from allure_commons.model2 import Attachment  # noqa: PLC0415 - only where Allure is

        kind = Path(name).suffix
        source = f"{uuid.uuid4()}-attachment{kind}"
        self._outlet.attach(data, source)
        return Attachment(name=name, source=source, type=_TYPES.get(kind, "text/plain"))


def _told(folder: Path) -> Iterator[tuple[str, str]]:
    """The attempt and the verifier of each result that lies in the folder."""
    for path in folder.glob("*-result.json"):
        try:
            labels = json.loads(path.read_bytes())["labels"]
            named = {label["name"]: label["value"] for label in labels}
        except (OSError, ValueError, KeyError, TypeError):
            continue  # somebody else's
        if EXECUTION_LABEL in named and _VERIFIER_LABEL in named:
            yield named[EXECUTION_LABEL], named[_VERIFIER_LABEL]


def _new_result(full_name: str, moment: int) -> Any:
    from allure_commons.model2 import TestResult  # noqa: PLC0415 - only where Allure is

    return TestResult(uuid=str(uuid.uuid4()), fullName=full_name, stage="finished", start=moment, stop=moment)


def _moment(committed: Committed) -> int:
    """When an attempt was committed, in milliseconds of the epoch."""
    stamp = committed.stated.moment
    return int((stamp.timestamp() if stamp is not None else time.time()) * 1000)


def _gate_name(gate: Gate) -> str:
    return f"{gate.id} {gate.title}"


def _tell_test(
    result: Any, platform: str, gate: Gate, verifier: Verifier, case: tuple[str, str], execution_id: str
) -> None:
    """Says of a result which verifier it is of; what allure-pytest says of suites and markers goes."""
    from allure_commons.model2 import Label  # noqa: PLC0415 - only where Allure is

    kept = [label for label in result.labels if label.name in {"host", "thread", "framework", "language"}]
    shown = f" [{case[1]}]" if case[1] else ""
    result.name = f"{verifier.full_id} {verifier.purpose}{shown}"
    result.description = described_verifier(gate, verifier)
    result.testCaseId = identity(platform, verifier.full_id)
    result.historyId = identity(platform, verifier.full_id, *case)
    result.titlePath = [gate.phase, _gate_name(gate), verifier.full_id]
    result.labels = [
        Label(name, value)
        for name, value in (
            ("epic", gate.phase),
            ("feature", _gate_name(gate)),
            ("story", verifier.full_id),
            ("owner", gate.owner),
            ("severity", severity_of(gate.blocker_by_code[code].severity for code in verifier.raises)),
            (_VERIFIER_LABEL, verifier.id),
            (EXECUTION_LABEL, execution_id),
        )
    ] + kept


def _tell_end(result: Any, gate: Gate, record: TestRecord) -> None:
    """Says how the test ended, and what it raised."""
    waived = record.state is TestState.BLOCKED and result.status == "passed"  # pytest failed none of what is waived
    if not waived:
        result.status = status_of_test(record.state)
    code = {"broken": gate.unmapped_code, "skipped": gate.not_evaluated_code}.get(result.status, "")
    raised = [Finding(each, "", record.state.value, detail) for each, detail in record.findings]
    if code and record.state is not TestState.PASSED:
        raised.append(Finding(code, "", record.state.value, record.detail))
    _tell_findings(result, gate, raised)
    if waived:
        _add_label(result, "tag", "waived")


def _tell_findings(result: Any, gate: Gate, findings: Iterable[Finding]) -> None:
    """Puts what was found into the message, and its codes and their severity into the labels."""
    from allure_commons.model2 import StatusDetails  # noqa: PLC0415 - only where Allure is

    found = [*findings]
    if not found:
        return
    lines = [f"{finding.code or finding.state}: {finding.detail}" for finding in found]
    trace = getattr(result.statusDetails, "trace", None)
    result.statusDetails = StatusDetails(message="\n".join(lines), trace=trace)
    known = {label.value for label in result.labels if label.name == "tag"}
    codes = dict.fromkeys(finding.code for finding in found if finding.code)
    for code in codes:
        if code not in known:
            _add_label(result, "tag", code)
    blockers = [gate.blocker_by_code.get(code) for code in codes]
    worst = severity_of(each.severity if each is not None else Severity.S1 for each in blockers)
    for label in result.labels:
        if label.name == "severity":
            label.value = worst


def _step(step: Step) -> Any:
    from allure_commons.model2 import StatusDetails, TestStepResult  # noqa: PLC0415 - only where Allure is

    began = int(step.started_at * 1000)
    return TestStepResult(
        name=step.name,
        status="passed" if step.passed else "failed",
        statusDetails=StatusDetails(message=step.detail) if step.detail else None,
        stage="finished",
        start=began,
        stop=began + int(step.seconds * 1000),
    )


def _add_label(result: Any, name: str, value: str) -> None:
    from allure_commons.model2 import Label  # noqa: PLC0415 - only where Allure is

    result.labels.append(Label(name, value))
