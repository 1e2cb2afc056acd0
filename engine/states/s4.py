"""S4: devices, addresses and the links of the graph.

Order of use::

    devices = plan_device_counts(priors, vocabulary, parties, ties=<stream device_count_realisation>)
    ips = plan_ip_counts(devices, ties=<stream ip_count_realisation>)
    for part in emit_ip_base(ips): ...
    for region in ips.regions:          # independent; written in region order
        work = emit_region(ips, world, region)
        for part in work: ...
    facts = (*devices.facts, *ips.facts, *graph_facts(ips))

The rows come from ``engine.states.s4_rows``. Against the written law two things differ on
purpose, under ``hashing.KERNEL_VERSION``: draws depend on the seed, and a zero gate that would leave too few opens
(``engine.states.gate``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import EngineError
from engine.kernels.remainder import largest_remainder
from engine.kernels.ties import TieStream
from engine.states.parts import DrawFact
from engine.states.runs import PartyBlocks
from engine.states.s2_priors import PartyVocabulary

_MOST = np.iinfo(np.uint8).max


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


def error(code: str, reason: str, fact: str, place: str, remedy: str, **context: object) -> EngineError:
    """An error of this state."""
    return EngineError(code=f"6A.S4.{code}", reason=reason, fact=fact, place=place, remedy=remedy, context=context)


def plan_device_counts(
    priors: GraphPriors, vocabulary: GraphVocabulary, parties: PartyBlocks, *, ties: TieStream
) -> DevicePlan:
    """Split devices over types, per region and party type.

    Args:
        priors: What S4 reads of its packs.
        vocabulary: Words that all codes point into.
        parties: The party base.
        ties: Stream ``device_count_realisation``.

    Raises:
        EngineError: PRIOR_PACK_INVALID.
    """
    words = vocabulary.party
    sizes: dict[tuple[int, int], int] = defaultdict(int)
    for region, party_type, count in zip(
        parties.region.tolist(), parties.party_type.tolist(), parties.count.tolist(), strict=True
    ):
        sizes[region, party_type] += count
    _check_caps(priors, parties)
    counts: dict[tuple[int, int, int], int] = {}
    facts: list[DrawFact] = []
    for (region, party_type), members in sorted(sizes.items()):
        name = words.party_types[party_type]
        mix = priors.device_mix.get(name, ())
        _check_mix(priors, vocabulary, name, mix)
        target = members * priors.devices_per_party[name] * priors.global_multiplier
        total = round(target)
        scale = math.fsum(share for _, share in mix)
        split, taken = largest_remainder([target * share / scale for _, share in mix], total, ties)
        for (device_type, _), count in zip(mix, split, strict=True):
            counts[region, party_type, vocabulary.device_types.index(device_type)] = count
        context = {
            "region_id": words.regions[region],
            "party_type": name,
            "n_parties": members,
            "total_target": target,
            "total_int": total,
            "device_types": len(mix),
        }
        facts.append(DrawFact("device_count_realisation", taken, context))
    ordered = dict(sorted(counts.items()))
    return DevicePlan(priors, vocabulary, parties, ordered, sum(ordered.values()), tuple(facts))


def _check_caps(priors: GraphPriors, parties: PartyBlocks) -> None:
    ids = np.iinfo(np.uint32).max
    if not 1 <= priors.max_devices_per_party <= _MOST or (
        (parties.parties + 1) * (priors.max_devices_per_party + 1) > ids
    ):
        raise error(
            "PRIOR_PACK_INVALID",
            "invalid_max_devices_per_party",
            f"cap {priors.max_devices_per_party} of devices lies outside 1 to {_MOST}, or device ids exceed {ids}",
            "device_count_priors, caps.max_devices_per_party",
            "lower the cap or the scale",
        )
    if priors.max_devices_per_ip < 1 or not 1 <= priors.max_ips_per_device <= _MOST:
        raise error(
            "PRIOR_PACK_INVALID",
            "invalid_max_devices_per_ip",
            f"caps {priors.max_devices_per_ip} of devices and {priors.max_ips_per_device} of addresses cannot be kept",
            "ip_count_priors, caps",
            f"use at least 1, and at most {_MOST} addresses a device",
        )


def _check_mix(
    priors: GraphPriors, vocabulary: GraphVocabulary, party_type: str, mix: tuple[tuple[str, float], ...]
) -> None:
    if party_type not in priors.devices_per_party:
        raise error(
            "PRIOR_PACK_INVALID",
            "lambda_missing",
            f"party type {party_type} has no expectation of devices",
            f"device_count_priors, devices_per_party.{party_type}",
            "add the figure",
        )
    if not math.fsum(share for _, share in mix) > 0.0:
        raise error(
            "PRIOR_PACK_INVALID",
            "device_mix_missing",
            f"party type {party_type} has no mix of device types",
            f"device_count_priors, device_mix.{party_type}",
            "add shares that sum to one",
        )
    for device_type, _ in mix:
        rule = priors.devices.get(device_type)
        if rule is None or device_type not in vocabulary.device_types or rule.alloc_group not in priors.groups:
            raise error(
                "PRIOR_PACK_INVALID",
                "device_type_unknown",
                f"device type {device_type} has no rule or no allocation group",
                f"device_count_priors, device_mix.{party_type}.{device_type}",
                "use a type of device_taxonomy",
            )
        if not priors.edges_per_device.get(rule.ip_group, 0.0) > 0.0:
            raise error(
                "PRIOR_PACK_INVALID",
                "lambda_ip_per_device_missing_or_nonpositive",
                f"demand group {rule.ip_group} of {device_type} has no positive expectation of addresses",
                f"ip_count_priors, edges_per_device_by_ip_group.{rule.ip_group}",
                "add a positive figure",
            )


def plan_ip_counts(plan: DevicePlan, *, ties: TieStream) -> IpPlan:
    """Size the address cells of every region from the links that its devices will ask for.

    Args:
        plan: Devices.
        ties: Stream ``ip_count_realisation``.

    Raises:
        EngineError: PRIOR_PACK_INVALID, IP_TARGETS_INCONSISTENT.
    """
    priors, vocabulary = plan.priors, plan.vocabulary
    demand: dict[int, list[float]] = defaultdict(list)
    for (region, _, device_type), count in plan.counts.items():
        group = priors.devices[vocabulary.device_types[device_type]].ip_group
        demand[region].append(count * priors.edges_per_device[group])
    cells: list[IpCell] = []
    facts: list[DrawFact] = []
    next_id = 1
    for region, edges in sorted(demand.items()):
        name = vocabulary.party.regions[region]
        total_edges = math.fsum(edges)
        targets = _ip_targets(priors, vocabulary, name, total_edges)
        total_target = math.fsum(targets)
        total = round(total_target)
        if total == 0 and total_edges > 0.0:
            raise error(
                "IP_TARGETS_INCONSISTENT",
                "region_without_addresses",
                f"{total_edges:.0f} links are planned and no address",
                name,
                "make a larger world, or lower mean_devices_per_ip",
            )
        split, taken = largest_remainder(targets, total, ties)
        context = {
            "region_id": name,
            "total_edge_target": total_edges,
            "total_target": total_target,
            "total_int": total,
            "cells": len(targets),
        }
        facts.append(DrawFact("ip_count_realisation", taken, context))
        country = _country(plan.parties, region)
        coded = [
            (vocabulary.ip_types.index(rule.ip_type), vocabulary.asn_classes.index(rule.asn_class), count, rule)
            for rule, count in zip(priors.ip_cells, split, strict=True)
            if count
        ]
        for ip_type, asn_class, count, rule in sorted(coded, key=lambda entry: entry[:2]):
            weight = count * rule.mean_devices_per_ip
            cells.append(IpCell(region, ip_type, asn_class, country, next_id, count, weight))
            next_id += count
    return IpPlan(plan, tuple(cells), next_id - 1, tuple(sorted(demand)), tuple(facts))


def _ip_targets(priors: GraphPriors, vocabulary: GraphVocabulary, region: str, edges: float) -> list[float]:
    """Real number of addresses of every cell, in the order of the pack."""
    shares = dict(priors.ip_type_share.get(region, ()))
    if not shares:
        raise error(
            "PRIOR_PACK_INVALID",
            "ip_type_mix_missing_region",
            f"region {region} has no mix of address types",
            f"ip_count_priors, type_share_by_region.{region}",
            "add shares that sum to one",
        )
    targets = []
    for rule in priors.ip_cells:
        if rule.ip_type not in vocabulary.ip_types or rule.asn_class not in vocabulary.asn_classes:
            raise error(
                "PRIOR_PACK_INVALID",
                "ip_type_unknown" if rule.ip_type not in vocabulary.ip_types else "asn_class_unknown",
                f"address cell {rule.ip_type}, {rule.asn_class} is unknown",
                "ip_count_priors, cells",
                "use words of ip_taxonomy",
            )
        targets.append(edges * shares.get(rule.ip_type, 0.0) * rule.asn_share / rule.mean_devices_per_ip)
    return targets


def _country(parties: PartyBlocks, region: int) -> int:
    """The country with the most parties of a region; of equals, the first in party order."""
    sizes: dict[int, int] = defaultdict(int)
    for country, count in zip(
        parties.country[parties.region == region].tolist(),
        parties.count[parties.region == region].tolist(),
        strict=True,
    ):
        sizes[country] += count
    return max(sizes, key=lambda country: sizes[country])


def graph_facts(plan: IpPlan) -> tuple[DrawFact, ...]:
    """The summary events of allocation and attributes, which draw nothing from counter streams."""
    regions = len(plan.regions)
    asn_classes = len({cell.asn_class for cell in plan.cells})
    return (
        DrawFact("device_allocation_sampling", (), {"method": "region_parallel", "regions": regions}),
        DrawFact("device_attribute_sampling", (), {"method": "deterministic_hash", "regions": regions}),
        DrawFact(
            "ip_allocation_sampling",
            (),
            {"method": "region_parallel", "total_devices": plan.devices.total, "total_ips": plan.total},
        ),
        DrawFact("ip_attribute_sampling", (), {"ip_cells": len(plan.cells), "asn_classes": asn_classes}),
    )
