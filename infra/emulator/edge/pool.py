"""Warm processes, by version of a function, and who may have one."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from infra.emulator.edge.functions import Function
from infra.emulator.edge.worker import Worker

MAX_WORKERS_OF_A_FUNCTION: Final = 8
MAX_WORKERS: Final = 24
IDLE_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 0.1
"""How long a caller waits for a busy process before another one is started, once each core has one."""


class Pool:
    """Processes that wait for events.

    Args:
        start: Starts a process for a function.
    """

    def __init__(self, start: Callable[[Function], Worker]) -> None:
        self._start = start
        self._idle: defaultdict[tuple[str, str], list[Worker]] = defaultdict(list)
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._changed = threading.Condition()

    def take(self, function: Function, until: float) -> Worker | None:
        """A process of this version of the function, for one caller.

        Args:
            function: What it must run.
            until: How long to wait for one, in seconds of the monotonic clock.

        Returns:
            The process; None where none was free in time.
        """
        version = function.version
        patient_until = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            self._retire(lambda worker: worker.version[0] == version[0] and worker.version != version)
            while True:
                while self._idle[version]:
                    worker = self._idle[version].pop()
                    if worker.alive:
                        return worker
                    self._drop(worker)
                now = time.monotonic()
                count = self._counts[version]
                hasty = count < (os.cpu_count() or 1) or now >= patient_until
                if hasty and count < MAX_WORKERS_OF_A_FUNCTION and self._has_room():
                    self._counts[version] += 1
                    break
                if now >= until:
                    return None
                self._changed.wait(min(until - now, PATIENCE_SECONDS))
        try:
            return self._start(function)
        except BaseException:
            self._forget(version)
            raise

    def give_back(self, worker: Worker) -> None:
        """Takes a process back that waits for the next event."""
        with self._changed:
            worker.idle_since = time.monotonic()
            self._idle[worker.version].append(worker)
            self._changed.notify()

    def discard(self, worker: Worker) -> None:
        """Ends a process that is of no more use."""
        worker.end()
        self._forget(worker.version)

    def expire(self) -> None:
        """Ends the processes that nobody wanted for a while."""
        before = time.monotonic() - IDLE_SECONDS
        with self._changed:
            self._retire(lambda worker: worker.idle_since < before)

    def _forget(self, version: tuple[str, str]) -> None:
        with self._changed:
            self._counts[version] -= 1
            self._changed.notify()

    def _has_room(self) -> bool:
        """Whether one more process may run; the one that idled longest makes room for it."""
        if sum(self._counts.values()) < MAX_WORKERS:
            return True
        idle = [worker for workers in self._idle.values() for worker in workers]
        if not idle:
            return False
        oldest = min(idle, key=lambda worker: worker.idle_since)
        self._retire(lambda worker: worker is oldest)
        return True

    def _retire(self, unwanted: Callable[[Worker], bool]) -> None:
        for version, workers in list(self._idle.items()):
            for worker in [worker for worker in workers if unwanted(worker)]:
                workers.remove(worker)
                self._drop(worker)
            if not workers and not self._counts[version]:
                del self._idle[version], self._counts[version]

    def _drop(self, worker: Worker) -> None:
        worker.end()
        self._counts[worker.version] -= 1
