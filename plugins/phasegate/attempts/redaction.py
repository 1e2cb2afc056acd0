"""Takes secrets out of what a summary would say, and leaves a word in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from phasegate.evidence.canonical import canonical
from phasegate.evidence.secrets import SecretScanner
from phasegate.verdict import Finding, TestRecord

WITHHELD = "(withheld: it holds a secret)"


class Redactor:
    """Replaces each text in which a scanner finds something.

    Args:
        scanner: Knows what is secret.
    """

    def __init__(self, scanner: SecretScanner) -> None:
        self._scanner = scanner

    def text(self, text: str) -> str:
        """A text, or the word that stands for it."""
        return WITHHELD if self._is_secret(text) else text

    def mapping(self, mapping: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """An object without what is secret in its values; a key that is secret itself is left out."""
        kept: dict[str, JsonValue] = {}
        for key, value in mapping.items():
            if self._is_secret(key):
                continue
            clean = self._value(value)
            # Some patterns tell a secret by the name before it.
            kept[key] = WITHHELD if self._is_secret({key: clean}) else clean
        return kept

    def finding(self, finding: Finding) -> Finding:
        """A finding whose detail holds no secret."""
        return replace(finding, detail=self.text(finding.detail))

    def record(self, record: TestRecord) -> TestRecord:
        """A record whose node id (parameters stand in it) and details hold no secret."""
        return TestRecord(
            nodeid=self.text(record.nodeid),
            state=record.state,
            findings=tuple((code, self.text(detail)) for code, detail in record.findings),
            detail=self.text(record.detail),
        )

    def _value(self, value: JsonValue) -> JsonValue:
        if not self._is_secret(value):
            return value
        if isinstance(value, dict):
            return self.mapping(value)
        if isinstance(value, list):
            items = [self._value(item) for item in value]
            return WITHHELD if self._is_secret(items) else items
        return WITHHELD

    def _is_secret(self, value: JsonValue) -> bool:
        return bool(self._scanner.scan("", canonical(value)))
