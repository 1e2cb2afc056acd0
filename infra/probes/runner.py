"""Runs probes side by side, each within its bound, and reports every one of them in order."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from infra.clients import Clients
from infra.probes.bounded import Ended, run_bounded
from infra.probes.classify import classify, explain
from infra.probes.model import ErrorClass, Look, Probe, ProbeFailure, ProbeResult, ProbeStatus, status_of
from infra.probes.redaction import one_line

DEFAULT_TIMEOUT_SECONDS: Final = 10.0
DEFAULT_CONCURRENCY: Final = 8

Secrets = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted, each pair once."""


def run_probes(
    probes: Sequence[Probe],
    clients: Clients,
    handles: Mapping[str, Any],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_SECONDS,
    concurrency: int = DEFAULT_CONCURRENCY,
) -> tuple[tuple[ProbeResult, ...], Secrets]:
    """Runs probes; a probe that does not end in time is a failure, and keeps no other from running.

    Args:
        probes: The probes.
        clients: The account's clients.
        handles: The resolved values of the registry, by name.
        timeout_s: Bound of each probe in seconds, from the moment it starts.
        concurrency: How many run at once.

    Returns:
        One result for each probe, in the given order; and the secret values that probes read, as pairs of name
        and value, for the secret scan. No result holds one of them.

    Raises:
        ValueError: The bound or the concurrency is not positive.
    """
    seen = _Seen()
    ended = run_bounded(
        [partial(_look, probe, clients, handles, seen) for probe in probes],
        timeout_s=timeout_s,
        concurrency=concurrency,
        name="probe",
    )
    secrets = seen.close()
    embedded = clients.substrate == "embedded"
    results = tuple(
        _result(probe, handles.get(probe.target), end, secrets, embedded=embedded)
        for probe, end in zip(probes, ended, strict=True)
    )
    return results, secrets


class _Seen:
    """The secret values that checks report, from any thread, until the run is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: set[tuple[str, str]] = set()

    def add(self, name: str, value: str) -> None:
        with self._lock:
            self._pairs.add((name, value))

    def close(self) -> Secrets:
        with self._lock:
            return tuple(sorted(self._pairs))


def _look(probe: Probe, clients: Clients, handles: Mapping[str, Any], seen: _Seen) -> str:
    for name in (probe.target, *probe.also):
        value = handles.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise ProbeFailure(ErrorClass.UNRESOLVED_HANDLE, f"{name} has no value")
    target = handles[probe.target]
    if not isinstance(target, str):
        raise ProbeFailure(ErrorClass.BAD_FORM, f"{probe.target} is no text, so it names nothing")

    def secret(name: str, value: str) -> None:
        clients.secret(name, value)
        seen.add(name, value)

    return probe.check(Look(clients, target, handles, secret))


def _result(probe: Probe, target: Any, end: Ended[str], secrets: Secrets, *, embedded: bool) -> ProbeResult:
    error_class = None if end.error is None else classify(end.error, embedded=embedded)
    detail = str(end.value) if end.error is None else explain(end.error, secrets)
    return ProbeResult(
        probe=probe,
        target=None if target is None else one_line(str(target), secrets),
        status=ProbeStatus.PASS if error_class is None else status_of(error_class),
        error_class=error_class,
        detail=one_line(detail, secrets),
        duration_ms=round(end.seconds * 1_000, 3),
    )
