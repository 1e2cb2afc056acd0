"""Runs a function for whoever asks: the edge, the Lambda API, a task of a state machine."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from infra.emulator.edge.functions import Function
from infra.emulator.edge.logs import LogPump
from infra.emulator.edge.packages import CodeRoots, PackageError
from infra.emulator.edge.pool import Pool
from infra.emulator.edge.worker import Worker, WorkerGoneError

ACCOUNT_CONCURRENCY: Final = 1_000
"""How many invocations of a function without a reservation run at once, as in a new account."""


class Ending(StrEnum):
    """How an invocation ended for its caller."""

    RETURNED = "RETURNED"
    FAILED = "FAILED"
    """The handler raised, ran out of time or memory, or its process ended."""
    THROTTLED = "THROTTLED"
    """As many as may run at once are running."""
    LEFT = "LEFT"
    """The caller's time was over first; the function goes on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an invocation.

    Attributes:
        ending: How it ended.
        payload: The result, or the error, as JSON; empty where there is neither.
    """

    ending: Ending
    payload: bytes = b""


class Invoker:
    """Runs functions in warm processes and keeps their concurrency.

    Args:
        folder: Where deployment packages are unpacked.
        endpoint_url: The substrate, which every AWS call of a function goes to.
        logs: Takes what functions print.
    """

    def __init__(self, folder: Path, endpoint_url: str, logs: LogPump) -> None:
        self._roots = CodeRoots(folder)
        self._endpoint_url = endpoint_url
        self._logs = logs
        self._pool = Pool(self._start)
        self._lock = threading.Lock()
        self._running: defaultdict[str, int] = defaultdict(int)

    def invoke(self, function: Function, payload: bytes, request_id: str, wait_s: float | None = None) -> Outcome:
        """Runs a function once.

        Args:
            function: The function; it must be runnable.
            payload: The event as JSON.
            request_id: The invocation's id.
            wait_s: How long the caller waits; None for as long as the function may take.
        """
        if not self._enter(function):
            return Outcome(Ending.THROTTLED)
        call = _Call(function, request_id, time.monotonic(), wait_s)
        handed_over = False
        try:
            worker = self._pool.take(function, call.left_at)
            if worker is None:
                return Outcome(Ending.LEFT)
            try:
                worker.send(request_id, function.arn, time.time() + function.timeout_s, payload)
                call.ends_at = time.monotonic() + function.timeout_s
                answer = worker.receive(min(call.left_at, call.ends_at))
            except WorkerGoneError:
                return self._gone(worker, call)
            if answer is None and call.left_at < call.ends_at:
                handed_over = True
                threading.Thread(target=self._finish, args=(worker, call), daemon=True).start()
                return Outcome(Ending.LEFT)
            return self._settle(worker, call, answer)
        except PackageError as error:
            return _failed("Runtime.InvalidPackage", str(error))
        finally:
            if not handed_over:
                self._leave(function)

    def expire(self) -> None:
        """Ends processes that nobody wanted for a while."""
        self._pool.expire()

    def _start(self, function: Function) -> Worker:
        root = self._roots.acquire(function)
        try:
            return Worker(function, root, self._endpoint_url, self._logs, ended=lambda: self._roots.release(root))
        except BaseException:
            self._roots.release(root)
            raise

    def _finish(self, worker: Worker, call: _Call) -> None:
        """Sees an invocation to its end that nobody waits for any more."""
        try:
            self._settle(worker, call, worker.receive(call.ends_at))
        except WorkerGoneError:
            self._gone(worker, call)
        finally:
            self._leave(call.function)

    def _settle(self, worker: Worker, call: _Call, answer: tuple[bool, bytes] | None) -> Outcome:
        if answer is None:
            message = f"RequestId: {call.request_id} Error: Task timed out after {call.function.timeout_s:.2f} seconds"
            self._logs.say(worker.target, message)
            self._pool.discard(worker)
            return _failed("Sandbox.Timedout", message)
        self._pool.give_back(worker)
        returned, payload = answer
        return Outcome(Ending.RETURNED if returned else Ending.FAILED, payload)

    def _gone(self, worker: Worker, call: _Call) -> Outcome:
        code = worker.exit_code()
        self._pool.discard(worker)
        what = f"signal: {-code}" if code < 0 else f"exit status {code}"
        message = f"RequestId: {call.request_id} Error: Runtime exited with error: {what}"
        self._logs.say(worker.target, message)
        return _failed("Runtime.ExitError", message)

    def _enter(self, function: Function) -> bool:
        allowed = ACCOUNT_CONCURRENCY if function.reserved is None else function.reserved
        with self._lock:
            if self._running[function.arn] >= allowed:
                return False
            self._running[function.arn] += 1
            return True

    def _leave(self, function: Function) -> None:
        with self._lock:
            self._running[function.arn] -= 1


class _Call:
    """One invocation: whose it is, when its caller leaves, when its time is over."""

    def __init__(self, function: Function, request_id: str, start: float, wait_s: float | None) -> None:
        self.function = function
        self.request_id = request_id
        self.ends_at = start + function.timeout_s
        self.left_at = float("inf") if wait_s is None else start + wait_s


def _failed(kind: str, message: str) -> Outcome:
    return Outcome(Ending.FAILED, json.dumps({"errorType": kind, "errorMessage": message}).encode())
