"""The scope of a blocker: how an assertion in a verifier becomes a finding.

The test that runs has one `Scope`, held in a context variable so that `blocks` needs no argument and a thread or
task that copies the context reports to the same test.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Self

from phasegate.catalog.model import Gate, Verifier

_CURRENT: ContextVar[Scope | None] = ContextVar("phasegate_scope", default=None)


class ScopeError(Exception):
    """`blocks` or `block` was used outside a verifier, or names a blocker that the verifier may not raise."""


class Scope:
    """What one run of one test has recorded so far.

    Attributes:
        gate: The gate that the test belongs to.
        verifier: The verifier that the test implements.
        findings: Pairs of blocker code and detail, in the order in which they were recorded; the details are whole,
            because a secret that was cut off could no more be told.
    """

    __slots__ = ("_token", "findings", "gate", "verifier")

    def __init__(self, gate: Gate, verifier: Verifier) -> None:
        self.gate = gate
        self.verifier = verifier
        self.findings: list[tuple[str, str]] = []

    @property
    def sole_code(self) -> str | None:
        """The blocker of a verifier that can raise only one: the scope of its bare assertions."""
        return self.verifier.raises[0] if len(self.verifier.raises) == 1 else None

    def record(self, code: str, detail: str) -> None:
        """Records a finding.

        Raises:
            ScopeError: The verifier may not raise this code; the test then ends unmapped.
        """
        if code not in self.verifier.raises:
            raise ScopeError(
                f"{self.verifier.id} may raise {', '.join(self.verifier.raises)}, not {code}; "
                "mend the code, or the verifier's `raises` in the catalogue"
            )
        detail = detail.strip() or self.gate.blocker_by_code[code].meaning
        if (code, detail) not in self.findings:
            self.findings.append((code, detail))

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)

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
        if code not in self._scope.verifier.raises:
            self._scope.record(code, "")  # raises, naming what the verifier may raise

    def __enter__(self) -> None:
        """Opens the scope."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Records a failed assertion and swallows it; lets anything else pass."""
        if isinstance(error, AssertionError):
            self._scope.record(self._code, str(error))
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
        if code in scope.verifier.raises:
            scope.record(code, detail)
    return clean


def _current() -> Scope:
    scope = _CURRENT.get()
    if scope is None:
        raise ScopeError("blocks(...) and block(...) work inside a test that is marked as a verifier")
    return scope
