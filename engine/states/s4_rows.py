"""Rows of the datasets of S4: addresses, and region by region devices with their links."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from engine.identity import WorldKey
from engine.kernels import backend, hashing
from engine.kernels.links import LinkRegion, LinkTask, guide_of
from engine.kernels.ranges import IdRanges
from engine.kernels.spread import spread
from engine.kernels.ties import CounterStream
from engine.states.gate import entity_key, gated_weights
from engine.states.parts import ROWS, Part
from engine.states.runs import window
from engine.states.s4 import IpPlan, error

_SHORT = 1e-12
"""Slack of the coverage test, against the last bit of a quotient."""


def emit_ip_base(plan: IpPlan, *, rows: int = ROWS) -> Iterator[Part]:
    """Rows of ``s4_ip_base_6A``.

    Columns: ip_id (u32), ip_type, asn_class, country_iso (codes).
    """
    count = np.array([cell.count for cell in plan.cells], dtype=np.int64)
    coded = {
        "ip_type": np.array([cell.ip_type for cell in plan.cells], dtype=np.uint8),
        "asn_class": np.array([cell.asn_class for cell in plan.cells], dtype=np.uint8),
        "country_iso": np.array([cell.country for cell in plan.cells], dtype=np.uint8),
    }
    for start in range(0, plan.total, rows):
        stop = min(start + rows, plan.total)
        runs, share = window(count, start, stop)
        columns = {name: np.repeat(codes[runs], share) for name, codes in coded.items()}
        yield Part("s4_ip_base_6A", {"ip_id": np.arange(start + 1, stop + 1, dtype=np.uint32), **columns})


class RegionWork(Iterator[Part]):
    """Parts of ``s4_device_base_6A``, ``s4_device_links_6A`` and ``s4_ip_links_6A`` of one region.

    Columns of devices: device_id, primary_party_id (u32), device_type, os_family, home_region_id, home_country_iso
    (codes); of device links: device_id, party_id; of ip links: ip_id, device_id, party_id (all u32).

    The figures below are complete when the parts are exhausted.
    """

    def __init__(self, parts: Iterator[Part], region: LinkRegion) -> None:
        self._parts = parts
        self._region = region

    def __next__(self) -> Part:
        return next(self._parts)

    @property
    def devices(self) -> int:
        """Devices so far."""
        return int(self._region.tally[0])

    @property
    def covered(self) -> int:
        """Devices with at least one address."""
        return int(self._region.tally[1])

    @property
    def links(self) -> int:
        """Links from devices to addresses."""
        return int(self._region.tally[2] - self._region.tally[3])

    @property
    def dropped(self) -> int:
        """Links asked for that found no address."""
        return int(self._region.tally[3])

    @property
    def loads(self) -> NDArray[np.int32]:
        """Devices on every address of the region."""
        return self._region.loads


@dataclass(frozen=True, slots=True)
class _Unit:
    """Parties of one region and party type, and what they hold so far."""

    region: int
    party_type: int
    ranges: IdRanges
    ids: NDArray[np.uint32]
    country: NDArray[np.uint8]
    held: NDArray[np.uint8]


def emit_region(
    plan: IpPlan, world: WorldKey, region: int, *, rows: int = ROWS, twin: backend.Twin | None = None
) -> RegionWork:
    """Devices and links of one region; regions are independent and may run in threads (the loops release the lock).

    Args:
        plan: Devices and addresses.
        world: Keys of the draws.
        region: Code of the region.
        rows: Parties of a part, about.
        twin: Which twin computes; by the size of the world where not said.

    Raises:
        EngineError: DEVICE_INTEGERISATION_FAILED (``no_eligible_party``, ``device_capacity_exceeded``) or
            GRAPH_COUNTS_MISMATCH (``coverage_below_target``), while the parts are taken.
    """
    loops = backend.loops(twin or backend.twin_for(plan.devices.parties.parties))
    links = _link_region(plan, world, region)
    return RegionWork(_region(plan, world, region, rows, loops, links), links)


def _link_region(plan: IpPlan, world: WorldKey, region: int) -> LinkRegion:
    priors, vocabulary = plan.devices.priors, plan.devices.vocabulary
    name = vocabulary.party.regions[region]
    cells = [cell for cell in plan.cells if cell.region == region]
    bounds = hashing.thresholds([cell.edge_weight for cell in cells])
    devices = sum(count for (at, _, _), count in plan.devices.counts.items() if at == region)
    names = [f"{vocabulary.ip_types[cell.ip_type]}|{vocabulary.asn_classes[cell.asn_class]}" for cell in cells]
    return LinkRegion(
        bounds=bounds,
        guide=guide_of(bounds),
        first=np.array([cell.first for cell in cells], dtype=np.uint32),
        span=np.array([cell.count for cell in cells], dtype=np.uint32),
        word=np.array([hashing.text_word(text) for text in names], dtype=np.uint64),
        base=cells[0].first,
        loads=np.zeros(sum(cell.count for cell in cells), dtype=np.int32),
        cap=priors.max_devices_per_ip,
        devices=devices,
        needed=math.ceil(priors.coverage_target * devices),
        tally=np.zeros(4, dtype=np.int64),
        cell_key=_pair_key(world, f"ip_cell|{name}"),
        slot_key=_pair_key(world, f"ip_id|{name}"),
    )


def _pair_key(world: WorldKey, label: str) -> int:
    return hashing.pair_key(
        "s4",
        label,
        manifest_fingerprint=world.manifest_fingerprint,
        parameter_hash=world.parameter_hash,
        seed=world.seed,
    )


def _region(
    plan: IpPlan, world: WorldKey, region: int, rows: int, loops: backend.Loops, links: LinkRegion
) -> Iterator[Part]:
    priors, vocabulary, parties = plan.devices.priors, plan.devices.vocabulary, plan.devices.parties
    for party_type in sorted({kind for at, kind, _ in plan.devices.counts if at == region}):
        blocks = np.flatnonzero((parties.region == region) & (parties.party_type == party_type))
        ranges = parties.ranges(blocks)
        unit = _Unit(
            region,
            party_type,
            ranges,
            ranges.ids(),
            np.repeat(parties.country[blocks], parties.count[blocks]),
            np.zeros(ranges.size, dtype=np.uint8),
        )
        types = {
            vocabulary.device_types[device_type]: count
            for (at, kind, device_type), count in plan.devices.counts.items()
            if (at, kind) == (region, party_type)
        }
        for group in sorted({priors.devices[name].alloc_group for name in types}):
            members = sorted(name for name in types if priors.devices[name].alloc_group == group)
            weight = _weights(plan, world, unit, group, sum(types[name] for name in members), loops)
            for name in members:
                out = _allocate(plan, world, unit, name, types[name], weight, loops)
                yield from _type_parts(plan, world, unit, name, out, rows, loops, links)
                unit.held[:] += out
    seen, covered = int(links.tally[0]), int(links.tally[1])
    if seen and covered / seen + _SHORT < priors.coverage_target:
        raise error(
            "GRAPH_COUNTS_MISMATCH",
            "coverage_below_target",
            f"{covered} of {seen} devices have an address, below the share {priors.coverage_target}",
            vocabulary.party.regions[region],
            "raise edges_per_device_by_ip_group or max_devices_per_ip in ip_count_priors",
            devices=seen,
            covered=covered,
        )


def _weights(
    plan: IpPlan, world: WorldKey, unit: _Unit, group: str, units: int, loops: backend.Loops
) -> NDArray[np.uint32]:
    """Weight of every party of a unit for a group with so many devices; 0 where the zero gate shuts."""
    vocabulary, rule = plan.devices.vocabulary, plan.devices.priors.groups[group]
    room = np.uint8(plan.devices.priors.max_devices_per_party) - unit.held
    return gated_weights(
        loops,
        unit.ranges,
        partial(entity_key, world, "S4", f"{vocabulary.party.regions[unit.region]}|{group}"),
        p_zero_weight=rule.p_zero_weight,
        sigma=rule.sigma,
        floor=plan.devices.priors.weight_floor,
        suffices=lambda drawn: int(room[drawn > 0].sum(dtype=np.int64)) >= units,
    )


def _allocate(
    plan: IpPlan,
    world: WorldKey,
    unit: _Unit,
    device_type: str,
    count: int,
    weight: NDArray[np.uint32],
    loops: backend.Loops,
) -> NDArray[np.uint8]:
    """Devices of a type for every party of the unit, u8."""
    priors, words = plan.devices.priors, plan.devices.vocabulary.party
    names = (words.regions[unit.region], words.party_types[unit.party_type])
    label = "|".join(("device_alloc", *names, priors.devices[device_type].alloc_group, device_type))
    ties = CounterStream(
        label, manifest_fingerprint=world.manifest_fingerprint, parameter_hash=world.parameter_hash, seed=world.seed
    )
    out = np.zeros(unit.ranges.size, dtype=np.uint8)
    room = np.uint8(priors.max_devices_per_party) - unit.held
    result = spread(count, weight, room, out, loops, ties=ties)
    if result.rest:
        raise error(
            "DEVICE_INTEGERISATION_FAILED",
            "device_capacity_exceeded" if result.eligible else "no_eligible_party",
            f"{result.rest} of {count} devices found none of {result.eligible} eligible parties with room",
            ", ".join((*names, device_type)),
            "lower devices_per_party or p_zero_weight, raise max_devices_per_party, or make a larger world",
        )
    return out


def _type_parts(
    plan: IpPlan,
    world: WorldKey,
    unit: _Unit,
    device_type: str,
    out: NDArray[np.uint8],
    rows: int,
    loops: backend.Loops,
    links: LinkRegion,
) -> Iterator[Part]:
    """Devices of one type with their links."""
    vocabulary, priors = plan.devices.vocabulary, plan.devices.priors
    region = vocabulary.party.regions[unit.region]
    rule = priors.devices[device_type]
    edges = priors.edges_per_device[rule.ip_group]
    whole = math.floor(edges)
    count_key = _pair_key(world, f"ip_edge_count|{region}")
    task = LinkTask(links, whole, hashing.below(edges - whole), priors.max_ips_per_device, count_key)
    os_bounds = hashing.thresholds([share for _, share in rule.os_shares])
    os_codes = np.array([vocabulary.os_families.index(name) for name, _ in rule.os_shares], dtype=np.uint8)
    os_key = _pair_key(world, f"os_family|{region}")
    stride = np.uint32(priors.max_devices_per_party + 1)
    code = vocabulary.device_types.index(device_type)
    for start in range(0, len(out), rows):
        piece = slice(start, start + rows)
        count = out[piece]
        party = np.repeat(unit.ids[piece], count)
        if not len(party):
            continue
        # Number of a device within its party: what the party held before, plus its place among the new ones.
        ends = np.cumsum(count, dtype=np.uint32)
        base = unit.ids[piece] * stride + unit.held[piece] + np.uint32(1) - (ends - count)
        device = np.repeat(base, count) + np.arange(len(party), dtype=np.uint32)
        columns: dict[str, NDArray[np.generic]] = {
            "device_id": device,
            "device_type": np.full(len(device), code, dtype=np.uint8),
            "os_family": os_codes[hashing.pick(hashing.mix_pair(device, 0, os_key), os_bounds)],
            "primary_party_id": party,
            "home_region_id": np.full(len(device), unit.region, dtype=np.uint8),
            "home_country_iso": np.repeat(unit.country[piece], count),
        }
        yield Part("s4_device_base_6A", columns)
        yield Part("s4_device_links_6A", {"device_id": device, "party_id": party})
        address, held = loops.link(task, device)
        ip_columns = {"ip_id": address, "device_id": np.repeat(device, held), "party_id": np.repeat(party, held)}
        yield Part("s4_ip_links_6A", ip_columns)
