"""The secret scan: known values in every usual spelling, and the patterns of well-known credentials."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

MIN_KNOWN_LENGTH = 6
"""Shorter values occur by chance and cannot be searched for."""

_PATTERN_DETECTORS = {
    # detect-secrets' detectors with a fixed shape. Its entropy and keyword detectors are left out: digests, ids
    # and key names, of which evidence is full, would be alarms.
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "jwt": "JwtTokenDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "stripe": "StripeDetector",
}


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A secret found where none may be; carries no part of it.

    Attributes:
        place: The artifact that holds it.
        kind: The known value's name and spelling, or the pattern's name.
        digest: First 16 hex digits of the value's SHA-256.
    """

    place: str
    kind: str
    digest: str

    def __str__(self) -> str:
        return f"{self.place} holds a secret: {self.kind} (sha256 {self.digest}…)"


class SecretScanner:
    """Searches bytes for registered values and for the shapes of credentials."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._needles: dict[bytes, tuple[str, str]] = {}

    def register(self, value: str, name: str) -> None:
        """Adds a secret value to search for.

        Args:
            value: The value. Values shorter than `MIN_KNOWN_LENGTH` are not searched for.
            name: What it is, such as the parameter's path; it appears in findings.
        """
        if len(value) < MIN_KNOWN_LENGTH or value in self._known:
            return
        self._known[value] = name
        for spelling, needle in _spellings(value):
            self._needles.setdefault(needle, (f"{name} ({spelling})", _digest(value)))

    def scan(self, place: str, data: bytes) -> tuple[Leak, ...]:
        """Every secret in some bytes.

        Args:
            place: What the bytes are, for findings.
            data: The bytes.
        """
        leaks = {Leak(place, kind, digest) for needle, (kind, digest) in self._needles.items() if needle in data}
        text = data.decode("utf-8", "replace")
        for detector in self._detectors:
            for line in text.splitlines():
                leaks |= {
                    Leak(place, f"pattern {detector.secret_type}", _digest(found))
                    for found in detector.analyze_string(line)
                }
        return tuple(sorted(leaks))

    @cached_property
    def _detectors(self) -> tuple[Any, ...]:
        from importlib import import_module  # noqa: PLC0415 - the patterns are read when something is scanned

        return tuple(
            getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
            for module, name in _PATTERN_DETECTORS.items()
        )


def _spellings(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode("utf-8", "surrogatepass")
    yield "plain", raw
    yield "JSON-escaped", json.dumps(value)[1:-1].encode("ascii")
    yield "JSON-escaped", json.dumps(value, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    yield "hex", raw.hex().encode("ascii")
    yield "hex", raw.hex().upper().encode("ascii")
    yield "URL-encoded", quote(raw, safe="").encode("ascii")
    yield "URL-encoded", quote_plus(raw).encode("ascii")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # Inside a longer text the value may begin at any of three bit offsets; the characters that mix with
            # its neighbours are cut off, and what is left is the same whatever they are.
            coded = encode(b"\0" * shift + raw).rstrip(b"=")
            head = (shift * 8 + 5) // 6
            tail = 0 if (shift + len(raw)) % 3 == 0 else 1
            yield "base64", coded[head : len(coded) - tail]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
