"""Runs probes side by side, each within its bound, and reports every one of them in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from queue import Empty, Queue
from typing import Any

from infra.clients import Clients
from infra.probes.classify import classify
from infra.probes.model import ErrorClass, Look, Probe, ProbeResult, ProbeStatus, status_of

DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_CONCURRENCY = 8
_DETAIL_LIMIT = 300


def run_probes(
    probes: Sequence[Probe],
    clients: Clients,
    handles: Mapping[str, Any],
    *,
    timeout_s: float = DEFAULT_TIMEOUT_SECONDS,
    concurrency: int = DEFAULT_CONCURRENCY,
) -> tuple[tuple[ProbeResult, ...], tuple[tuple[str, str], ...]]:
    """Runs probes; a probe that does not end in time is a failure, and keeps no other from running.

    Args:
        probes: The probes.
        clients: The account's clients.
        handles: The resolved values of the registry, by name.
        timeout_s: Bound of each probe in seconds, from the moment it starts.
        concurrency: How many run at once.

    Returns:
        One result for each probe, in the given order; and the secret values that probes read, as pairs of name
        and value, for the secret scan.
    """
    run = _Run(probes, clients, handles, timeout_s)
    run.work(concurrency)
    return tuple(run.results[position] for position in range(len(probes))), tuple(sorted(run.secrets))


class _Run:
    def __init__(self, probes: Sequence[Probe], clients: Clients, handles: Mapping[str, Any], timeout_s: float) -> None:
        self._probes = probes
        self._clients = clients
        self._handles = handles
        self._timeout_s = timeout_s
        self._pending: Queue[int] = Queue()
        self._lock = threading.Lock()
        self.secrets: set[tuple[str, str]] = set()
        self.results: dict[int, ProbeResult] = {}

    def work(self, concurrency: int) -> None:
        for position in range(len(self._probes)):
            self._pending.put(position)
        workers = [
            threading.Thread(target=self._worker, name=f"probes-{number}", daemon=True)
            for number in range(max(1, min(concurrency, len(self._probes))))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _worker(self) -> None:
        while True:
            try:
                position = self._pending.get_nowait()
            except Empty:
                return
            result = self._probe(self._probes[position])
            with self._lock:
                self.results[position] = result

    def _probe(self, probe: Probe) -> ProbeResult:
        value = self._handles.get(probe.target)
        start = time.perf_counter()
        if value is None:
            return self._result(probe, None, ErrorClass.UNRESOLVED_HANDLE, f"{probe.target} has no value", start)
        answer: Queue[tuple[ErrorClass | None, str]] = Queue()
        # A thread of its own, abandoned when the time is up: a call that hangs cannot be taken back, and must
        # not hang the gate.
        threading.Thread(target=self._look, args=(probe, value, answer), daemon=True).start()
        try:
            error_class, detail = answer.get(timeout=self._timeout_s)
        except Empty:
            error_class, detail = ErrorClass.TIMEOUT, f"no answer within {self._timeout_s:g} s"
        return self._result(probe, value, error_class, detail, start)

    def _look(self, probe: Probe, value: Any, answer: Queue[tuple[ErrorClass | None, str]]) -> None:
        def note(name: str, secret: str) -> None:
            with self._lock:
                self.secrets.add((name, secret))

        try:
            answer.put((None, probe.check(Look(self._clients, value, self._handles, note))))
        except Exception as error:  # noqa: BLE001 - every failure becomes a class; none vanishes
            answer.put((classify(error), f"{type(error).__name__}: {error}"))

    def _result(
        self, probe: Probe, value: Any, error_class: ErrorClass | None, detail: str, start: float
    ) -> ProbeResult:
        with self._lock:
            secrets = tuple(self.secrets)
        text = " ".join(detail.split())
        for name, secret in secrets:
            text = text.replace(secret, f"({name})")
        return ProbeResult(
            probe=probe,
            target=None if value is None else str(value),
            status=ProbeStatus.PASS if error_class is None else status_of(error_class),
            error_class=error_class,
            detail=text[:_DETAIL_LIMIT],
            duration_ms=round((time.perf_counter() - start) * 1_000, 3),
        )
