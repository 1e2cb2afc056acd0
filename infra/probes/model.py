"""What a probe is, and the closed vocabulary in which it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from infra.clients import Clients


class Group(StrEnum):
    """What a probe looks at."""

    STREAM_EDGE_STORAGE = "stream_edge_storage"
    DATASTORE = "datastore"
    OBSERVABILITY = "observability"
    LANE_HEALTH = "lane_health"
    INGRESS_HEALTH = "ingress_health"
    INGRESS_BINDING = "ingress_binding"
    ORCHESTRATOR_BINDING = "orchestrator_binding"


class ProbeStatus(StrEnum):
    """How a probe ended: the surface holds, does not hold, or could not be looked at."""

    PASS = "PASS"  # noqa: S105 - a status
    FAIL = "FAIL"
    ERROR = "ERROR"


class ErrorClass(StrEnum):
    """Why a probe did not pass."""

    NOT_FOUND = "NOT_FOUND"
    ACCESS_DENIED = "ACCESS_DENIED"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    CLOCK_SKEWED = "CLOCK_SKEWED"
    """This machine's clock is wrong, so that no service takes what it signs."""
    UNREACHABLE = "UNREACHABLE"
    BAD_STATE = "BAD_STATE"
    """It exists, and is not in the state that its lane needs."""
    BAD_FORM = "BAD_FORM"
    """A value has not the form that its use needs."""
    INVALID_REQUEST = "INVALID_REQUEST"
    """The service cannot understand what the handle names."""
    SERVICE_ERROR = "SERVICE_ERROR"
    """The service failed, or gave an answer that is none of its own."""
    UNRESOLVED_HANDLE = "UNRESOLVED_HANDLE"
    UNSUPPORTED_BY_SUBSTRATE = "UNSUPPORTED_BY_SUBSTRATE"
    """The embedded substrate has no such operation."""
    SUBSTRATE_FAILED = "SUBSTRATE_FAILED"
    """The embedded substrate broke while answering."""
    UNCATEGORISED = "UNCATEGORISED"

    @property
    def about_surface(self) -> bool:
        """Whether it says something about the surface; else nobody looked at it."""
        return self not in _COULD_NOT_LOOK


_COULD_NOT_LOOK: Final = frozenset(
    {
        ErrorClass.CLOCK_SKEWED,
        ErrorClass.UNSUPPORTED_BY_SUBSTRATE,
        ErrorClass.SUBSTRATE_FAILED,
        ErrorClass.UNCATEGORISED,
    }
)


class ProbeFailure(Exception):  # noqa: N818 - a finding about the surface, not a malfunction
    """Raised by a check: the surface answers, and does not hold.

    Attributes:
        error_class: Why.
    """

    def __init__(self, error_class: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error_class = error_class


@dataclass(frozen=True, slots=True)
class Look:
    """What a check works with.

    Attributes:
        clients: The account's clients.
        target: The value of the probe's handle.
        handles: Every resolved handle.
        secret: Reports a secret value that was read, as name and value; it is never part of a result.
    """

    clients: Clients
    target: str
    handles: Mapping[str, Any]
    secret: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """One bounded check of one surface.

    Attributes:
        number: Its number within its gate.
        lane: The lane that needs the surface.
        call: The control-plane call, in the words of the AWS CLI, or the HTTP method.
        target: The handle that names the surface.
        group: What it looks at.
        check: Looks; returns what it saw in a few words, or raises.
        also: Further handles that the check reads; the probe fails without them.
    """

    number: int
    lane: str
    call: str
    target: str
    group: Group
    check: Callable[[Look], str]
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How one probe ended; holds no secret.

    Attributes:
        probe: The probe.
        target: The value of its handle as text; None where the handle has none.
        status: How it ended.
        error_class: Why it did not pass; None where it did.
        detail: What was seen.
        duration_ms: How long it took, in milliseconds.
    """

    probe: Probe
    target: str | None
    status: ProbeStatus
    error_class: ErrorClass | None
    detail: str
    duration_ms: float


def status_of(error_class: ErrorClass) -> ProbeStatus:
    """FAIL where the surface was looked at and does not hold, ERROR where it could not be looked at."""
    return ProbeStatus.FAIL if error_class.about_surface else ProbeStatus.ERROR
