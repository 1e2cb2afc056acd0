"""Numbers of the made-up world: countries with their shares, outlets, merchants and weekly arrivals.

The reference world has 77 countries, 1,238 merchants with 31,257 outlets (at least 2 each, median 16, the largest
2,546) and 2,158 merchant zones with volume, 9.59 million arrivals a week together. Parties are shared out by
``(outlets + 40)^0.85 * (arrivals + 800)^0.18``, so outlets and arrivals are solved for the shares wanted.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

REFERENCE_SEED = 42
REFERENCE_MULTIPLIER = 0.9343446004030369
"""What the reference seed draws as the world-size multiplier in the reference world."""
REFERENCE_ARRIVALS = 9_587_046.0
REFERENCE_OUTLETS = 31_257
REFERENCE_MERCHANTS = 1_238
REFERENCE_PROFILES = 16_528
REFERENCE_ACTIVE_PROFILES = 2_158
LARGEST_MERCHANT = 2_546 / 31_257
MAX_SCALE = 8.0
"""Largest scale: the priors bound a world at 30 million parties."""

_REGIONS = ("REGION_AFRICA", "REGION_AMER", "REGION_APAC", "REGION_EMEA", "REGION_LATAM")
_REGION_PARTIES = {
    "REGION_AFRICA": 1_019_075,
    "REGION_AMER": 269_918,
    "REGION_APAC": 657_966,
    "REGION_EMEA": 891_125,
    "REGION_LATAM": 443_090,
}
_TOP_COUNTRIES = {"DE": 477_018, "FR": 354_149, "GB": 336_515, "DK": 210_079, "CH": 192_274}
_COUNTRIES = (
    "DE", "FR", "GB", "DK", "CH", "US", "IT", "NO", "PL", "IN", "AU", "MX", "BE", "IE", "PT", "NL", "JP", "FI",
    "ES", "ZA", "SG", "SE", "BR", "CA", "AT", "CN", "KR", "TR", "ID", "SA", "AR", "TH", "IL", "AE", "NG", "EG",
    "MY", "PH", "HK", "VN", "BD", "CL", "CO", "CZ", "RO", "NZ", "PE", "GR", "KZ", "HU", "QA", "UA", "KW", "MA",
    "SK", "EC", "KE", "DO", "LU", "PR", "CU", "BG", "HR", "BY", "CR", "LT", "UY", "SI", "EE", "LV", "CY", "IS",
    "MT", "GE", "TN", "GH", "RS",
)  # fmt: skip
_TAIL_EXPONENT = 0.8
_OUTLET_OFFSET, _OUTLET_EXPONENT = 40.0, 0.85
_ARRIVAL_OFFSET, _ARRIVAL_EXPONENT = 800.0, 0.18
_OUTLET_SIGMA = 0.95


@dataclass(frozen=True, slots=True)
class WorldShape:
    """The made-up world in numbers.

    Attributes:
        countries: ISO codes, sorted.
        outlets: Outlets of each country, i64, shape (countries,).
        arrivals: Expected weekly arrivals of each country, f64.
        merchant_outlets: Outlets of each merchant, i64, shape (merchants,), largest first.
        profiles: Merchant-zone rows, with or without volume.
        active_profiles: Those with volume.
    """

    countries: tuple[str, ...]
    outlets: NDArray[np.int64]
    arrivals: NDArray[np.float64]
    merchant_outlets: NDArray[np.int64]
    profiles: int
    active_profiles: int


def region_of_country(country: str) -> str:
    """Region of a country by hash; not geography."""
    tail = hashlib.sha256(country.encode()).digest()[-4:]
    return _REGIONS[int.from_bytes(tail, "big") % len(_REGIONS)]


def world_shape(scale: float) -> WorldShape:
    """The world at a scale: arrivals and outlets grow with it, merchants and countries do not shrink below scale 1.

    Fewer merchants than the reference has would leave the share of risky merchants to chance.

    Raises:
        EngineError: 6A.S0.SCALE_INVALID where the scale is not above 0 and at most ``MAX_SCALE``.
    """
    if not (math.isfinite(scale) and 0.0 < scale <= MAX_SCALE):
        raise EngineError(
            code="6A.S0.SCALE_INVALID",
            reason="scale_out_of_range",
            fact=f"scale {scale} is outside (0, {MAX_SCALE}]",
            place="--scale",
            remedy=f"give a scale above 0 and at most {MAX_SCALE}; 1.0 is the reference world",
        )
    countries = tuple(sorted(_COUNTRIES))
    merchants = round(REFERENCE_MERCHANTS * max(1.0, scale))
    total = max(round(REFERENCE_OUTLETS * scale), 4 * merchants)
    shares = np.array([_party_shares()[country] for country in countries])
    volume = REFERENCE_ARRIVALS * scale
    outlets = _outlets(shares, total, volume)
    return WorldShape(
        countries=countries,
        outlets=outlets,
        arrivals=_arrivals(shares, outlets, volume),
        merchant_outlets=_merchants(merchants, total),
        profiles=round(REFERENCE_PROFILES * max(1.0, scale)),
        active_profiles=round(REFERENCE_ACTIVE_PROFILES * max(1.0, scale)),
    )


def _party_shares() -> dict[str, float]:
    """Share of the world's parties that each country shall have: the top five as recorded, a tail in each region."""
    parties: dict[str, float] = {country: float(count) for country, count in _TOP_COUNTRIES.items()}
    for region, wanted in _REGION_PARTIES.items():
        members = [country for country in _COUNTRIES if region_of_country(country) == region]
        tail = [country for country in members if country not in _TOP_COUNTRIES]
        rest = wanted - sum(_TOP_COUNTRIES.get(country, 0) for country in members)
        weights = [(rank + 1) ** -_TAIL_EXPONENT for rank in range(len(tail))]
        parties.update({country: rest * weight / sum(weights) for country, weight in zip(tail, weights, strict=True)})
    world = sum(parties.values())
    return {country: count / world for country, count in parties.items()}


def _weight(outlets: NDArray[np.float64], arrivals: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = (outlets + _OUTLET_OFFSET) ** _OUTLET_EXPONENT
    weights *= (arrivals + _ARRIVAL_OFFSET) ** _ARRIVAL_EXPONENT
    return weights


def _outlets(shares: NDArray[np.float64], total: int, volume: float) -> NDArray[np.int64]:
    """Outlets of each country so that weights follow the shares where arrivals follow outlets; at least one each."""
    grid = np.geomspace(0.5, float(total), 4096)
    weights = _weight(grid, grid * volume / total)
    low, high = float(weights[0]), float(weights[-1]) / float(shares.min())
    for _ in range(80):
        middle = math.sqrt(low * high)
        found = np.interp(middle * shares, weights, grid)
        low, high = (middle, high) if found.sum() < total else (low, middle)
    return _integers(np.maximum(np.interp(low * shares, weights, grid), 1.0), total, least=1)


def _arrivals(shares: NDArray[np.float64], outlets: NDArray[np.int64], volume: float) -> NDArray[np.float64]:
    """Weekly arrivals of each country: near its outlets' part of the volume, bent to what the shares ask for.

    The bend is bounded: where a small world has too few outlets to follow the shares, arrivals, which weigh little,
    would have to run away.
    """
    even = outlets * (volume / outlets.sum())
    base = (outlets + _OUTLET_OFFSET) ** _OUTLET_EXPONENT
    low, high = 1e-6, 1e12
    for _ in range(200):
        middle = math.sqrt(low * high)
        bent = _bent(middle * shares / base, even)
        low, high = (middle, high) if bent.sum() < volume else (low, middle)
    bent = _bent(low * shares / base, even)
    bent *= volume / bent.sum()
    return bent


def _bent(weights: NDArray[np.float64], even: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        wanted = weights ** (1.0 / _ARRIVAL_EXPONENT) - _ARRIVAL_OFFSET
    return np.clip(wanted, 0.5 * even, 2.0 * even)


def _merchants(count: int, total: int) -> NDArray[np.int64]:
    """Outlets of each merchant: lognormal, at least 2, one giant, largest first."""
    normal = NormalDist()
    spread = np.exp([_OUTLET_SIGMA * normal.inv_cdf(1.0 - (rank + 0.5) / count) for rank in range(count)])
    spread *= 16.0
    spread[0] = LARGEST_MERCHANT * total
    body = (total - spread[0]) / spread[1:].sum()
    spread[1:] *= body
    return _integers(np.maximum(spread, 2.0), total, least=2)


def _integers(targets: NDArray[np.float64], total: int, *, least: int) -> NDArray[np.int64]:
    """Integers of a given sum near the targets, none below ``least``; what rounding adds comes off the largest."""
    values = np.maximum(np.floor(targets).astype(np.int64), least)
    rest = total - int(values.sum())
    if rest > 0:
        order = np.argsort(-(targets - np.floor(targets)), kind="stable")
        np.add.at(values, order[np.arange(rest) % len(order)], 1)
    while rest < 0:
        largest = int(np.argmax(values))
        take = min(-rest, max(1, int(values[largest]) - least) // 2 or 1)
        values[largest] -= take
        rest += take
    return values
