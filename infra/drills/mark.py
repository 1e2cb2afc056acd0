"""The mark that a drill leaves on its control: who holds it, until when, and what has to be given back.

It lives with the control, where every runs root and every machine sees it, and it is written under a condition, so
of two drills one holds the control. A mark outlives a killed process; whoever finds it then gives back what it says.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import InfraError, SubstrateError
from infra.liveness import UNKNOWN_START, is_alive, start_mark

LEASE_SECONDS: Final = 120
"""For how long a mark holds; longer than a drill goes without renewing it."""


class HeldError(SubstrateError):
    """A drill that is still running holds the control."""


class MarkLostError(InfraError):
    """The mark is no longer as it was last seen: somebody else took the control, or gave it back."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process: its machine, its pid, and when it started, each in a form that only serves to be compared."""

    machine: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        return cls(_machine(), os.getpid(), start_mark(os.getpid()))

    @property
    def is_over(self) -> bool:
        """Whether it surely holds nothing: it ended on this machine, or is this very process, which runs one drill."""
        here = Holder.here()
        known_here = self.machine == here.machine and self.started != UNKNOWN_START
        return self == here or (known_here and not is_alive(self.pid, self.started))


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark.

    Attributes:
        attempt: The attempt that holds the control.
        holder: The process that it runs in.
        until: When it lapses, in seconds since the epoch by the clock of AWS.
        injected: The value that the control may have been set to; None while nothing was.
        prestate: The control's value before that; None where it had none.
        revision: The state of the mark that this is; empty before it is written.
    """

    attempt: str
    holder: Holder
    until: int
    injected: int | None = None
    prestate: int | None = None
    revision: str = ""

    def is_over(self, now: int) -> bool:
        """Whether nobody holds the control by it any more."""
        return self.until <= now or self.holder.is_over

    def renewed(self, now: int, *, injected: int | None, prestate: int | None) -> Mark:
        """The same mark for another while, with what has to be given back by now."""
        return replace(self, until=now + LEASE_SECONDS, injected=injected, prestate=prestate)

    def text(self) -> str:
        """As it is written on the control: short, and readable for whoever finds it there."""
        holder = (self.holder.machine, self.holder.pid, self.holder.started)
        written = _Written(
            drill=self.attempt, injected=self.injected, before=self.prestate, until=self.until, holder=holder
        )
        return written.model_dump_json()

    @classmethod
    def read(cls, text: str, revision: str, place: str) -> Mark:
        """The mark of a text.

        Raises:
            InfraError: It is none.
        """
        try:
            found = _Written.model_validate_json(text)
        except ValidationError as error:
            raise InfraError(
                fact=f"the mark that a drill left there cannot be read: {error.errors()[0]['msg']}",
                place=place,
                remedy="see that the control is as it should be, then delete the mark by hand",
            ) from error
        return cls(found.drill, Holder(*found.holder), found.until, found.injected, found.before, revision)


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    drill: Annotated[str, Field(pattern=r"^[ -~]{1,64}$")]
    injected: Annotated[int, Field(ge=0)] | None
    before: Annotated[int, Field(ge=0)] | None
    until: int
    holder: tuple[Annotated[str, Field(pattern=r"^[ -~]*$")], int, str]


@cache
def _machine() -> str:
    """Tells machines, and containers on one machine, apart: a pid means something in its own only."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # elsewhere than on Linux a machine is known by its name alone
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
