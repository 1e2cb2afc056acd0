"""The outlet of Allure: whatever its plugin writes, steps, fixtures and attachments included, is cleaned first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pluggy import HookimplMarker

from phasegate.errors import Problem
from phasegate.harness.hygiene import WITHHELD, Hygiene

_PLACE = "what Allure is given"
_hookimpl = HookimplMarker("allure")


class AllureOutlet:
    """Stands in front of what writes Allure's files, for as long as a session runs.

    allure-pytest hands its results to a plugin manager of its own, so hooks of pytest do not see them.

    Args:
        hygiene: Cleans.

    Attributes:
        holds: Takes a result of a test, to write it later, and says whether it did; None where nobody does.
        troubled: Takes why something could not be written, which is no affair of the test that runs; None where it is.
    """

    def __init__(self, hygiene: Hygiene) -> None:
        self._hygiene = hygiene
        self._replaced: list[tuple[Any, _Writer]] = []
        self.holds: Callable[[Any], bool] | None = None
        self.troubled: Callable[[Problem], object] | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Takes the place of each writer."""
        allure = sys.modules.get("allure_commons")
        if allure is None:
            return
        manager = allure.plugin_manager
        for writer in [plugin for plugin in manager.get_plugins() if hasattr(plugin, "report_attached_data")]:
            clean = _Writer(writer, self._hygiene, self)
            manager.unregister(writer)
            manager.register(clean)
            self._replaced.append((writer, clean))

    def write(self, result: Any) -> None:
        """Writes a result, cleaned."""
        for _, writer in self._replaced:
            writer.write(result)

    def attach(self, body: str | bytes, file_name: str) -> None:
        """Writes a file beside the results; one that holds a secret is withheld."""
        for _, writer in self._replaced:
            writer.report_attached_data(body, file_name)

    def pytest_unconfigure(self) -> None:
        """Gives the places back; allure-pytest takes its own writers away behind this."""
        manager = getattr(sys.modules.get("allure_commons"), "plugin_manager", None)
        for writer, clean in self._replaced:
            manager.unregister(clean)  # type: ignore[union-attr]
            manager.register(writer)  # type: ignore[union-attr]
        self._replaced.clear()


class _Writer:
    """A writer that cleans what it is given, and hands it on to the true one."""

    def __init__(self, writer: Any, hygiene: Hygiene, outlet: AllureOutlet) -> None:
        self._writer = writer
        self._hygiene = hygiene
        self._outlet = outlet

    @_hookimpl
    def report_result(self, result: Any) -> None:
        if self._outlet.holds is None or not self._outlet.holds(result):
            self.write(result)

    def write(self, result: Any) -> None:
        with self._telling():
            self._writer.report_result(_cleaned(result, self._hygiene))

    @_hookimpl
    def report_container(self, container: Any) -> None:
        with self._telling():
            self._writer.report_container(_cleaned(container, self._hygiene))

    @_hookimpl
    def report_globals(self, globals_item: Any) -> None:
        with self._telling():
            self._writer.report_globals(_cleaned(globals_item, self._hygiene))

    @_hookimpl
    def report_attached_file(self, source: str, file_name: str) -> None:
        self.report_attached_data(Path(source).read_bytes(), file_name)

    @_hookimpl
    def report_attached_data(self, body: str | bytes, file_name: str) -> None:
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        secret = self._hygiene.is_secret(f"{_PLACE} to attach", text)
        with self._telling():
            self._writer.report_attached_data(body=WITHHELD if secret else body, file_name=file_name)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Lets a folder that cannot be written fail no verifier: the session says it, and does not end well."""
        try:
            yield
        except OSError as error:
            if self._outlet.troubled is None:
                raise
            fact = f"Allure's results cannot be written: {error.strerror}"
            self._outlet.troubled(Problem(fact, "--alluredir", "name a folder that can be written"))


def _cleaned(item: Any, hygiene: Hygiene) -> Any:
    """An object of Allure's model, with what is secret in it withheld in place."""
    places = list(_places(item))
    if hygiene.is_secret(_PLACE, "\n".join(text for _, _, text in places)):
        for holder, key, text in places:
            if hygiene.is_secret(_PLACE, text):
                holder[key] = WITHHELD
    return item


def _places(item: Any) -> Iterator[tuple[Any, Any, str]]:
    """Each text in an object, with what holds it and under which key."""
    holder = item if isinstance(item, dict | list) else getattr(item, "__dict__", None)
    if holder is None or isinstance(item, Enum):
        return
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        if isinstance(value, str):
            yield holder, key, value
        else:
            yield from _places(value)
