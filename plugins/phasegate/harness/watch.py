"""Checks that ended where nobody looked: in raw threads, in dropped futures, in tasks that nobody awaited."""

from __future__ import annotations

import asyncio.runners
import asyncio.tasks
import logging
import sys
import warnings
from concurrent.futures import Future
from types import CoroutineType
from typing import Any

from phasegate.harness.replaced import Replaced
from phasegate.printable import text_of
from phasegate.scope import note

_SAY_ERRORS = ("asyncio", "concurrent.futures")
"""Loggers that alone hear of an exception which nothing else can raise."""
_UNAWAITED = "_warn_unawaited_coroutine"
"""What Python calls where a coroutine ends that nobody awaited; filters of warnings come only behind it."""
_REGISTRY = "_scheduled_tasks" if sys.version_info >= (3, 12) else "_all_tasks"


class Watch(logging.Handler):
    """Stands, while gates run, at the places where Python says such things to nobody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._unseen: dict[Future[Any], BaseException] = {}
        self._replaced = Replaced()

    def start(self) -> None:
        """Takes its place."""
        for name in _SAY_ERRORS:
            logging.getLogger(name).addHandler(self)
        put = self._replaced.replace
        put(Future, "set_exception", self._failing)
        put(Future, "result", self._seen)
        put(Future, "exception", self._seen)
        put(asyncio.runners, "_cancel_all_tasks", self._cancelling)
        put(warnings, _UNAWAITED, self._unawaited)

    def stop(self) -> None:
        """Leaves everything as it was."""
        for name in _SAY_ERRORS:
            logging.getLogger(name).removeHandler(self)
        self._replaced.restore()

    def emit(self, record: logging.LogRecord) -> None:
        """Takes what they log as an error: an exception that nobody retrieved, a callback that failed."""
        error = record.exc_info[1] if record.exc_info else None
        note(f"{record.name}: {record.getMessage().splitlines()[0]}" + (f": {error!r}" if error is not None else ""))

    def settle(self) -> None:
        """Notes the exceptions of futures and tasks that nobody asked for."""
        tasks = getattr(asyncio.tasks, _REGISTRY, ())
        if not self._unseen and not tasks:
            return
        for error in tuple(self._unseen.values()):
            note(f"a future failed and nobody asked for its result: {type(error).__name__}: {text_of(error)}")
        self._unseen.clear()
        # A task that something holds is not logged as unretrieved, and one in a cycle only when memory is collected.
        for task in tuple(tasks):
            if task.done() and task.get_loop().is_closed() and getattr(task, "_log_traceback", False):
                note(f"asyncio: a task failed and nobody asked for its result: {task.exception()!r}")

    def _failing(self, original: Any) -> Any:
        def set_exception(future: Future[Any], exception: BaseException | None) -> None:
            if exception is not None:
                self._unseen[future] = exception
            original(future, exception)

        return set_exception

    def _seen(self, original: Any) -> Any:
        def seen(future: Future[Any], *args: Any, **kwargs: Any) -> Any:
            try:
                return original(future, *args, **kwargs)
            finally:
                self._unseen.pop(future, None)

        return seen

    def _cancelling(self, original: Any) -> Any:
        def cancel_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
            for task in asyncio.all_tasks(loop):
                note(f"asyncio: {task.get_name()} was still pending when its loop ended: {task.get_coro()}")
            original(loop)

        return cancel_all_tasks

    def _unawaited(self, original: Any) -> Any:
        def warn_unawaited(coroutine: CoroutineType[Any, Any, Any]) -> None:
            note(f"asyncio: coroutine {coroutine.__qualname__!r} was never awaited")
            original(coroutine)

        return warn_unawaited
