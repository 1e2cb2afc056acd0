"""The functions that were marked for a verifier while their modules were imported, whatever their sources show.

An identifier from another module, or one that is put together, stands in no source of the test. So each function is
noted when the mark is applied to it, and one that nobody collects afterwards was replaced or left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest

from phasegate.catalog.grammar import short_verifier
from phasegate.harness.marks import VERIFIER
from phasegate.harness.replaced import Replaced

APPLIED_KEY = pytest.StashKey["Applied"]()


class Applied:
    """Listens from the configuration of a session to the end of its collection."""

    def __init__(self) -> None:
        self._functions: list[tuple[FunctionType, tuple[str, ...]]] = []
        self._replaced = Replaced()

    def start(self) -> None:
        """Begins to listen."""
        self._replaced.replace(pytest.MarkDecorator, "__call__", self._noting)

    def stop(self) -> None:
        """Leaves everything as it was."""
        self._replaced.restore()
        self._functions.clear()

    def functions(self) -> Iterator[tuple[FunctionType, str]]:
        """The functions so far, each with a verifier that it was marked for, by its short identifier."""
        for function, verifiers in self._functions:
            for verifier in verifiers:
                yield function, verifier

    def _noting(self, original: Any) -> Callable[..., Any]:
        def call(decorator: pytest.MarkDecorator, *args: Any, **kwargs: Any) -> Any:
            result = original(decorator, *args, **kwargs)
            if decorator.name == VERIFIER and args and result is args[0] and inspect.isfunction(result):
                given = (*decorator.args, *decorator.kwargs.values())
                self._functions.append((result, tuple(short_verifier(each) for each in given if isinstance(each, str))))
            return result

        return call
