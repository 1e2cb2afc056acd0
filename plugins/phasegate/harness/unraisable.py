"""What fails where Python cannot raise: raw threads, and finalisers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from phasegate.printable import text_of
from phasegate.scope import note

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_RAW_THREAD = "thread started by"
"""How Python says that what it cannot raise ended a thread of `_thread`."""


class Unraisable:
    """Notes, while it is open, raw threads that an exception ends, and assertions that fail in finalisers."""

    __slots__ = ("_before", "_hook")

    def __enter__(self) -> None:
        self._before, self._hook = sys.unraisablehook, self._note
        sys.unraisablehook = self._hook

    def __exit__(self, *_: object) -> None:
        if sys.unraisablehook is self._hook:
            sys.unraisablehook = self._before

    def _note(self, args: UnraisableHookArgs) -> None:
        if _RAW_THREAD in (args.err_msg or "") or isinstance(args.exc_value, AssertionError):
            note(f"where nothing can raise: {args.exc_type.__name__}: {text_of(args.exc_value or '')}")
        self._before(args)
