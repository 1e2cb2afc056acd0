"""The secret scan: known values in every usual spelling, and the patterns of well-known credentials."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

MIN_KNOWN_LENGTH = 6
"""Shorter values occur by chance and cannot be searched for."""

WHAT_IS_RECORDED = "what the verifiers recorded"
"""The place of a leak in metrics, details and findings."""

MIN_ENVIRONMENT_LENGTH = 8
_SENSITIVE = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_KEY|API_?KEY|ACCESS_KEY|CREDENTIALS?$")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_ESCAPE = re.compile(
    rb"""\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(["'\\/bfnrt])"""
)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_MARGIN = re.compile(rb"(?m)^(?:E[ \t])?[ \t]*[-+?>]?[ \t]+")
"""What a report puts before the lines of a value: pytest's mark of an error, the sign of a difference."""

_UNWRAPPINGS = 4
"""How often JSON in JSON in JSON is unwrapped before it is searched."""

_LONG, _PART = 200, 64
"""From how many characters on a value is shown without its middle, and how much of its ends is searched for."""

_PIECE, _OVERLAP = 8_192, 4_096
"""Bytes of a long line that patterns look at in one go: some take time quadratic in it."""

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
        self._known: set[str] = set()
        self._needles: dict[bytes, tuple[str, str]] = {}

    def register(self, value: str, name: str) -> None:
        """Adds a secret value to search for.

        Args:
            value: The value. Values shorter than `MIN_KNOWN_LENGTH` are not searched for, nor are twelve digits:
                an account id, which may serve as an access key, stands in every ARN and is no secret.
            name: What it is, such as the parameter's path; it appears in findings.
        """
        value = value.strip()  # a line's end belongs to the file that it was read from
        if len(value) < MIN_KNOWN_LENGTH or value in self._known or _ACCOUNT_ID.fullmatch(value):
            return
        self._known.add(value)
        for spelling, needle in _spellings(value):
            self._needles.setdefault(needle, (f"{name} ({spelling})", _digest(value)))
            if len(needle) > _LONG:
                for part in (needle[:_PART], needle[-_PART:]):
                    self._needles.setdefault(part, (f"{name} ({spelling}, in part)", _digest(value)))

    def register_environment(self, environment: Mapping[str, str]) -> None:
        """Adds the values of the environment's variables whose names say that they are secret.

        Paths are left out (`…_FILE` and the like name where a secret lies), and so are values shorter than
        `MIN_ENVIRONMENT_LENGTH`, which are words as often as keys.
        """
        for name, value in environment.items():
            if _SENSITIVE.search(name.upper()) and len(value) >= MIN_ENVIRONMENT_LENGTH and not value.startswith("/"):
                self.register(value, f"${name}")

    def scan(self, place: str, data: bytes) -> tuple[Leak, ...]:
        """Every secret in some bytes.

        Args:
            place: What the bytes are, for findings.
            data: The bytes.
        """
        readings = _unwrapped(data)
        folded = _folded(readings) if self._needles else []
        leaks = {
            Leak(place, kind, digest)
            for needle, (kind, digest) in tuple(self._needles.items())  # a thread may register meanwhile
            if any(needle in reading for reading in folded)
        }
        for reading in readings:
            text = "\n".join(_pieces(reading.decode("utf-8", "replace")))
            for detector in self._detectors:
                leaks |= {
                    Leak(place, f"pattern {detector.secret_type}", _digest(found))
                    for found in detector.analyze_string(text)
                }
        return tuple(sorted(leaks))

    @cached_property
    def _detectors(self) -> tuple[Any, ...]:
        from importlib import import_module  # noqa: PLC0415 - the patterns are read when something is scanned

        return tuple(
            getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
            for module, name in _PATTERN_DETECTORS.items()
        )


def _unwrapped(data: bytes) -> list[bytes]:
    """The bytes, and what they are once the escapes of JSON and Python, of JSON in JSON and so on are read away.

    A value may stand in a JSON text inside a JSON string, with any of its characters escaped or none; this finds
    it however it was written.
    """
    readings = [data]
    while b"\\" in readings[-1] and len(readings) <= _UNWRAPPINGS:
        readings.append(_ESCAPE.sub(_unescape, readings[-1]))
    return readings


def _folded(readings: Sequence[bytes]) -> list[bytes]:
    """The readings, those without URL escapes or a report's margin, and those whose lines are joined, each once."""
    found = [*readings]
    found += [_MARGIN.sub(b"", known) for known in readings if b"\n" in known]
    found += [unquote_to_bytes(known.replace(b"+", b" ")) for known in readings if b"%" in known or b"+" in known]
    found += [known.translate(None, b" \t\r\n") for known in found]
    return list(dict.fromkeys(found))


def _unescape(match: re.Match[bytes]) -> bytes:
    high, low, code, byte, single = match.groups()
    if single is not None:
        return _ESCAPED.get(single, single)
    if byte is not None:
        return bytes.fromhex(byte.decode("ascii"))
    units = bytes.fromhex((code or high + low).decode("ascii"))
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


def _pieces(text: str) -> Iterator[str]:
    for line in text.replace('",', '",\n').splitlines():
        for start in range(0, len(line), _PIECE):
            yield line[start : start + _PIECE + _OVERLAP]


def _spellings(value: str) -> Iterator[tuple[str, bytes]]:
    raw = value.encode("utf-8", "surrogatepass")
    yield "plain", raw
    yield "hex", raw.hex().encode("ascii")
    yield "hex", raw.hex().upper().encode("ascii")
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
