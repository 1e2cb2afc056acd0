"""What the functions of verifiers begin, and must see the end of: threads, futures and child processes.

A check that still runs when its gate is judged has said nothing yet, and nobody would hear it. So each of them is
noted when it begins, with the scope that was open, and those that have not ended are charged to their verifiers.

What a fixture begins may run on: it is no check, and its fixture ends it.
"""

from __future__ import annotations

import _thread
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.process import BaseProcess
from os import getpid  # now: a test may put another function there
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from phasegate.harness.replaced import Replaced
from phasegate.printable import text_of
from phasegate.scope import Scope, note, open_scope

_SERVING = frozenset({"concurrent.futures.thread", "concurrent.futures.process", "multiprocessing.queues"})
"""Modules whose threads and processes serve futures and queues, and wait for work when they have none."""
_GRACE = 1.0
"""Seconds that what is about to end has to end in."""


class Line:
    """A pipe whose other end a child process and its own children hold for as long as they live.

    It is seen of a child that nobody waits for, and of one that left its parent behind.
    """

    def __init__(self) -> None:
        self._here, self._there = os.pipe()
        os.set_blocking(self._here, False)
        os.set_inheritable(self._there, True)

    def part(self) -> None:
        """Lets go of the children's end, once they have it."""
        os.close(self._there)

    def is_held(self) -> bool:
        """Whether anybody holds the children's end."""
        try:
            os.read(self._here, 1)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        """Lets go of this end."""
        os.close(self._here)


class _RawThread:
    """A thread of `_thread`, which has no object of its own."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self.ended = False

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        try:
            self._function(*args, **kwargs)
        finally:
            self.ended = True


Work = Thread | _RawThread | Future[Any] | BaseProcess | subprocess.Popen[Any] | Line


class Begun:
    """Stands, while gates run, where Python begins such work.

    Attributes:
        over: Whether all gates are judged: what a thread raises now is shown to no scanner, and so to nobody.
    """

    def __init__(self) -> None:
        self.over = False
        self._work: WeakKeyDictionary[Work, Scope] = WeakKeyDictionary()
        self._held: list[Work] = []
        self._replaced = Replaced()
        self._starts_process = False

    def start(self) -> None:
        """Takes its place."""
        put = self._replaced.replace
        put(Thread, "start", self._thread)
        put(_thread, "start_new_thread", self._raw_thread)
        put(_thread, "start_joinable_thread", self._raw_thread)
        put(Future, "__init__", self._future)
        put(BaseProcess, "start", self._process)
        put(subprocess.Popen, "__init__", self._command)
        for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp"):
            put(os, name, self._child)

    def stop(self) -> None:
        """Leaves everything as it was."""
        self._replaced.restore()

    def unfinished(self) -> None:
        """Charges verifiers with what they began and what still runs, after a moment of grace."""
        running = self._running()
        end = time.monotonic() + _GRACE
        while running and time.monotonic() < end:
            time.sleep(0.01)
            running = self._running()
        for work, scope in running.items():
            scope.note(f"{_kind(work)} of it still runs: wait for its end, or begin it in a fixture that ends it")
        for work in self._held:
            if isinstance(work, Line):
                work.close()
        self._work.clear()
        self._held.clear()

    def _running(self) -> dict[Work, Scope]:
        return {work: scope for work, scope in tuple(self._work.items()) if _runs(work)}

    def _note(self, work: Work, scope: Scope | None, *, hold: bool = False) -> None:
        if scope is not None:
            self._work[work] = scope
            if hold:
                self._held.append(work)

    def _thread(self, original: Any) -> Any:
        def start(thread: Thread) -> None:
            scope = open_scope()
            serves = _serves(thread)
            thread.run = self._heard(thread.run, scope)  # type: ignore[method-assign]
            original(thread)
            if not serves:
                self._note(thread, scope)

        return start

    def _heard(self, run: Callable[[], None], scope: Scope | None) -> Callable[[], None]:
        """What a thread runs, so that its exception counts, whatever stands in `threading.excepthook`."""

        def heard() -> None:
            try:
                run()
            except SystemExit:
                raise
            except BaseException as error:
                if self.over:
                    raise RuntimeError(_late(error)) from None
                (scope.note if scope is not None else note)(f"in a thread: {type(error).__name__}: {text_of(error)}")
                raise

        return heard

    def _raw_thread(self, original: Any) -> Any:
        def start(function: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
            work = _RawThread(function)
            self._note(work, open_scope(), hold=True)
            return original(work, *args, **kwargs)

        return start

    def _future(self, original: Any) -> Any:
        def begin(future: Future[Any]) -> None:
            original(future)
            self._note(future, open_scope())

        return begin

    def _process(self, original: Any) -> Any:
        def start(process: BaseProcess) -> None:
            scope = open_scope()
            if scope is not None:
                scope.address()
            serves = _serves(process)
            self._starts_process = True
            try:
                original(process)
            finally:
                self._starts_process = False
            if not serves:
                self._note(process, scope)

        return start

    def _command(self, original: Any) -> Any:
        def begin(command: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:
            scope = open_scope()
            if scope is not None:
                address = scope.address()
                if kwargs.get("env") is not None:
                    kwargs["env"] = {**kwargs["env"], **address}
            original(command, *args, **kwargs)
            self._note(command, scope, hold=True)

        return begin

    def _child(self, original: Any) -> Any:
        def begin(*args: Any, **kwargs: Any) -> Any:
            scope = open_scope()
            if scope is None or self._starts_process:
                return original(*args, **kwargs)
            parent, line = getpid(), Line()
            try:
                return original(*args, **kwargs)
            finally:
                if getpid() == parent:
                    line.part()
                    self._note(line, scope, hold=True)

        return begin


def _serves(work: Thread | BaseProcess) -> bool:
    """Whether Python itself has a thread or process, not yet begun, for futures or queues."""
    target = getattr(work, "_target", None)
    return type(work).__module__ in _SERVING or getattr(target, "__module__", None) in _SERVING


def _runs(work: Work) -> bool:
    match work:
        case Thread() | BaseProcess():
            return work.is_alive()
        case Future():
            return not work.done()
        case subprocess.Popen():
            return work.poll() is None
        case Line():
            return work.is_held()
        case _RawThread():
            return not work.ended


def _kind(work: Work) -> str:
    match work:
        case Thread() | _RawThread():
            return "a thread"
        case Future():
            return "a future"
        case _:
            return "a child process"


def _late(error: BaseException) -> str:
    return f"{type(error).__name__}, in a thread that outlived its session; its text is not shown: nothing searched it"
