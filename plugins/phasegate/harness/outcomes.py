"""From pytest's reports of one test to the record that a verdict is computed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from phasegate.evidence.canonical import encodable
from phasegate.harness.bodies import Body
from phasegate.harness.marks import VerifierTest
from phasegate.printable import text_of
from phasegate.scope import Scope
from phasegate.spool import Spool
from phasegate.verdict import TestRecord, TestState

_DETAIL_LIMIT = 600
_FINDING_LIMIT = 2_000
_PHASES = ("setup", "call", "teardown")


@dataclass(slots=True)
class Protocol:
    """What happened while one item's protocol ran; a rerun of it is part of the same protocol.

    Attributes:
        test: The verifier test.
        execution_id: The attempt that it is part of; None where that could not be opened.
        children: What child processes of the test report to.
        body: What its function itself did.
        scopes: One scope for each time that the test function was called.
        reports: The reports of every phase, in order; of subtests those that did not pass.
        swallowed: What set-up and tear-down raised before any other plugin saw it.
        disowned: What tear-down raised that is another gate's affair.
        unmapped: What each exception was that is no blocker of the verifier, and all that it said.
        failed_for_findings: Whether the exception on its way is ours, raised because a scope has findings.
    """

    test: VerifierTest
    execution_id: str | None = None
    children: Spool | None = None
    body: Body = field(default_factory=Body)
    scopes: list[Scope] = field(default_factory=list)
    reports: list[pytest.TestReport] = field(default_factory=list)
    swallowed: list[BaseException] = field(default_factory=list)
    disowned: BaseException | None = None
    unmapped: list[tuple[str, str]] = field(default_factory=list)
    failed_for_findings: bool = False

    def new_scope(self) -> Scope:
        """A fresh scope, for one call of the test function."""
        scope = Scope(self.test.gate, self.test.verifier, self.children)
        self.scopes.append(scope)
        return scope

    def note_exception(self, when: str, error: BaseException) -> None:
        """Takes the exception that ended a phase: a sole-blocker assertion is a finding, the rest unmapped."""
        if error is self.disowned:
            return
        if self.failed_for_findings or isinstance(error, pytest.skip.Exception):
            self.failed_for_findings = False
            return
        scope = self.scopes[-1] if self.scopes else None
        if when == "call" and scope is not None and scope.sole_code and isinstance(error, AssertionError):
            scope.conclude(error)
            return
        self._note(when, error)

    def disown(self, error: BaseException) -> None:
        """Takes what tear-down raised as another gate's affair; the rest of the tear-down was clean."""
        self.disowned = error
        self.swallowed = [other for other in self.swallowed if other is not error]

    def note_report(self, report: pytest.TestReport) -> None:
        """Takes a report; a subtest that passed says nothing that the report of its test does not."""
        if not (_is_subtest(report) and report.passed and not hasattr(report, "wasxfail")):
            self.reports.append(report)

    def settle(self, strays: Iterable[str]) -> None:
        """Takes what the test must not end well with, whatever its reports say.

        Args:
            strays: What was reported while no scope was open.
        """
        for scope in self.scopes:
            for error in scope.errors:
                self._note("call", error)
        for text in strays:
            self._note("call", text)
        for kind in self.body.returned:
            self._note("call", f"the test returned a value ({kind}), and what is returned is not checked: assert it")
        if (self.swallowed or self.body.raised or self.body.parts) and self._clean():
            for error in (*self.swallowed, *self.body.raised, *self.body.parts):
                self._note("call", error)

    def _note(self, when: str, error: BaseException | str) -> None:
        what = f"{when}: {type(error).__name__}" if isinstance(error, BaseException) else when
        entry = (what, encodable(text_of(error)))
        if entry not in self.unmapped:
            self.unmapped.append(entry)

    def _clean(self) -> bool:
        return len(self.reports) == len(_PHASES) and all(
            report.when == phase and (report.outcome == "passed" or (phase == "teardown" and self.disowned is not None))
            for report, phase in zip(self.reports, _PHASES, strict=True)
        )

    @property
    def passed(self) -> bool:
        """Whether all that is known of the test is a clean set-up, call and tear-down."""
        return (
            self.body.clean
            and not self.unmapped
            and not any(scope.findings for scope in self.scopes)
            and self._clean()
            and not hasattr(self.reports[1], "wasxfail")
        )

    def said(self) -> list[str]:
        """All that was said, whole."""
        details = [detail for scope in self.scopes for _, detail in scope.findings]
        return [*details, *(text for _, text in self.unmapped)]

    def record(self, clean: Callable[[str], str] = str) -> TestRecord:
        """The record of the test; anything but a clean set-up, call and tear-down is no pass.

        Args:
            clean: Takes secrets out of a text. It sees the whole text as it was raised: on one line, or cut off, a
                secret can no more be told.
        """
        if self.passed:
            return TestRecord(self.test.nodeid, TestState.PASSED)
        raised = dict.fromkeys(finding for scope in self.scopes for finding in scope.findings)
        findings = tuple(dict.fromkeys((code, _cut(clean(detail))) for code, detail in raised))
        unmapped = "; ".join(_shown(what, clean(text)) for what, text in self.unmapped)
        state, detail = self._not_passed(unmapped, has_findings=bool(findings))
        return TestRecord(self.test.nodeid, state, findings, detail)

    def _not_passed(self, unmapped: str, *, has_findings: bool) -> tuple[TestState, str]:
        calls = [report for report in self.reports if report.when == "call" and not _is_subtest(report)]
        expected = [report for report in self.reports if hasattr(report, "wasxfail")]
        skipped = [report for report in self.reports if report.skipped and not hasattr(report, "wasxfail")]
        if expected:
            return (
                TestState.XFAILED,
                f"marked as expected to fail: {expected[0].wasxfail or 'no reason given'}",
            )
        if self.unmapped:
            return TestState.ERRORED, unmapped
        if skipped:
            return TestState.SKIPPED, _skip_reason(skipped[0])
        ends = ["passed" if report.passed else "failed" for report in calls]
        if len(set(ends)) > 1:
            return TestState.FLIPPED, f"run again, it ended {' then '.join(ends)}"
        if has_findings:
            return TestState.BLOCKED, ""
        if not calls or not self.body.calls:
            return TestState.NOT_RUN, "the test function was not called"
        return TestState.ERRORED, "its reports do not show a clean set-up, call and tear-down"


PROTOCOL_KEY = pytest.StashKey[Protocol]()
"""What happened so far to the verifier that runs."""


def _is_subtest(report: pytest.TestReport) -> bool:
    """Whether a report is about a part of a test; pytest 9, and pytest-subtests before it, give those a context."""
    return hasattr(report, "context")


def _cut(detail: str) -> str:
    return detail if len(detail) <= _FINDING_LIMIT else detail[:_FINDING_LIMIT] + " …"


def _shown(what: str, text: str) -> str:
    line = " ".join(text.split())[:_DETAIL_LIMIT]
    return f"{what}: {line}" if line else what


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"skipped: {reason.removeprefix('Skipped: ')}"
