"""Keeps secrets out of pytest's reports: what a report says is what terminal, JUnit and Allure show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.evidence.canonical import encodable

if TYPE_CHECKING:
    from phasegate.evidence.secrets import Leak, SecretScanner

WITHHELD = "(withheld: it holds a secret)"


def clean_report(report: pytest.TestReport, scanner: SecretScanner) -> list[Leak]:
    """Replaces each part of a report that holds a secret: the failure's text, captured output, user properties.

    Args:
        report: The report of one phase of one test; changed in place.
        scanner: Knows what is secret.

    Returns:
        What was found and where; no part of any value.
    """
    leaks: list[Leak] = []

    def holds_secret(place: str, text: str) -> bool:
        found = scanner.scan(f"{place} of a test's {report.when}", encodable(text).encode("utf-8")) if text else ()
        leaks.extend(found)
        return bool(found)

    if report.longrepr is not None and holds_secret("the failure text", report.longreprtext or str(report.longrepr)):
        # A skip is told by a triple of file, line and reason, anything else by a text.
        skipped = isinstance(report.longrepr, tuple)
        report.longrepr = (*report.longrepr[:2], WITHHELD) if skipped else WITHHELD  # type: ignore[index]
    report.sections = [
        (name, WITHHELD) if holds_secret(name.lower(), text) else (name, text) for name, text in report.sections
    ]
    report.user_properties = [
        (name, WITHHELD) if holds_secret(f"the property {name}", str(value)) else (name, value)
        for name, value in report.user_properties
    ]
    return leaks
