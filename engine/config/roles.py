"""Prior packs of fraud roles: a tier for every entity, then a role by group and tier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.config.base import Carried, Count, Declared, Name, Pack, Share, Shares, Table

Tier = Literal["LOW", "STANDARD", "ELEVATED", "HIGH"]
TIERS: tuple[Tier, ...] = ("LOW", "STANDARD", "ELEVATED", "HIGH")


class TierThresholds(Table):
    """Upper bounds of the uniform that places an entity in a tier."""

    LOW: Share
    STANDARD: Share
    ELEVATED: Share
    HIGH: Annotated[float, Field(ge=1.0, le=1.0)]

    @model_validator(mode="after")
    def _rising(self) -> TierThresholds:
        bounds = self.bounds
        if list(bounds) != sorted(bounds):
            raise PydanticCustomError("tier_thresholds_not_rising", "the thresholds do not rise from LOW to HIGH")
        return self

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounds from LOW to HIGH."""
        return (self.LOW, self.STANDARD, self.ELEVATED, self.HIGH)

    @property
    def mass(self) -> tuple[float, float, float, float]:
        """Share of entities in each tier before promotion."""
        low, standard, elevated, high = self.bounds
        return (low, standard - low, elevated - standard, high - elevated)


class TierRow(Table):
    """Shares of roles in each tier, roles in order of the draw."""

    LOW: Shares
    STANDARD: Shares
    ELEVATED: Shares
    HIGH: Shares

    def of(self, tier: Tier) -> Mapping[str, float]:
        """Shares of one tier."""
        row: Mapping[str, float] = getattr(self, tier)
        return row


Nought = Annotated[float, Field(ge=0.0, le=0.0)]
"""A share that the pack spells out and that cannot be another."""


class TierChance(Table):
    """Chance of a lift by one step, by base tier; nothing lies above the highest."""

    LOW: Share
    STANDARD: Share
    ELEVATED: Share
    HIGH: Nought


class Promotion(Table):
    """A lift of an owned entity's tier by one step when its owner is risky; every tier has its chance."""

    enabled: bool
    probability: TierChance
    default: Nought


class SharingPromotion(Promotion):
    """The same lift for addresses that many devices share."""

    degree_threshold: Count


class Expected(Table):
    """What follows from the tables at the reference population; runs should sit on it."""

    published_share: Mapping[Name, Share]
    odds_ratio: float | None = None
    tier_mass: Mapping[Name, Mapping[Name, Share]] = Field(default_factory=dict)


_EXPECTED = Carried("what the tables amount to at the reference population, for tests and readers")


class RolePack(Pack):
    """What all role packs share."""

    tier_thresholds: TierThresholds
    roles: Mapping[Name, TierRow]
    declared: Declared


class PartyRolePriors(RolePack):
    """Roles of parties by party type."""

    risky_roles: tuple[str, ...] = Field(strict=False, min_length=1)
    expected: Annotated[Expected, _EXPECTED]


class AccountRolePriors(RolePack):
    """Roles of accounts by role group."""

    group_of_type: Mapping[Name, Name]
    default_group: Name
    owner_promotion: Promotion
    expected: Annotated[Expected, _EXPECTED]


class MerchantRolePriors(RolePack):
    """Roles of merchants by class."""

    default_class: Name


class DeviceRolePriors(RolePack):
    """Raw roles of devices by role group."""

    group_of_type: Mapping[Name, Name]
    owner_promotion: Promotion
    expected: Annotated[Expected, _EXPECTED]


class IpGroupRule(Table):
    """A group and the address types or ASN classes that lead to it."""

    priority: int
    group: Name
    ip_types: tuple[str, ...] = Field(strict=False)
    asn_classes: tuple[str, ...] = Field(strict=False)


class IpRolePriors(RolePack):
    """Raw roles of addresses by role group."""

    groups: tuple[IpGroupRule, ...] = Field(strict=False)
    default_group: Name
    sharing_promotion: SharingPromotion
    expected: Annotated[Expected, _EXPECTED]

    def group_of(self, ip_type: str, asn_class: str) -> str:
        """Group of the first rule, by priority, that lists the address type or the ASN class."""
        for rule in sorted(self.groups, key=lambda rule: rule.priority):
            if ip_type in rule.ip_types or asn_class in rule.asn_classes:
                return rule.group
        return self.default_group
