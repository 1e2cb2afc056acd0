"""What a report says of a verifier beside pytest's own words: gate, verifier, blockers and attempt."""

from __future__ import annotations

import pytest

from phasegate.harness.marks import TEST_KEY, VerifierTest
from phasegate.harness.outcomes import PROTOCOL_KEY

_CODES_KEY = pytest.StashKey[set[str]]()


def describe(item: pytest.Item, report: pytest.TestReport) -> None:
    """Adds `gate`, `verifier`, `blockers` and `execution_id` to the properties of a verifier's report.

    Blockers are the codes that the test raised so far, separated by commas: where a phase of it failed and raised none,
    the gate's code for what no blocker describes, where it was skipped, that of what was not evaluated.
    The execution id is left out where no attempt could be opened.
    """
    test = item.stash.get(TEST_KEY, None)
    if test is not None:
        codes = item.stash.setdefault(_CODES_KEY, set())  # readers take the last report of a test, its tear-down's
        codes |= set(_codes(item, report, test))
        said = ",".join(sorted(codes))
        report.user_properties += [("gate", test.gate.id), ("verifier", test.verifier.id), ("blockers", said)]
        protocol = item.stash.get(PROTOCOL_KEY, None)
        if protocol is not None and protocol.execution_id is not None:
            report.user_properties.append(("execution_id", protocol.execution_id))


def _codes(item: pytest.Item, report: pytest.TestReport, test: VerifierTest) -> list[str]:
    protocol = item.stash.get(PROTOCOL_KEY, None)
    scopes = protocol.scopes if protocol is not None else ()
    raised = sorted({code for scope in scopes for code, _ in scope.findings})
    if report.failed and not raised:
        return [test.gate.unmapped_code]
    return [test.gate.not_evaluated_code] if report.skipped else raised
