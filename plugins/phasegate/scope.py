"""The scope of a blocker: how an assertion in a verifier becomes a finding.

The test that runs has one `Scope`. `blocks` finds it without an argument: in a context variable, else, in a thread or
pool that copies no context, as the one scope that this process has open. A child process reports through a spool.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from os import getpid  # now: a test may put another function there
from types import TracebackType
from typing import Literal, Self

from phasegate import spool
from phasegate.catalog.model import Gate, Verifier
from phasegate.printable import text_of
from phasegate.spool import Spool

_CURRENT: ContextVar[Scope | None] = ContextVar("phasegate_scope", default=None)
_OPEN: list[Scope] = []
_STRAYS: list[Stray] = []
_NUMBERS = count(1)


class ScopeError(Exception):
    """`blocks` or `block` was used outside a verifier, or names a blocker that the verifier may not raise."""


@dataclass(frozen=True, slots=True)
class Stray:
    """What was reported when its scope, or any, was no longer open.

    Attributes:
        scope: The number of the scope that it is for; None where nobody knows.
        code: The blocker; empty for an error.
        detail: What was seen, or what the error says.
    """

    scope: int | None
    code: str
    detail: str


class Scope:
    """What one run of one test has recorded so far.

    Attributes:
        gate: The gate that the test belongs to.
        verifier: The verifier that the test implements.
        number: Names the scope among those of its process.
        findings: Pairs of blocker code and detail, in the order in which they were recorded; the details are whole,
            because a secret that was cut off cannot be recognised.
        errors: What went wrong in the use of the framework, or behind the back of the test; it counts even where
            the test swallowed the exception.
    """

    __slots__ = ("_closed", "_declared", "_pid", "_spool", "_token", "errors", "findings", "gate", "number", "verifier")

    def __init__(self, gate: Gate, verifier: Verifier, children: Spool | None = None) -> None:
        self.gate = gate
        self.verifier = verifier
        self.number = next(_NUMBERS)
        self.findings: list[tuple[str, str]] = []
        self.errors: list[BaseException | str] = []
        self._declared: list[str] = []
        self._spool = children
        self._pid = getpid()
        self._closed = False

    @property
    def sole_code(self) -> str | None:
        """The blocker of a verifier that can raise only one: the scope of its bare assertions."""
        return self.verifier.raises[0] if len(self.verifier.raises) == 1 else None

    def meaning(self, code: str) -> str:
        """What a blocker means, for findings that say nothing themselves."""
        return self.gate.blocker_by_code[code].meaning

    def check(self, code: str) -> None:
        """Makes sure that the verifier may raise a blocker.

        Raises:
            ScopeError: It may not; the test then ends unmapped, whoever swallows the error.
        """
        if code not in self.verifier.raises:
            error = ScopeError(
                f"{self.verifier.id} may raise {', '.join(self.verifier.raises)}, not {code}; "
                "fix the code, or the verifier's `raises` in the catalogue"
            )
            self.note(error)
            raise error

    def record(self, code: str, detail: str) -> None:
        """Records a finding.

        Raises:
            ScopeError: The verifier may not raise this code.
        """
        self.check(code)
        detail = detail.strip() or self.meaning(code)
        if self._forked():
            self._send(code, detail)
        elif self._closed:
            _STRAYS.append(Stray(self.number, code, detail))
        elif (code, detail) not in self.findings:
            self.findings.append((code, detail))

    def conclude(self, error: AssertionError) -> None:
        """Records the bare assertion that ended a test whose verifier can raise one blocker only."""
        code = self.verifier.raises[0]
        found = (code, text_of(error).strip() or self.meaning(code))
        if found not in self.findings:
            self.findings.append(found)

    def note(self, error: BaseException | str) -> None:
        """Notes an error that the test must not end well with."""
        if self._forked():
            self._send("", text_of(error))
        elif self._closed:
            _STRAYS.append(Stray(self.number, "", text_of(error)))
        else:
            self.errors.append(error)

    def address(self) -> dict[str, str]:
        """Lets child processes that are started from now on report here, whatever became of the environment.

        Returns:
            What such a process has to find in its environment.
        """
        return self._spool.address(self.number) if self._spool is not None else {}

    def _forked(self) -> bool:
        return getpid() != self._pid

    def _send(self, code: str, detail: str) -> None:
        if self._spool is not None:
            self._spool.send(self.number, {"code": code, "detail": detail})

    def declare(self, code: str) -> None:
        """Notes that a check of a blocker is about to be made."""
        self.check(code)
        self._declared.append(code)

    def enter(self, code: str) -> None:
        """Notes that a declared check is made."""
        if code in self._declared:
            self._declared.remove(code)

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        _OPEN.append(self)
        self.address()
        return self

    def __exit__(self, *_: object) -> None:
        if self._spool is not None:
            self._spool.hide()
            self.take(self._spool.entries())
        for code in self._declared:
            self.note(f'blocks("{code}") was made and never entered: write `with blocks("{code}"):`')
        self._closed = True
        _OPEN.remove(self)
        _CURRENT.reset(self._token)

    def take(self, entries: Iterable[dict[str, str | int]]) -> None:
        """Takes what child processes reported; what is for an earlier scope is kept for `take_strays`."""
        for entry in entries:
            code, detail = str(entry["code"]), str(entry["detail"])
            if entry["scope"] != self.number:
                keep_strays([entry])
            elif not code:
                self.note(f"in a child process: {detail}")
            elif code in self.verifier.raises:
                self.record(code, detail)
            else:
                self.note(f"a child process raised {code}, which {self.verifier.id} may not raise: {detail}")

    def describe(self) -> str:
        """The findings as a reader sees them: code, meaning, detail and remedy."""
        lines = []
        for code, detail in self.findings:
            blocker = self.gate.blocker_by_code[code]
            lines += [f"{code} [{blocker.severity}] {blocker.meaning}"]
            lines += [f"    {line}" for line in detail.splitlines()]
            lines += [f"    remedy: {blocker.remedy}"]
        return "\n".join(lines)


class blocks:  # noqa: N801 - reads as a verb at the place of use: `with blocks("M4A-B1"):`
    """A soft scope: an assertion that fails inside it raises the blocker, and the test goes on behind it.

    Any other exception passes through, and ends the verifier unmapped: a check that crashed is no finding.

    Example:
        ```python
        with blocks("M4C-B2"):
            assert role.resolved, f"{role.name}: {role.reason}"
        ```
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._scope = _current()
        self._scope.declare(code)

    def __enter__(self) -> None:
        """Opens the scope."""
        self._scope.enter(self._code)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Records a failed assertion and swallows it; lets anything else pass."""
        if isinstance(error, AssertionError):
            self._scope.record(self._code, text_of(error))
            return True
        return False


def block(code: str, detail: str) -> Literal[False]:
    """Raises a blocker softly, for checks that are not one assertion.

    Args:
        code: A blocker that the verifier may raise.
        detail: What was seen; never a secret.

    Returns:
        False, so that `ok = cond or block(...)` reads on.
    """
    _current().record(code, detail)
    return False


def report(findings: Iterable[tuple[str, str]]) -> bool:
    """Records findings of the framework that the running verifier may raise.

    The others count all the same: the framework raises them itself when the attempt is committed.

    Args:
        findings: Pairs of blocker code and detail.

    Returns:
        Whether there were none at all, of whichever code.
    """
    scope = _current()
    clean = True
    for code, detail in findings:
        clean = False
        if isinstance(scope, Scope) and code in scope.verifier.raises:
            scope.record(code, detail)
    return clean


def note(error: BaseException | str) -> None:
    """Notes an error in the running test, or for the next one that ends, so that nobody can swallow it."""
    scope = _found()
    if scope is not None:
        scope.note(error)
    else:
        _STRAYS.append(Stray(None, "", text_of(error)))


def open_scope() -> Scope | None:
    """The scope that a report would be for; None where there is none in this process."""
    scope = _found()
    return scope if isinstance(scope, Scope) else None


def keep_strays(entries: Iterable[dict[str, str | int]]) -> None:
    """Keeps what child processes reported to scopes that are closed."""
    _STRAYS.extend(Stray(int(entry["scope"]), str(entry["code"]), str(entry["detail"])) for entry in entries)


def take_strays() -> list[Stray]:
    """What was reported outside its scope since the last call."""
    strays = _STRAYS[:]
    _STRAYS.clear()
    return strays


class _Parent:
    """The scope of the test that started this process, which knows neither gate nor verifier."""

    def __init__(self, number: int) -> None:
        self._number = number

    def declare(self, code: str) -> None:
        """Whether the verifier may raise the code is checked where the report is read."""

    def enter(self, code: str) -> None:
        """A check that is declared and not entered is noticed in the process of the test alone."""

    def record(self, code: str, detail: str) -> None:
        """Reports a finding."""
        spool.send(self._number, {"code": code, "detail": detail.strip() or code})

    def note(self, error: BaseException | str) -> None:
        """Reports an error."""
        spool.send(self._number, {"code": "", "detail": text_of(error)})


def _found() -> Scope | _Parent | None:
    scope = _CURRENT.get() or (_OPEN[-1] if _OPEN else None)
    if scope is not None:
        return scope
    number = spool.inherited()
    return _Parent(number) if number is not None else None


def _current() -> Scope | _Parent:
    scope = _found()
    if scope is not None:
        return scope
    error = ScopeError("blocks(...) and block(...) work inside a test that is marked as a verifier")
    _STRAYS.append(Stray(None, "", str(error)))
    raise error
