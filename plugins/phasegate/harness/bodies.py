"""What the function of a verifier itself did, noted where nobody stands between: around the function.

pytest's reports come through the hooks of every plugin and conftest, and any of them can turn a failure into a pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
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

    def reporting(self, name: str, _: object, given: Mapping[str, Any]) -> None:
        """Takes, ahead of every plugin, what is about to be reported while the function runs."""
        error = given["call"].excinfo if name == "pytest_runtest_makereport" else None
        if error is not None:
            self.parts.append(error.value)

    def noting(self, real: Callable[..., Any], ended: Callable[[], None]) -> Callable[..., Any]:
        """A function in place of a test's own.

        Args:
            real: The function of the test.
            ended: Called when it has ended, before anything else is.
        """
        if inspect.iscoroutinefunction(real):

            @wraps(real)
            async def noting_async(*args: Any, **kwargs: Any) -> None:
                __tracebackhide__ = True
                with _Call(self, ended):
                    self._returns(await real(*args, **kwargs))

            return noting_async

        @wraps(real)
        def noting(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            with _Call(self, ended):
                self._returns(real(*args, **kwargs))

        return noting

    def _returns(self, value: object) -> None:
        if value is None:
            return
        self.returned.append(type(value).__name__)
        if inspect.iscoroutine(value):
            value.close()  # it is reported here, and not once more when it is collected


class _Call:
    """One call of the function of a test."""

    __slots__ = ("_body", "_ended")

    def __init__(self, body: Body, ended: Callable[[], None]) -> None:
        self._body = body
        self._ended = ended

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._body.raised.append(error)
        self._body.calls += 1
        self._ended()


class Watched:
    """Notes in a body, while it is open, what the function of an item does.

    Args:
        body: Takes what it does.
        item: A test.
        ended: Called when the function has ended, before anything else is.
    """

    __slots__ = ("_item", "_name", "_owner", "_real", "_stop", "_with")

    def __init__(self, body: Body, item: pytest.Item, ended: Callable[[], None]) -> None:
        self._item = item
        self._with = body, ended

    def __enter__(self) -> None:
        body, ended = self._with
        self._owner, self._name = _place(self._item)
        self._real = getattr(self._owner, self._name)
        setattr(self._owner, self._name, body.noting(self._real, ended))
        self._stop = None
        if _may_have_parts(self._item):
            manager = self._item.config.pluginmanager
            self._stop = manager.add_hookcall_monitoring(body.reporting, lambda *_: None)

    def __exit__(self, *_: object) -> None:
        if self._stop is not None:
            self._stop()
        setattr(self._owner, self._name, self._real)


def _may_have_parts(item: pytest.Item) -> bool:
    """Whether the function of a test can report parts of it: a fixture gives it subtests, or `unittest` does."""
    return not isinstance(item, pytest.Function) or item.cls is not None or bool(item.fixturenames)


def _place(item: pytest.Item) -> tuple[object, str]:
    """Where pytest takes the function of a test from when it calls it."""
    if not isinstance(item, pytest.Function):
        return item, "runtest"
    case = getattr(item.obj, "__self__", None)
    if isinstance(case, TestCase) and inspect.iscoroutinefunction(item.obj):
        return case, item.obj.__name__  # unittest itself looks these up
    return item, "obj"
