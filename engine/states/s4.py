"""S4: devices, addresses and the links of the graph.

Order of use::

    devices = plan_device_counts(priors, vocabulary, parties, ties=streams("device_count_realisation"))
    ips = plan_ip_counts(devices, ties=streams("ip_count_realisation"))
    for part in emit_ip_base(ips): ...
    for region in ips.regions:          # independent; written in region order
        work = emit_region(ips, identity, region)
        for part in work: ...
    facts = graph_facts(ips)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.kernels.ties import TieStream
from engine.states.parts import DrawFact, Part
from engine.states.s2 import PartyBlocks, PartyVocabulary


@dataclass(frozen=True, slots=True)
class GraphVocabulary:
    """Sorted vocabularies of devices and addresses; regions, countries and party types are those of S2."""

    party: PartyVocabulary
    device_types: tuple[str, ...]
    os_families: tuple[str, ...]
    ip_types: tuple[str, ...]
    asn_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """One device type: the group that allocates it, the group that demands addresses, its operating systems."""

    alloc_group: str
    ip_group: str
    os_shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One allocation group: share of parties left out and spread of the weight."""

    p_zero_weight: float
    sigma: float


@dataclass(frozen=True, slots=True)
class IpCellRule:
    """One (ip type, asn class): share of the type and mean devices per address."""

    ip_type: str
    asn_class: str
    asn_share: float
    mean_devices_per_ip: float


@dataclass(frozen=True, slots=True)
class GraphPriors:
    """All that S4 reads of its packs.

    Attributes:
        devices_per_party: Party type to expectation; ``global_multiplier`` scales all.
        device_mix: Party type to (device type, share).
        devices: Device type to rule.
        groups: Allocation group to rule.
        edges_per_device: Address-demand group to expected links of a device.
        ip_type_share: Region to (ip type, share of links), in the order of the pack.
        ip_cells: Cells in the order of the pack.
        max_devices_per_party, max_ips_per_device, max_devices_per_ip: Caps.
        coverage_target: Share of devices that must have an address.
        weight_floor: Smallest weight of a party that passed the zero gate.
    """

    devices_per_party: Mapping[str, float]
    global_multiplier: float
    device_mix: Mapping[str, tuple[tuple[str, float], ...]]
    devices: Mapping[str, DeviceRule]
    groups: Mapping[str, GroupRule]
    edges_per_device: Mapping[str, float]
    ip_type_share: Mapping[str, tuple[tuple[str, float], ...]]
    ip_cells: tuple[IpCellRule, ...]
    max_devices_per_party: int
    max_ips_per_device: int
    max_devices_per_ip: int
    coverage_target: float
    weight_floor: float


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """Devices per (region, party type, device type) codes."""

    priors: GraphPriors
    vocabulary: GraphVocabulary
    parties: PartyBlocks
    counts: Mapping[tuple[int, int, int], int]
    total: int
    warnings: tuple[str, ...]
    facts: tuple[DrawFact, ...]


@dataclass(frozen=True, slots=True)
class IpCell:
    """Addresses of one (region, ip type, asn class): consecutive ids from ``first``."""

    region: int
    ip_type: int
    asn_class: int
    country: int
    first: int
    count: int
    edge_weight: float  # count times mean devices per address


@dataclass(frozen=True, slots=True)
class IpPlan:
    """Addresses of every region, sorted by (region, ip type, asn class)."""

    devices: DevicePlan
    cells: tuple[IpCell, ...]
    total: int
    regions: tuple[int, ...]
    facts: tuple[DrawFact, ...]


class RegionWork(Iterator[Part]):
    """Parts of ``s4_device_base_6A``, ``s4_device_links_6A`` and ``s4_ip_links_6A`` of one region.

    Columns of devices: device_id, device_type, os_family, primary_party_id, home_region_id, home_country_iso;
    of device links: device_id, party_id; of ip links: ip_id, device_id, party_id.

    Attributes:
        devices: Devices so far; likewise ``links``, ``dropped`` (links that found no address) and ``covered``
            (devices with at least one address); complete when the parts are exhausted.
    """

    devices: int
    links: int
    dropped: int
    covered: int


def plan_device_counts(
    priors: GraphPriors, vocabulary: GraphVocabulary, parties: PartyBlocks, *, ties: TieStream
) -> DevicePlan:
    """Split devices over types, per region and party type.

    Raises:
        EngineError: 6A.S4.PRIOR_PACK_INVALID.
    """
    raise NotImplementedError


def plan_ip_counts(plan: DevicePlan, *, ties: TieStream) -> IpPlan:
    """Size the address cells of every region from the links that its devices will ask for.

    Raises:
        EngineError: 6A.S4.PRIOR_PACK_INVALID.
    """
    raise NotImplementedError


def emit_ip_base(plan: IpPlan, *, rows: int = 1 << 19) -> Iterator[Part]:
    """Rows of ``s4_ip_base_6A``: ip_id, ip_type, asn_class, country_iso."""
    raise NotImplementedError


def emit_region(plan: IpPlan, identity: object, region: int, *, rows: int = 1 << 19) -> RegionWork:
    """Devices and links of one region; regions are independent and may run in threads (the loops release the GIL).

    Raises:
        EngineError: 6A.S4.ALLOCATION_FAILED with ``no_eligible_party``, ``device_capacity_exceeded`` or
            ``coverage_below_target``.
    """
    raise NotImplementedError


def graph_facts(plan: IpPlan) -> tuple[DrawFact, ...]:
    """The summary events of allocation and attributes, which draw nothing from counter streams."""
    raise NotImplementedError
