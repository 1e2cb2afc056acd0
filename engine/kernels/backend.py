"""Which twin of the hot loops runs: numpy for small worlds, compiled for the rest.

Both give the same bits. Compiled code costs the import of numba (and, on the first run of a checkout, compilation),
which a small world does not earn back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, Protocol, cast

from engine.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.kernels.links import LinkTask

Twin = Literal["numpy", "compiled"]

COMPILED_FROM = 400_000
"""Parties from which the compiled twin pays for its start."""

VARIABLE = "ENGINE_6A_KERNELS"
"""Environment variable that forces a twin (``numpy`` or ``compiled``), for tests and measurements."""


class Loops(Protocol):
    """The hot loops, as ``engine.kernels.columnar`` and ``engine.kernels.compiled`` offer them."""

    def weigh(
        self,
        first: NDArray[np.uint32],
        count: NDArray[np.int64],
        gate_key: int,
        gate_bound: int,
        weight_key: int,
        table: NDArray[np.uint32],
        out: NDArray[np.uint32],
    ) -> None:
        """Weight of every entity of the runs; 0 where its gate draw lies below the bound."""
        ...

    def total(self, weights: NDArray[np.uint32], room: NDArray[np.unsignedinteger]) -> tuple[int, int]:
        """Sum of the weights of entities with room, and how many have weight and room."""
        ...

    def survey(
        self,
        amount: int,
        weight_sum: int,
        shift: int,
        weights: NDArray[np.uint32],
        room: NDArray[np.unsignedinteger],
        histogram: NDArray[np.int64],
    ) -> int:
        """Sum of the floors; adds every remainder, shifted down, to the histogram."""
        ...

    def settle(
        self,
        amount: int,
        weight_sum: int,
        shift: int,
        cut: int,
        weights: NDArray[np.uint32],
        room: NDArray[np.unsignedinteger],
        out: NDArray[np.unsignedinteger],
        place: NDArray[np.int64],
        rank: NDArray[np.int64],
        remainder: NDArray[np.uint64],
    ) -> int:
        """Add floors and the units of remainders above the cut, within room; list the entities on the cut.

        Returns:
            Units placed.
        """
        ...

    def link(self, task: LinkTask, devices: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Addresses of these devices one after another, and how many each device has."""
        ...


def twin_for(parties: int) -> Twin:
    """The twin that suits a world of this many parties, unless the environment names one.

    Raises:
        EngineError: 6A.S0.KERNELS_INVALID where the environment names none that exists.
    """
    named = os.environ.get(VARIABLE, "")
    if named not in {"", "numpy", "compiled"}:
        raise EngineError(
            code="6A.S0.KERNELS_INVALID",
            reason="twin_unknown",
            fact=f"there are no kernels named {named!r}",
            place=VARIABLE,
            remedy="set it to numpy or compiled, or leave it out",
        )
    if named:
        return cast("Twin", named)
    return "compiled" if parties >= COMPILED_FROM else "numpy"


def loops(twin: Twin) -> Loops:
    """The hot loops of a twin; numba is imported only for the compiled one."""
    if twin == "compiled":
        from engine.kernels import compiled  # noqa: PLC0415 - numba costs half a second that small worlds save

        return cast("Loops", compiled)
    from engine.kernels import columnar  # noqa: PLC0415 - symmetric with the compiled twin

    return cast("Loops", columnar)
