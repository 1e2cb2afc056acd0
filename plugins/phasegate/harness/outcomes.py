"""From pytest's reports of one test to the record that a verdict is computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from phasegate.evidence.canonical import encodable
from phasegate.harness.marks import VerifierTest
from phasegate.scope import Scope
from phasegate.verdict import TestRecord, TestState

_DETAIL_LIMIT = 600
_FINDING_LIMIT = 2_000
_CLEAN = [("setup", "passed"), ("call", "passed"), ("teardown", "passed")]


@dataclass(slots=True)
class Protocol:
    """What happened while one item's protocol ran; a rerun of it is part of the same protocol.

    Attributes:
        test: The verifier test.
        scopes: One scope for each time that the test function was called.
        reports: The reports of every phase, in order.
        unmapped: What each exception was that is no blocker of the verifier, and all that it said.
        failed_for_findings: Whether the exception on its way is ours, raised because a scope has findings.
    """

    test: VerifierTest
    scopes: list[Scope] = field(default_factory=list)
    reports: list[pytest.TestReport] = field(default_factory=list)
    unmapped: list[tuple[str, str]] = field(default_factory=list)
    failed_for_findings: bool = False

    def new_scope(self) -> Scope:
        """A fresh scope, for one call of the test function."""
        scope = Scope(self.test.gate, self.test.verifier)
        self.scopes.append(scope)
        return scope

    def note_exception(self, when: str, error: BaseException) -> None:
        """Takes the exception that ended a phase: a sole-blocker assertion is a finding, the rest unmapped."""
        if self.failed_for_findings or isinstance(error, pytest.skip.Exception):
            self.failed_for_findings = False
            return
        scope = self.scopes[-1] if self.scopes else None
        if when == "call" and scope is not None and scope.sole_code and isinstance(error, AssertionError):
            scope.record(scope.sole_code, str(error))
            return
        self.unmapped.append((f"{when}: {type(error).__name__}", encodable(str(error))))

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
        raised = dict.fromkeys(finding for scope in self.scopes for finding in scope.findings)
        findings = tuple(dict.fromkeys((code, _cut(clean(detail))) for code, detail in raised))
        unmapped = "; ".join(_shown(what, clean(text)) for what, text in self.unmapped)
        state, detail = self._state(unmapped, has_findings=bool(findings))
        return TestRecord(self.test.nodeid, state, findings, detail)

    def _state(self, unmapped: str, *, has_findings: bool) -> tuple[TestState, str]:
        clean = [(report.when, report.outcome) for report in self.reports] == _CLEAN
        if clean and not has_findings and not self.unmapped and not hasattr(self.reports[1], "wasxfail"):
            return TestState.PASSED, ""
        calls = [report for report in self.reports if report.when == "call"]
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
        if not calls:
            return TestState.NOT_RUN, "the test function was not called"
        return TestState.ERRORED, "its reports do not show a clean set-up, call and tear-down"


def _cut(detail: str) -> str:
    return detail if len(detail) <= _FINDING_LIMIT else detail[:_FINDING_LIMIT] + " …"


def _shown(what: str, text: str) -> str:
    line = " ".join(text.split())[:_DETAIL_LIMIT]
    return f"{what}: {line}" if line else what


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"skipped: {reason.removeprefix('Skipped: ')}"
