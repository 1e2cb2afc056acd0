"""Taxonomy packs: the words of the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from engine.config.base import Name, Pack, Table

Names = Annotated[tuple[Name, ...], Field(strict=False)]


class PartyTypeWord(Table):
    """A party type."""

    is_business: bool


class PartyTaxonomy(Pack):
    """Words about parties."""

    regions: Names
    party_types: Mapping[Name, PartyTypeWord]
    tags: Names


class AccountTypeWord(Table):
    """An account type; the flags are absent where the owner is a merchant."""

    owner_kind: Name
    ledger_class: Name
    product_family: Name
    currency_policy: Name
    requires_instrument: bool = False
    supports_chargeback: bool = False
    can_be_joint: bool = False


class AccountTaxonomy(Pack):
    """Words about accounts."""

    owner_kinds: Names
    ledger_classes: Names
    currency_policies: Mapping[Name, str]
    product_families: Mapping[Name, str]
    types: Mapping[Name, AccountTypeWord]


class InstrumentTypeWord(Table):
    """An instrument type."""

    # `class` is a word of Python; the pack spells it out.
    kind: Name = Field(alias="class")
    identifier: Name
    physical: bool
    virtual: bool
    chargeback: bool
    tokenizable: bool
    token_types: Names
    ledger_classes: Names
    default_scheme_kind: Name | None
    party_types: Names
    owner_kind: Name
    capabilities: Names


class InstrumentTaxonomy(Pack):
    """Words about instruments, and the schemes of each kind."""

    classes: Names
    identifier_types: Names
    brand_tiers: Names
    token_types: Names
    capabilities: Names
    schemes: Mapping[Name, Names]
    types: Mapping[Name, InstrumentTypeWord]


class DeviceTypeWord(Table):
    """A device type and its groups; merchants' terminals are not allocated."""

    owner_kind: Name
    mobile: bool
    terminal: bool
    alloc_group: Name | None
    ip_group: Name
    allowed_os: Names
    allowed_ua: Names
    capabilities: Names


class DeviceTaxonomy(Pack):
    """Words about devices."""

    os_families: Mapping[Name, Names]
    ua_families: Names
    capabilities: Names
    static_risk_tiers: Names
    types: Mapping[Name, DeviceTypeWord]


class IpTypeWord(Table):
    """An address type. The generator does not enforce the compatibility list."""

    shared_infrastructure: bool
    anonymizing: bool
    compatible_asn_classes: Names


class IpTaxonomy(Pack):
    """Words about addresses."""

    ip_types: Mapping[Name, IpTypeWord]
    asn_classes: Mapping[Name, Name]
    risk_flags: Names
    static_risk_tiers: Names


class FraudRoleTaxonomy(Pack):
    """Published roles with their severity, by entity type; the clean role has severity 0."""

    risk_tiers: Names
    roles: Mapping[Name, Mapping[Name, int]]

    def clean_role(self, entity: str) -> str:
        """The role of severity 0 of an entity type."""
        return next(role for role, severity in self.roles[entity].items() if severity == 0)
