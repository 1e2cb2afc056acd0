"""What functions print becomes log events: one thread reads all their pipes and writes in batches."""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LOG = logging.getLogger("phasegate.substrate")

_CHUNK = 1 << 16
_TICK_SECONDS = 1.0
_MAX_EVENT_BYTES = 262_144 - 26
_BATCH_EVENTS = 1_000

Put = Callable[[str, str, str, str, list[dict[str, Any]]], None]
"""Writes events: account id, region, log group, log stream, events with `timestamp` (ms) and `message`."""


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Where the lines of one process go."""

    account_id: str
    region: str
    group: str
    stream: str


@dataclass(slots=True)
class _Source:
    target: LogTarget
    rest: bytes = b""


class LogPump:
    """Moves lines from pipes to log streams.

    Args:
        put: Writes events.
    """

    def __init__(self, put: Put) -> None:
        self._put = put
        self._tick: Callable[[], None] = lambda: None
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._waiting: list[tuple[LogTarget, str]] = []
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, None)
        self._thread: threading.Thread | None = None

    def each_second(self, tick: Callable[[], None]) -> None:
        """Has something done about once a second, as soon as there was anything to read; for housekeeping."""
        self._tick = tick

    def follow(self, descriptor: int, target: LogTarget) -> None:
        """Reads a pipe until it ends, and closes it then."""
        self._selector.register(descriptor, selectors.EVENT_READ, _Source(target))
        self._wake()

    def say(self, target: LogTarget, message: str) -> None:
        """Adds a line that no process printed."""
        with self._lock:
            self._waiting.append((target, message))
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="function-logs", daemon=True)
                self._thread.start()
        try:
            os.write(self._wake_in, b"\0")
        except BlockingIOError:
            return  # it is full of wakes already

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            batches: defaultdict[LogTarget, list[str]] = defaultdict(list)
            for key, _ in self._selector.select(_TICK_SECONDS):
                if key.data is None:
                    os.read(key.fd, _CHUNK)
                else:
                    batches[key.data.target] += self._lines(key.fd, key.data)
            with self._lock:
                said, self._waiting = self._waiting, []
            for target, message in said:
                batches[target].append(message)
            for target, lines in batches.items():
                self._write(target, lines)
            if time.monotonic() - ticked >= _TICK_SECONDS:
                ticked = time.monotonic()
                self._tick()

    def _lines(self, descriptor: int, source: _Source) -> list[str]:
        data = os.read(descriptor, _CHUNK)
        if not data:
            self._selector.unregister(descriptor)
            os.close(descriptor)
            return [_text(source.rest)] if source.rest else []
        *lines, source.rest = (source.rest + data).split(b"\n")
        if len(source.rest) > _MAX_EVENT_BYTES:
            lines.append(source.rest)
            source.rest = b""
        return [_text(line) for line in lines if line]

    def _write(self, target: LogTarget, lines: list[str]) -> None:
        now = int(time.time() * 1_000)
        for start in range(0, len(lines), _BATCH_EVENTS):
            events = [{"timestamp": now, "message": line} for line in lines[start : start + _BATCH_EVENTS]]
            try:
                self._put(target.account_id, target.region, target.group, target.stream, events)
            except Exception:
                LOG.exception("the log %s cannot be written", target.group)


def _text(line: bytes) -> str:
    return line[:_MAX_EVENT_BYTES].decode("utf-8", "replace")
