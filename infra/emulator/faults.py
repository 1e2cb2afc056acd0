"""Faults to order: rules that answer, delay or alter what the emulated AWS says.

A rule names the requests it applies to and what happens to them. The book of rules belongs to the substrate
process; tests and drills write into it through the control path.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, cast

from infra.emulator.aws_request import AwsRequest
from infra.errors import InfraError

FaultKind = Literal["error", "corrupt", "delay", "ignore"]
KINDS: tuple[FaultKind, ...] = ("error", "corrupt", "delay", "ignore")
STATUSES = range(400, 600)
MAX_DELAY_SECONDS = 60.0

DEFAULT_CODES: Mapping[int, str] = {
    400: "ValidationException",
    403: "AccessDenied",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class FaultError(InfraError, ValueError):
    """A fault rule cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. A criterion that is None applies to everything.

    Attributes:
        kind: `error` answers in the emulator's place, which then never sees the request; `corrupt` lets it answer
            and changes the body; `delay` only waits; `ignore` answers that all is well, and does nothing (JSON
            services alone).
        account_id: The world it applies to.
        service: Signing name of the service (`s3`, `kafka`, `states`, `apigateway`, …).
        operation: AWS operation, such as `PutObject`.
        method: HTTP method.
        path: Regular expression found in the decoded path.
        status: HTTP status of an `error`.
        code: AWS error code of an `error`; None gives the usual one of the status.
        message: Message of an `error`.
        times: How many requests it applies to before it is spent; None for all.
        delay_seconds: How long the answer is held back, with every kind.
    """

    kind: FaultKind = "error"
    account_id: str | None = None
    service: str | None = None
    operation: str | None = None
    method: str | None = None
    path: str | None = None
    status: int = 500
    code: str | None = None
    message: str = "injected fault"
    times: int | None = None
    delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        wrong = list(self._mistakes())
        if wrong:
            raise FaultError(
                fact="; ".join(wrong), place="fault rule", remedy="see the attributes of infra.emulator.faults.Fault"
            )

    def _mistakes(self) -> list[str]:
        wrong = []
        if self.kind not in KINDS:
            wrong.append(f"kind is {self.kind!r}, not one of {', '.join(KINDS)}")
        if self.status not in STATUSES:
            wrong.append(f"status {self.status} is no HTTP error (400 to 599)")
        if self.times is not None and self.times < 1:
            wrong.append(f"times is {self.times}, it must be at least 1")
        if not 0 <= self.delay_seconds <= MAX_DELAY_SECONDS:
            wrong.append(f"delay_seconds is {self.delay_seconds}, it must be within 0 and {MAX_DELAY_SECONDS:g}")
        if self.path is not None:
            try:
                re.compile(self.path)
            except re.error as error:
                wrong.append(f"path {self.path!r} is no regular expression: {error}")
        return wrong

    @property
    def error_code(self) -> str:
        """The AWS error code that an `error` answers with."""
        return self.code or DEFAULT_CODES.get(self.status, "InternalError")

    def to_json(self) -> dict[str, Any]:
        """The rule as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Fault:
        """A rule from plain data.

        Raises:
            FaultError: It is no object, has an unknown key, or a value of the wrong type or range.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            surplus = sorted(set(data) - known) if isinstance(data, dict) else [type(data).__name__]
            raise FaultError(
                fact=f"a fault rule knows nothing of {', '.join(map(str, surplus))}",
                place="fault rule",
                remedy=f"use {', '.join(sorted(known))}",
            )
        for name, value in data.items():
            if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
                raise FaultError(
                    fact=f"{name} is {value!r}",
                    place="fault rule",
                    remedy="see the attributes of infra.emulator.faults.Fault",
                )
        return cls(**data)

    def matches(self, request: AwsRequest, account_id: str, operation: Callable[[], str | None]) -> bool:
        """Tell whether the rule applies to a request; the operation is only asked for when it decides."""
        return (
            self.account_id in (None, account_id)
            and self.service in (None, request.service)
            and self.method in (None, request.method)
            and (self.path is None or re.search(self.path, request.path) is not None)
            and (self.operation is None or self.operation == operation())
        )


_TEXT = (str, type(None))
_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "account_id": _TEXT,
    "service": _TEXT,
    "operation": _TEXT,
    "method": _TEXT,
    "path": _TEXT,
    "status": (int,),
    "code": _TEXT,
    "message": (str,),
    "times": (int, type(None)),
    "delay_seconds": (int, float),
}


@dataclass(frozen=True, slots=True)
class FaultStatus:
    """A rule in force, or spent: its id, how often it applied, and how often it still will (None: always)."""

    fault_id: str
    fault: Fault
    hits: int
    remaining: int | None

    def to_json(self) -> dict[str, Any]:
        """The status as plain data."""
        return {
            "fault_id": self.fault_id,
            "fault": self.fault.to_json(),
            "hits": self.hits,
            "remaining": self.remaining,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FaultStatus:
        """A status from plain data, as the control path answers it."""
        return cls(
            fault_id=str(data["fault_id"]),
            fault=Fault.from_json(data["fault"]),
            hits=int(data["hits"]),
            remaining=cast("int | None", data["remaining"]),
        )


class FaultBook:
    """The rules of one substrate; thread-safe. The oldest rule that applies and is not spent wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, FaultStatus] = {}
        self._made = 0

    def add(self, fault: Fault) -> str:
        """Put a rule in force and return its id."""
        with self._lock:
            self._made += 1
            fault_id = f"fault-{self._made}"
            self._entries[fault_id] = FaultStatus(fault_id, fault, 0, fault.times)
            return fault_id

    def clear(self, fault_id: str | None = None, account_id: str | None = None) -> int:
        """Remove one rule, those of one world, or all; returns how many were there."""
        with self._lock:
            gone = [
                key
                for key, entry in self._entries.items()
                if fault_id in (None, key) and account_id in (None, entry.fault.account_id)
            ]
            for key in gone:
                del self._entries[key]
            return len(gone)

    def statuses(self) -> list[FaultStatus]:
        """Every rule, spent ones too, oldest first."""
        with self._lock:
            return list(self._entries.values())

    def take(self, request: AwsRequest, account_id: str, operation: Callable[[], str | None]) -> Fault | None:
        """The rule that applies to a request, counted as used; None if there is none."""
        if not self._entries:
            return None
        with self._lock:
            for key, entry in self._entries.items():
                if entry.remaining != 0 and entry.fault.matches(request, account_id, operation):
                    left = None if entry.remaining is None else entry.remaining - 1
                    self._entries[key] = replace(entry, hits=entry.hits + 1, remaining=left)
                    return entry.fault
        return None


def corrupted(body: bytes) -> bytes:
    """The body with its first byte changed; a text stays text, an empty body gains a byte."""
    if not body:
        return b"#"
    return (b"#" if body[:1] != b"#" else b"%") + body[1:]
