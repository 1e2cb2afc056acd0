"""What pytest is about to show, without what must stay secret and without what a terminal would obey.

Everything here changes pytest's own objects in place, so that whoever reads them later sees clean text alone.
"""

from __future__ import annotations

import dataclasses
import os
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from phasegate.evidence.canonical import encodable
from phasegate.printable import printable, text_of

if TYPE_CHECKING:
    from phasegate.evidence.secrets import Leak, SecretScanner

WITHHELD = "(withheld: it holds a secret)"
HYGIENE_KEY = pytest.StashKey["Hygiene"]()
_IDENTITY = frozenset({"nodeid", "outcome", "when"})
"""Attributes by which pytest tells reports apart; they stay, and a node id that holds a secret is refused earlier."""
_BARE = frozenset(
    {
        *vars(pytest.TestReport("", ("", 0, ""), {}, "passed", None, "call")),
        *vars(pytest.CollectReport("", "passed", None, [])),
        "call",
    }
)
"""Attributes of every report; what plugins and subtests add beside them may say something."""
_KINDS: tuple[type[BaseException], ...] = (
    pytest.skip.Exception,
    pytest.xfail.Exception,
    pytest.fail.Exception,
    pytest.UsageError,
    pytest.Session.Interrupted,
    pytest.Session.Failed,
    AssertionError,
    KeyboardInterrupt,
    SystemExit,
)
"""Kinds of exceptions that decide what becomes of a test or a session."""


def new_scanner() -> SecretScanner:
    """A scanner that knows the environment's sensitive values."""
    from phasegate.evidence.secrets import SecretScanner  # noqa: PLC0415 - what shows nothing scans nothing

    scanner = SecretScanner()
    scanner.register_environment(os.environ)
    return scanner


def silenced(error: BaseException) -> BaseException:
    """What may be shown in the place of an exception that ends pytest before or behind a session: itself, mostly."""
    said = encodable("".join(_formatted(error)))
    return withheld(error) if new_scanner().scan("what ended pytest", said.encode("utf-8")) else error


class Hygiene:
    """Takes secrets out of what reporters are given, and says what it found.

    Args:
        scanner: Knows what is secret.
        found: Takes what was found and where; no part of any value.
        watches: Whether reports are to be cleaned now: those of a session without gates are left alone.
    """

    def __init__(
        self,
        scanner: Callable[[], SecretScanner],
        found: Callable[[Iterable[Leak]], None],
        watches: Callable[[], bool],
    ) -> None:
        self._scanner = scanner
        self._found = found
        self._watches = watches

    def is_secret(self, place: str, text: str) -> bool:
        """Whether a text holds a secret; what was found is handed on."""
        if not text:
            return False
        leaks = self._scanner().scan(place, encodable(text).encode("utf-8"))
        if leaks:
            self._found(leaks)
        return bool(leaks)

    def text(self, place: str, text: str) -> str:
        """A text, or the word that stands for it."""
        return WITHHELD if self.is_secret(place, text) else printable(text, colours=True)

    def report(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Cleans every part of a report that is shown: failure text, captured output, properties, reasons."""
        if _says_nothing(report) or not self._watches():
            return
        of = f"of a test's {report.when}" if report.when != "collect" else "of a module that is collected"
        self._clean_longrepr(report, of)
        report.sections = [
            (self.text(f"a heading {of}", name), self.text(f"{name.lower()} {of}", text))
            for name, text in report.sections
        ]
        for name, value in list(vars(report).items()):
            if isinstance(value, str) and name not in (*_IDENTITY, "longrepr"):
                setattr(report, name, self.text(f"{name} {of}", value))
        if isinstance(report, pytest.TestReport):
            report.user_properties = [self.property(*pair) for pair in report.user_properties]
        self._clean_context(report, of)

    def property(self, name: str, value: object) -> tuple[str, object]:
        """The name and the value of a property of JUnit; what is secret in them is withheld."""
        shown = self.text("the name of a property", str(name))
        return shown, WITHHELD if self.is_secret(f"the property {shown}", str(value)) else value

    def outcome(self, call: pytest.CallInfo[object], report: pytest.TestReport | pytest.CollectReport) -> None:
        """Cleans a report and the exception behind it; where one of them says a secret, neither says anything more."""
        if (call.excinfo is None and _says_nothing(report)) or not self._watches():
            return
        shown = report.longrepr
        self.report(report)
        error = call.excinfo.value if call.excinfo is not None else None
        if error is None:
            return
        # Either may show a part of the other alone, in which nothing is found.
        if self.exception(f"the exception of a test's {call.when}", error) or _withholds(report, shown):
            call.excinfo = _raised(withheld(error))
            report.longrepr = (*report.longrepr[:2], WITHHELD) if isinstance(report.longrepr, tuple) else WITHHELD

    def exception(self, place: str, error: BaseException) -> bool:
        """Whether an exception, its notes, its causes or the lines that raised it hold a secret."""
        return self.is_secret(place, "".join(_formatted(error)))

    def compared(self, *values: object) -> bool:
        """Whether values that a test compared hold a secret; pytest shows parts of them, in which nothing is found."""
        return self._watches() and self.is_secret("a comparison", "\n".join(map(_repr, values)))

    def warning(self, message: warnings.WarningMessage) -> None:
        """Cleans a warning that pytest is about to list."""
        if not self._watches():
            return
        said = text_of(message.message) if isinstance(message.message, Warning) else str(message.message)
        line = warnings.formatwarning(said, message.category, message.filename, message.lineno, message.line)
        if self.is_secret("a warning", line):
            message.message, message.line, message.source = WITHHELD, "", None
            message.filename = self.text("the place of a warning", message.filename)
        elif printable(said) != said or not _can_be_said(message.message):
            message.message = printable(said)

    def _clean_longrepr(self, report: pytest.TestReport | pytest.CollectReport, of: str) -> None:
        if isinstance(report.longrepr, tuple):  # a skip: file, line and reason
            *place, reason = report.longrepr
            report.longrepr = (*place, self.text(f"the reason of a skip {of}", str(reason)))  # type: ignore[assignment]
        elif report.longrepr is not None:
            said = report.longreprtext or str(report.longrepr)
            clean = self.text(f"the failure text {of}", said)
            if clean != said:
                report.longrepr = clean

    def _clean_context(self, report: pytest.TestReport | pytest.CollectReport, of: str) -> None:
        context = getattr(report, "context", None)  # of a subtest: its message and its arguments
        if context is None or not dataclasses.is_dataclass(context):
            return
        message, given = getattr(context, "msg", None), getattr(context, "kwargs", {})
        clean = self.text(f"the name {of} (a subtest)", message) if isinstance(message, str) else message
        kept = {
            self.text(f"an argument {of} (a subtest)", name): self.text(f"an argument {of} (a subtest)", str(value))
            for name, value in given.items()
        }
        if (clean, kept) != (message, dict(given)):
            report.context = dataclasses.replace(context, msg=clean, kwargs=kept)  # type: ignore[union-attr, type-var]


def withheld(error: BaseException) -> BaseException:
    """An exception of the same kind and name that says nothing."""
    if isinstance(error, pytest.exit.Exception):
        return pytest.exit.Exception(WITHHELD, error.returncode)
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), None)
    if kind is not None:
        return kind(WITHHELD)
    namesake: type[Exception] = type(type(error).__name__, (Exception,), {"__module__": type(error).__module__})
    return namesake(WITHHELD)


def _says_nothing(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a report is one of the many that show nothing but how their test ended."""
    if report.longrepr is not None or report.sections or not vars(report).keys() <= _BARE:
        return False
    return not getattr(report, "user_properties", ())


def _withholds(report: pytest.TestReport | pytest.CollectReport, before: object) -> bool:
    said = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
    return report.longrepr is not before and said == WITHHELD


def _raised(error: BaseException) -> pytest.ExceptionInfo[BaseException]:
    with suppress(type(error)):
        _raise(error)  # so that it has a traceback: one without the frames of the first
    error.__context__ = None
    return pytest.ExceptionInfo.from_exception(error)


def _raise(error: BaseException) -> None:
    raise error


def _formatted(error: BaseException) -> list[str]:
    with suppress(Exception):
        return [*traceback.format_exception(error), text_of(error)]
    return [type(error).__name__, text_of(error)]  # a cause that cannot be put into words


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a value may raise anything while it is put into words
        return type(error).__name__


def _can_be_said(message: object) -> bool:
    try:
        str(message)
    except Exception:  # noqa: BLE001 - a warning may raise anything while it is put into words
        return False
    return True
