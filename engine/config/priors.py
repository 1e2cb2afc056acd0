"""Prior packs of parties, accounts, instruments, devices and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from engine.config.base import Carried, Count, Declared, Name, NotNegative, Pack, Positive, Range, Share, Shares, Table

Exponent = Annotated[float, Field(ge=0.0, le=4.0)]
"""An exponent of outlets or arrivals: more of them never weigh less, and no world's weights leave the doubles."""
_COUNT_MODEL = Carried("belongs to the count model of the written law, for which weights stand in")
CountModel = Literal["bernoulli_cap1_v1", "zi_poisson_capK_v1", "zi_nb2_capK_v1"]


class WorldSize(Table):
    """Parties of the world from weekly arrivals, times a lognormal multiplier of the seed."""

    mode: Literal["arrivals_based_v1"]
    active_fraction: Positive
    arrivals_per_active_party_per_week: Positive
    N_world_min: Count
    N_world_max: Count
    seed_scale_lognormal_sigma: NotNegative
    seed_scale_clip: Range


class CountryWeight(Table):
    """Weight of a country: ``(outlets + offset)^exponent * (arrivals + offset)^exponent``, floored.

    A factor that is switched off takes no part; one of the two stays on.
    """

    use_outlets: bool
    use_arrivals: bool
    outlet_offset: NotNegative
    outlet_exponent: Exponent
    arrival_offset: NotNegative
    arrival_exponent: Exponent
    country_weight_floor: Positive
    max_country_share_cap: Annotated[Share, Carried("a corridor of the written law, which caps no country")]


class PopulationPriors(Pack):
    """How large the world is and how countries share it."""

    world_size: WorldSize
    country_weight: CountryWeight
    party_type_fallback_share: Annotated[Shares, Carried("for a region without a mix, which is refused")]
    min_parties_per_country: int
    required_hints: tuple[Literal["OUTLET_COUNTS_BY_COUNTRY"], Literal["EXPECTED_ARRIVALS_BY_COUNTRY"]] = Field(
        strict=False
    )
    declared: Declared


class Segment(Table):
    """What a segment is like; features in [0, 1]."""

    party_type: Name
    group: Annotated[Name, Carried("sorts segments for readers")]
    tags: tuple[str, ...] = Field(strict=False)
    features: Mapping[Name, Share]


class SegmentationPriors(Pack):
    """Shares of party types by region and of segments by party type and region."""

    party_type_share_by_region: Mapping[Name, Shares]
    segment_share_by_region: Mapping[Name, Mapping[Name, Shares]]
    segments: Mapping[Name, Segment]
    declared: Declared


class AccountExpectation(Table):
    """Accounts of a type that a party holds before the tilt."""

    party_type: Name
    required: bool
    base_lambda: NotNegative


class Tilt(Table):
    """Exponent of the tilt: the sum of weight times (feature minus center), clipped both ways."""

    center: float
    clip: NotNegative
    weights: Mapping[Name, Mapping[Name, float]]


class ProductConstraints(Table):
    """Sums of expectations and numbers of types beyond which the packs are doubtful."""

    max_total_lambda_per_party_by_party_type: Mapping[Name, Positive]
    min_nonzero_account_types_in_domain: Mapping[Name, int]
    disallow_zero_domain_cells: Literal[True]
    enforce_required_types: Literal[True]


class ProductMixPriors(Pack):
    """Accounts of a party in expectation."""

    domain_mode: Literal["explicit_by_party_type"]
    merchant_mode_enabled: Literal[False]
    types: Mapping[Name, AccountExpectation]
    tilt: Tilt
    constraints: ProductConstraints
    declared: Declared


class AccountRule(Table):
    """How unevenly a type falls on parties."""

    K_max: Count
    p_zero_weight: Share
    sigma: NotNegative
    count_model: CountModel
    p_zero: Annotated[Share, _COUNT_MODEL]
    kappa: Annotated[float | None, _COUNT_MODEL]


class TagAdjustment(Table):
    """Factors of a segment tag on one account type, each clipped to [min, max]."""

    tag: Name
    account_type: Name
    p_zero_weight_factor: NotNegative
    sigma_factor: NotNegative
    min: NotNegative
    max: NotNegative


class AccountCaps(Table):
    """How caps are enforced."""

    cap_enforcement_mode: Literal["hard_global_postmerge", "none"]
    max_allowed_kmax_violations: int = Field(ge=0)
    K_max_global_upper_bound: Count
    sigma_global_upper_bound: Positive
    coverage_mode: Literal["fail_on_missing_rule"]
    required_types_min_weighted_coverage: Mapping[Name, Share]


class AccountPerPartyPriors(Pack):
    """Unevenness and caps of accounts."""

    weight_floor: Positive
    count_models_supported: tuple[CountModel, ...] = Field(strict=False)
    rules: Mapping[Name, AccountRule]
    tag_adjustments: tuple[TagAdjustment, ...] = Field(strict=False)
    caps: AccountCaps
    declared: Declared


class InstrumentMixPriors(Pack):
    """Instruments of an account in expectation, their mix and the shares of schemes by kind."""

    lambda_total: Mapping[Name, NotNegative]
    instrument_share: Mapping[Name, Shares]
    scheme_share: Mapping[Name, Shares]
    declared: Declared


class InstrumentRule(Table):
    """How unevenly an instrument type falls on accounts of a type, and its cap."""

    hard_max: Count
    p_zero_weight: Share
    sigma: NotNegative
    count_model: Annotated[CountModel, _COUNT_MODEL]
    p_zero: Annotated[Share, _COUNT_MODEL]
    kappa: Annotated[float | None, _COUNT_MODEL]


class InstrumentConstraints(Table):
    """Bounds over all instrument rules."""

    coverage_mode: Literal["fail_on_missing_rule"]
    max_sigma_global: Positive
    max_hard_max_global: Count
    require_nonzero_weight_when_mandatory: Literal[True]
    forbid_rules_for_ineligible_pairs: Literal[True]


class InstrumentPerAccountPriors(Pack):
    """Unevenness and caps of instruments."""

    weight_floor: Positive
    scheme_mode: Literal["ATTRIBUTE_ONLY"]
    hard_min: Literal[0]
    rules: Mapping[Name, Mapping[Name, InstrumentRule]]
    constraints: InstrumentConstraints
    declared: Declared


class AllocationGroup(Table):
    """Share of parties that a device group leaves out, and the spread of the weight."""

    p_zero_weight: Share
    sigma: NotNegative


class DeviceCaps(Table):
    """Caps of devices."""

    fail_on_missing_rule: Literal[True]
    max_devices_per_party: Count
    max_devices_per_account: Annotated[Count, Carried("devices are linked to parties alone")]
    max_devices_per_merchant: Annotated[Count, Carried("devices are linked to parties alone")]
    max_total_devices_world: Count
    max_total_device_edges_world: Count


class DeviceCountPriors(Pack):
    """Devices of a party in expectation, their mix and operating systems."""

    devices_per_party: Mapping[Name, NotNegative]
    global_multiplier: Positive
    device_mix: Mapping[Name, Shares]
    weight_floor: Positive
    alloc_groups: Mapping[Name, AllocationGroup]
    os_share: Mapping[Name, Shares]
    caps: DeviceCaps
    declared: Declared


class IpCell(Table):
    """Share of an address type that an ASN class carries, and the devices on one address."""

    ip_type: Name
    asn_class: Name
    asn_share: Share
    mean_devices_per_ip: Positive


class IpCaps(Table):
    """Caps of addresses."""

    fail_on_missing_rule: Literal[True]
    max_total_ips_world: Count
    max_total_ip_edges_world: Count
    max_ips_per_device: Count
    max_devices_per_ip: Count
    max_parties_per_ip: Count
    eps_min_mu_dev_per_ip: Positive


class IpCountPriors(Pack):
    """Addresses of a device in expectation and the address cells of a region."""

    edges_per_device_by_ip_group: Mapping[Name, Positive]
    type_share_by_region: Mapping[Name, Shares]
    cells: tuple[IpCell, ...] = Field(strict=False)
    caps: IpCaps
    declared: Declared
