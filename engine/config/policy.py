"""Policy packs: linkage rules and what validation requires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from engine.config.base import Carried, Declared, Name, Pack, Share, Table

_TAIL = Carried("the tests hold worlds to it; the draw keeps max_devices_per_ip of the address priors")
Names = Annotated[tuple[Name, ...], Field(strict=False)]


class LinkRole(Table):
    """A link role: the fields that it requires and those that it forbids."""

    scope: Annotated[Name, Carried("sorts link roles for readers")]
    requires: Names
    forbids: Names


class DeviceGroup(Table):
    """A linkage group of device types."""

    device_types: Names
    priority: Annotated[int, Carried("no device type stands in two groups")]


class DeviceLinkageRules(Pack):
    """Rules of device links."""

    link_roles: Mapping[Name, LinkRole]
    groups: Mapping[Name, DeviceGroup]
    declared: Declared


class GraphLinkageRules(Pack):
    """Rules of the graph; both link-role vocabularies come from here."""

    device_link_roles: Mapping[Name, LinkRole]
    ip_link_roles: Mapping[Name, LinkRole]
    declared: Declared


class UpstreamRequired(Table):
    """Segments whose gate must have passed, by layer."""

    layer1: Names
    layer2: Names
    layer3: Names


class PartyStructure(Table):
    """What must be there of every party; the checks always run."""

    require_unique_party_id: Literal[True]
    require_country_iso_present: Literal[True]
    require_segment_id_present: Literal[True]


class AccountStructure(Table):
    """Likewise of every account."""

    require_owner_party_id_present: Literal[True]
    require_account_type_present: Literal[True]


class InstrumentStructure(Table):
    """Likewise of every instrument."""

    require_account_link_present: Literal[True]
    require_instrument_type_present: Literal[True]


class DeviceStructure(Table):
    """Likewise of every device."""

    require_device_type_present: Literal[True]
    require_primary_party_present: Literal[True]


class IpStructure(Table):
    """Likewise of every address."""

    require_ip_type_present: Literal[True]
    require_country_iso_present: Literal[True]


class Structure(Table):
    """What must be there of every entity."""

    party_base: PartyStructure
    account_base: AccountStructure
    instrument_base: InstrumentStructure
    device_base: DeviceStructure
    ip_base: IpStructure


class DeviceLinkLimits(Table):
    """Limits of device links."""

    max_devices_per_party: int
    max_parties_per_device: int
    require_owner_link_present: bool


class IpLinkLimits(Table):
    """Limits of address links."""

    max_ips_per_device: int
    max_devices_per_ip: int


class AccountInstrumentLimits(Table):
    """Limits of instrument links."""

    max_instruments_per_account: int


class LinkageLimits(Table):
    """Limits of all links."""

    device_links: DeviceLinkLimits
    ip_links: IpLinkLimits
    account_instrument_links: AccountInstrumentLimits


class FraudFraction(Table):
    """Share of entities whose role is not the clean one."""

    min_fraud_fraction: Share
    max_fraud_fraction: Share


class RiskyFraction(Table):
    """Likewise for devices and addresses."""

    min_risky_fraction: Share
    max_risky_fraction: Share


class RoleFractions(Table):
    """Bounds of the shares of roles."""

    party_roles: FraudFraction
    account_roles: FraudFraction
    merchant_roles: FraudFraction
    device_roles: RiskyFraction
    ip_roles: RiskyFraction


class Alignment(Table):
    """Largest gap between observed and prior shares, in points."""

    max_abs_error_pp: float


class Coverage(Table):
    """Share of devices that must have an address."""

    min_fraction: Share


class DegreeTail(Table):
    """Bounds of the devices on one address, of a whole world: nothing is clamped to them."""

    p99_max: Annotated[int, _TAIL]
    max_max: Annotated[int, _TAIL]


class DistributionLimits(Table):
    """Bounds of distributions."""

    ip_prior_alignment: Alignment
    device_ip_coverage: Coverage
    ip_degree_tail: DegreeTail


class Consistency(Table):
    """Vocabularies that must match; the checks always run."""

    require_role_vocab_match_taxonomy: Literal[True]
    require_linkage_roles_match_policy: Literal[True]


class RawRoles(Table):
    """Raw role to published role, by entity."""

    DEVICE: Mapping[Name, Name]
    IP: Mapping[Name, Name]


class DefaultRoles(Table):
    """Published role of a raw role that is not mapped, by entity."""

    DEVICE: Name
    IP: Name


class RoleMapping(Table):
    """Raw roles of devices and addresses to published ones."""

    require_full_mapping: bool
    ip_group_match_mode: Literal["by_ip_or_asn"]
    t8_compare_space: Literal["canonical_taxonomy"]
    raw_to_published: RawRoles
    defaults: DefaultRoles


class Failure(Table):
    """When the whole fails."""

    mode: Literal["fail_closed"]
    max_warnings: int = Field(ge=0)


class ValidationPolicy(Pack):
    """What the last state requires of a world."""

    upstream_pass_required: UpstreamRequired
    structural: Structure
    linkage: LinkageLimits
    role_fractions: RoleFractions
    distribution: DistributionLimits
    consistency: Consistency
    failure: Failure
    role_mapping: RoleMapping
    declared: Declared
