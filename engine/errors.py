"""Errors of the engine: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping


class EngineError(Exception):
    """A named failure of a state; users see fact, place and remedy, never a traceback.

    Attributes:
        code: Such as ``6A.S2.PRIOR_PACK_INVALID``.
        reason: One word for the case, such as ``missing_base_lambda``.
        fact: What is wrong.
        place: File and line, or dataset and column.
        remedy: What to do.
        context: Further values for logs.
    """

    def __init__(
        self,
        *,
        code: str,
        reason: str,
        fact: str,
        place: str,
        remedy: str,
        context: Mapping[str, object] | None = None,
    ) -> None:
        self.code = code
        self.reason = reason
        self.fact = fact
        self.place = place
        self.remedy = remedy
        self.context = dict(context or {})
        super().__init__(f"{code} ({reason}): {fact} [{place}] {remedy}")
