"""What the function of a verifier itself did, noted where nobody stands between: around the function.

pytest's reports come through the hooks of every plugin and conftest, and any of them can turn a failure into a pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from unittest import TestCase

import pytest


@dataclass(slots=True)
class Body:
    """How the function of a test ended, each time that it was called.

    Attributes:
        calls: How often it was called to its end.
        returned: What it returned that is not None, by type.
        raised: What it raised.
        parts: What its subtests raised, which catch it, as they set out to report it.
    """

    calls: int = 0
    returned: list[str] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    parts: list[BaseException] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether it was called, and each time ended by itself and returned nothing."""
        return self.calls > 0 and not self.returned and not self.raised

    @contextmanager
    def watched(self, item: pytest.Item, ended: Callable[[], None]) -> Generator[None, None, None]:
        """Notes what the item's function does while this is open.

        Args:
            item: A test.
            ended: Called when the function has ended, before anything else is.
        """
        owner, name = _place(item)
        real = getattr(owner, name)
        setattr(owner, name, self._noting(real, ended))
        stop = item.config.pluginmanager.add_hookcall_monitoring(self._reporting, lambda *_: None)
        try:
            yield
        finally:
            stop()
            setattr(owner, name, real)

    def _reporting(self, name: str, _: object, given: Mapping[str, Any]) -> None:
        """Takes, ahead of every plugin, what is about to be reported while the function runs."""
        error = given["call"].excinfo if name == "pytest_runtest_makereport" else None
        if error is not None:
            self.parts.append(error.value)

    def _noting(self, real: Callable[..., Any], ended: Callable[[], None]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(real):

            @wraps(real)
            async def noting_async(*args: Any, **kwargs: Any) -> None:
                __tracebackhide__ = True
                with self._one_call(ended):
                    self._returns(await real(*args, **kwargs))

            return noting_async

        @wraps(real)
        def noting(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            with self._one_call(ended):
                self._returns(real(*args, **kwargs))

        return noting

    @contextmanager
    def _one_call(self, ended: Callable[[], None]) -> Generator[None, None, None]:
        __tracebackhide__ = True
        try:
            yield
        except BaseException as error:
            self.raised.append(error)
            raise
        finally:
            self.calls += 1
            ended()

    def _returns(self, value: object) -> None:
        if value is None:
            return
        self.returned.append(type(value).__name__)
        if inspect.iscoroutine(value):
            value.close()  # it is reported here, and not once more when it is collected


def _place(item: pytest.Item) -> tuple[object, str]:
    """Where pytest takes the function of a test from when it calls it."""
    if not isinstance(item, pytest.Function):
        return item, "runtest"
    case = getattr(item.obj, "__self__", None)
    if isinstance(case, TestCase) and inspect.iscoroutinefunction(item.obj):
        return case, item.obj.__name__  # unittest itself looks these up
    return item, "obj"
