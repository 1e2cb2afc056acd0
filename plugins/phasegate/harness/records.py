"""What of a test may stand in its attempt's journal, which outlives the process and what it knows to be secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phasegate.evidence.canonical import encodable
from phasegate.harness.outcomes import Protocol
from phasegate.verdict import TestRecord, TestState

if TYPE_CHECKING:
    from phasegate.attempts import OpenAttempt
    from phasegate.evidence.secrets import SecretScanner


def record_of(protocol: Protocol, attempt: OpenAttempt, scanner: SecretScanner) -> TestRecord:
    """The record of a test; what is secret in what it said blocks the attempt and is withheld."""
    record = protocol.record()
    if record.state is TestState.PASSED and "[" not in record.nodeid:
        return record
    said = [record.detail, *protocol.said(), record.nodeid if "[" in record.nodeid else ""]  # a parameter's value
    from phasegate.attempts.redaction import Redactor  # noqa: PLC0415 - heavy, and no gate, no record
    from phasegate.evidence.secrets import WHAT_IS_RECORDED  # noqa: PLC0415

    leaks = scanner.scan(WHAT_IS_RECORDED, encodable("\n".join(said)).encode("utf-8"))
    attempt.leaked(leaks)
    if not leaks:
        return record
    redactor = Redactor(scanner)
    return redactor.record(protocol.record(redactor.text))


def without_secrets(record: TestRecord, attempt: OpenAttempt, scanner: SecretScanner) -> TestRecord:
    """A record whose texts are all that was said, likewise."""
    from phasegate.attempts.redaction import Redactor  # noqa: PLC0415 - heavy, and no late report, no need
    from phasegate.evidence.secrets import WHAT_IS_RECORDED  # noqa: PLC0415

    attempt.leaked(scanner.scan(WHAT_IS_RECORDED, encodable(record.detail).encode("utf-8")))
    return Redactor(scanner).record(record)
