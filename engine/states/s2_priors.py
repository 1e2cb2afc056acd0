"""What S2 draws by: vocabularies, rules of account types, and the tags that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CAPPED: Final = "hard_global_postmerge"
"""Cap mode that enforces; the other one is ``none``."""


@dataclass(frozen=True, slots=True)
class PartyVocabulary:
    """Sorted vocabularies that the codes of parties and accounts point into."""

    countries: tuple[str, ...]
    regions: tuple[str, ...]
    party_types: tuple[str, ...]
    segments: tuple[str, ...]
    account_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountRule:
    """One account type: how many there are, who holds them, how unevenly.

    Attributes:
        party_type: Party type that may hold it.
        required: Whether every party type that lists it must have a positive expectation.
        base_lambda: Accounts per party before the tilt.
        k_max: Most accounts of this type that one party holds.
        p_zero_weight: Share of parties that the first split leaves out.
        sigma: Spread of the lognormal weight.
    """

    party_type: str
    required: bool
    base_lambda: float
    k_max: int
    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class TagAdjustment:
    """Factors that a segment's tag puts on one account type; each is clipped to [low, high] first."""

    tag: str
    account_type: str
    p_zero_weight_factor: float
    sigma_factor: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AccountPriors:
    """All that S2 reads of its packs.

    Attributes:
        rules: Account type to rule.
        domain: (party type, segment) to the account types that it may hold.
        tilt: Account type to feature weights; types not listed have none.
        tilt_center: Feature value without effect.
        tilt_clip: Bound of the exponent, both ways.
        features: Segment to feature scores.
        tags: Segment to tags.
        tag_adjustments: Factors by tag and account type.
        weight_floor: Smallest weight of a party that passed the zero gate.
        cap_mode: ``hard_global_postmerge`` or ``none``.
        max_kmax_violations: Units above a cap that the post-check lets pass.
        max_total_lambda: Party type to the sum of expectations above which a warning is due.
        min_types: Party type to the number of account types below which a warning is due.
    """

    rules: Mapping[str, AccountRule]
    domain: Mapping[tuple[str, str], tuple[str, ...]]
    tilt: Mapping[str, Mapping[str, float]]
    tilt_center: float
    tilt_clip: float
    features: Mapping[str, Mapping[str, float]]
    tags: Mapping[str, tuple[str, ...]]
    tag_adjustments: tuple[TagAdjustment, ...]
    weight_floor: float
    cap_mode: str
    max_kmax_violations: int
    max_total_lambda: Mapping[str, float]
    min_types: Mapping[str, int]
