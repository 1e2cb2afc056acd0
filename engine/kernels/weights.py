"""Lognormal weights as integer quantile tables.

A weight is ``exp(sigma * z - sigma^2 / 2)`` (mean 1) at the normal quantile z of a uniform. The uniform is cut to its
top 16 bits, so a weight is one look-up in a table of 65,536 fixed-point values, and an allocation over millions of
entities is exact integer arithmetic. The tables themselves are built from additions, multiplications, divisions and
square roots alone, which every processor rounds alike; a library's ``exp`` differs in its last bits between machines.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

INDEX_BITS = 16
FRACTION_BITS = 18
"""Fixed point of a weight: at z below 4.4 the largest weight over all sigmas is e^(z^2/2), and fits 32 bits."""

Reals = NDArray[np.float64]

_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_TAIL = 0.02425
# Acklam's rational approximation of the inverse normal distribution: central numerator and denominator, then tails.
_A = (
    -39.69683028665376,
    220.9460984245205,
    -275.9285104469687,
    138.3577518672690,
    -30.66479806614716,
    2.506628277459239,
)
_B = (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1.0)
_C = (
    -0.007784894002430293,
    -0.3223964580411365,
    -2.400758277161838,
    -2.549732539343734,
    4.374664141464968,
    2.938163982698783,
)
_D = (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0)


def exp(x: Reals) -> Reals:
    """Exponential with one fixed rounding on every machine, within 2 units of the last place; x in [-700, 700]."""
    turns = np.rint(x / _LN2)
    rest = (x - turns * _LN2_HIGH) - turns * _LN2_LOW
    total = np.full_like(rest, 1.0)
    for divisor in range(14, 0, -1):
        total = 1.0 + rest * total / divisor
    return np.ldexp(total, turns.astype(np.int32))


def log(x: Reals) -> Reals:
    """Natural logarithm with one fixed rounding on every machine; x positive and normal."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < 0.7071067811865476
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    exponent = exponent - small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    total = np.zeros_like(s)
    for odd in range(27, 0, -2):
        total = total * square + 1.0 / odd
    return exponent * _LN2_HIGH + (2.0 * s * total + exponent * _LN2_LOW)


def normal_quantile(u: Reals) -> Reals:
    """Inverse normal distribution, Acklam's approximation (relative error below 1.2e-9); u inside (0, 1)."""
    tail = np.minimum(u, 1.0 - u)
    q = np.sqrt(-2.0 * log(tail))
    outer = _horner(_C, q) / _horner(_D, q)
    middle = u - 0.5
    r = middle * middle
    central = _horner(_A, r) * middle / _horner(_B, r)
    return np.where(tail < _TAIL, np.where(u < 0.5, outer, -outer), central)


def _horner(coefficients: tuple[float, ...], x: Reals) -> Reals:
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


@lru_cache(maxsize=1)
def _quantiles() -> Reals:
    steps = 1 << INDEX_BITS
    return normal_quantile((np.arange(steps) + 0.5) / steps)


@lru_cache(maxsize=512)
def weight_table(sigma: float, floor: float) -> NDArray[np.uint32]:
    """Fixed-point weights by the top 16 bits of a draw, u32, shape (65536,), read-only, all positive.

    Args:
        sigma: Spread, not negative; 0 gives equal weights.
        floor: Smallest weight before the fixed point (one unit of the last place at least).

    Raises:
        ValueError: If sigma is negative or not finite, or the floor is not positive.
    """
    if not (np.isfinite(sigma) and sigma >= 0.0) or not floor > 0.0:
        msg = f"a weight needs sigma >= 0 and a positive floor, not {sigma!r} and {floor!r}"
        raise ValueError(msg)
    weights = exp(sigma * _quantiles() - sigma * sigma / 2.0)
    fixed = np.rint(np.maximum(weights, floor) * 2.0**FRACTION_BITS)
    table = np.maximum(fixed, 1.0).astype(np.uint32)
    table.flags.writeable = False
    return table
