"""Taxonomy packs: the words of the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from engine.config.base import Carried, Name, Pack, Table

Names = Annotated[tuple[Name, ...], Field(strict=False)]

_LATER = Carried("describes the world to the segments that read it; no draw depends on it")
_BESIDE = Carried("the words are read, what stands beside them is for readers")


class PartyTypeWord(Table):
    """A party type."""

    is_business: Annotated[bool, _LATER]


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
    supports_chargeback: Annotated[bool, _LATER] = False
    can_be_joint: Annotated[bool, _LATER] = False


class AccountTaxonomy(Pack):
    """Words about accounts."""

    owner_kinds: Names
    ledger_classes: Names
    currency_policies: Annotated[Mapping[Name, str], _BESIDE]
    product_families: Annotated[Mapping[Name, str], _BESIDE]
    types: Mapping[Name, AccountTypeWord]


class InstrumentTypeWord(Table):
    """An instrument type."""

    # `class` is a word of Python; the pack spells it out.
    kind: Name = Field(alias="class")
    identifier: Name
    physical: Annotated[bool, _LATER]
    virtual: Annotated[bool, _LATER]
    chargeback: Annotated[bool, _LATER]
    tokenizable: Annotated[bool, _LATER]
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
    brand_tiers: Annotated[Names, _LATER]
    token_types: Names
    capabilities: Names
    schemes: Mapping[Name, Names]
    types: Mapping[Name, InstrumentTypeWord]


class DeviceTypeWord(Table):
    """A device type and its groups; merchants' terminals are not allocated."""

    owner_kind: Name
    mobile: Annotated[bool, _LATER]
    terminal: Annotated[bool, _LATER]
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
    static_risk_tiers: Annotated[Names, _LATER]
    types: Mapping[Name, DeviceTypeWord]


class IpTypeWord(Table):
    """An address type. The compatible classes are words of the taxonomy; cells may pair others."""

    shared_infrastructure: Annotated[bool, _LATER]
    anonymizing: Annotated[bool, _LATER]
    compatible_asn_classes: Names


class IpTaxonomy(Pack):
    """Words about addresses."""

    ip_types: Mapping[Name, IpTypeWord]
    asn_classes: Annotated[Mapping[Name, Name], _BESIDE]
    risk_flags: Annotated[Names, _LATER]
    static_risk_tiers: Annotated[Names, _LATER]


class FraudRoleTaxonomy(Pack):
    """Published roles with their severity, by entity type; the clean role has severity 0."""

    risk_tiers: Names
    roles: Mapping[Name, Mapping[Name, int]]

    def clean_role(self, entity: str) -> str:
        """The role of severity 0 of an entity type."""
        return next(role for role, severity in self.roles[entity].items() if severity == 0)
