"""Observed shares against the priors, recomputed from the Parquet files alone.

The priors leave traces in the tables: a mix, a mean per owner, a role's share. ``shares`` recounts each of them and
puts it beside what the packs ask for, with the gap that rounding or chance can explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import Packs
from engine.config.lint import tilted_lambda
from engine.config.policy import RoleMapping
from engine.config.roles import TIERS, Promotion, RolePack
from engine.contracts.reading import read_columns, read_whole
from engine.contracts.vocabulary import Vocabularies

SIGMAS = 6.0
"""Standard deviations that a share of independent draws may lie off."""

Codes = NDArray[np.uint8]
Table = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """One prior and what became of it.

    Attributes:
        name: Which prior, such as ``device_mix/RETAIL/LAPTOP``.
        observed: Share or mean recounted from the tables.
        prior: What the packs ask for.
        rows: Entities that it was counted over.
        allowed: Largest gap that counts as kept.
    """

    name: str
    observed: float
    prior: float
    rows: int
    allowed: float

    @property
    def kept(self) -> bool:
        """Whether the observed value lies within the allowed gap."""
        return abs(self.observed - self.prior) <= self.allowed


def shares(paths: Mapping[str, Path], packs: Packs, words: Vocabularies) -> tuple[Share, ...]:
    """All priors beside what the tables show.

    Args:
        paths: Dataset id to its file.
        packs: The packs that the world was made from.
        words: Its vocabularies.

    Raises:
        EngineError: IO_READ_FAILED or SCHEMA_INVALID where a table cannot be read.
    """
    reader = _Reader(paths, words)
    parties = reader.codes("s1_party_base_6A", "party_type"), reader.codes("s1_party_base_6A", "region_id")
    segment = reader.codes("s1_party_base_6A", "segment_id")
    party_type, region = parties
    account_type = reader.codes("s2_account_base_6A", "account_type")
    found = [
        *_segmentation(packs, words, region, party_type, segment),
        *_accounts(packs, words, segment, account_type),
        *_instruments(reader, packs, words, account_type),
        *_devices(reader, packs, words, party_type),
        *_addresses(reader, packs, words),
        *_roles(reader, packs, words, party_type, account_type),
    ]
    return tuple(found)


class _Reader:
    """Columns of the tables as codes into the contracts' vocabularies."""

    def __init__(self, paths: Mapping[str, Path], words: Vocabularies) -> None:
        self._paths, self._words = paths, words

    def rows(self, dataset: str, *columns: str) -> Iterator[list[NDArray[Any]]]:
        """Some columns, batch by batch: numbers as they are, words as codes."""
        for batch in read_columns(self._paths[dataset], dataset, columns, self._words):
            yield [batch[name] for name in columns]

    def codes(self, dataset: str, column: str) -> Codes:
        """A whole column of words as codes."""
        whole: Codes = read_whole(self._paths[dataset], dataset, (column,), self._words)[column]
        return whole


def cross(left: NDArray[np.integer], right: NDArray[np.integer], rows: int, columns: int) -> Table:
    """Rows by two code columns, shape (rows, columns)."""
    cells = left.astype(np.int64) * columns + right
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns).astype(np.int64)


def _mix(
    name: str, counts: NDArray[np.int64], vocabulary: tuple[str, ...], prior: Mapping[str, float], allowed: float
) -> Iterator[Share]:
    """Shares of one row of counts; a word without a prior must not occur."""
    total = int(counts.sum())
    for index, word in enumerate(vocabulary):
        if total and (word in prior or counts[index]):
            yield Share(f"{name}/{word}", int(counts[index]) / total, prior.get(word, 0.0), total, allowed)


def _chance(prior: float, rows: int) -> float:
    """Gap that chance explains for independent draws."""
    return float(SIGMAS * (max(prior * (1.0 - prior), 1.0 / rows) / rows) ** 0.5) if rows else 1.0


def _segmentation(
    packs: Packs, words: Vocabularies, region: Codes, party_type: Codes, segment: Codes
) -> Iterator[Share]:
    """Integers per country leave at most one party a country between share and count."""
    pack, countries = packs.segmentation_priors, len(words["country"])
    sizes = len(words["region"]), len(words["party_type"]), len(words["segment"])
    by_type = cross(region, party_type, sizes[0], sizes[1])
    by_segment = cross(region, segment, sizes[0], sizes[2])
    for place, name in enumerate(words["region"]):
        rows = int(by_type[place].sum())
        if not rows:
            continue
        yield from _mix(
            f"party_type/{name}",
            by_type[place],
            words["party_type"],
            pack.party_type_share_by_region[name],
            countries / rows,
        )
        for kind, mixes in pack.segment_share_by_region.items():
            held = by_type[place][words["party_type"].index(kind)]
            own = [index for index, word in enumerate(words["segment"]) if pack.segments[word].party_type == kind]
            names = tuple(words["segment"][index] for index in own)
            allowed = countries / max(int(held), 1)
            yield from _mix(f"segment/{name}/{kind}", by_segment[place][own], names, mixes[name], allowed)


def _accounts(packs: Packs, words: Vocabularies, segment: Codes, account_type: Codes) -> Iterator[Share]:
    """Accounts of a type over what the tilted expectations of the segments add up to: 1 but for rounding."""
    parties = np.bincount(segment, minlength=len(words["segment"]))
    accounts = np.bincount(account_type, minlength=len(words["account_type"]))
    segments = packs.segmentation_priors.segments
    for index, name in enumerate(words["account_type"]):
        holder = packs.product_mix_priors.types[name].party_type
        wanted = sum(
            int(parties[place]) * tilted_lambda(packs, word, name)
            for place, word in enumerate(words["segment"])
            if segments[word].party_type == holder
        )
        if wanted:
            # One unit of rounding for each cell of region and segment.
            allowed = len(words["region"]) * len(segments) / wanted + 1e-9
            yield Share(f"accounts/{name}", int(accounts[index]) / wanted, 1.0, int(accounts[index]), allowed)


def _instruments(reader: _Reader, packs: Packs, words: Vocabularies, account_type: Codes) -> Iterator[Share]:
    pack, taxonomy = packs.instrument_mix_priors, packs.instrument_taxonomy
    sizes = len(words["account_type"]), len(words["instrument_type"]), len(words["scheme"])
    by_account, by_scheme = np.zeros(sizes[:2], np.int64), np.zeros(sizes[1:], np.int64)
    for account, kind, scheme in reader.rows("s3_instrument_base_6A", "account_id", "instrument_type", "scheme"):
        by_account += cross(account_type[account - 1], kind, *sizes[:2])
        by_scheme += cross(kind, scheme, *sizes[1:])
    accounts = np.bincount(account_type, minlength=sizes[0])
    for index, name in enumerate(words["account_type"]):
        total, held = int(by_account[index].sum()), int(accounts[index])
        if held:
            yield Share(f"instruments_per_account/{name}", total / held, pack.lambda_total[name], held, 2.0 / held)
        allowed = 2.0 / max(total, 1)
        yield from _mix(
            f"instrument_mix/{name}", by_account[index], words["instrument_type"], pack.instrument_share[name], allowed
        )
    for index, name in enumerate(words["instrument_type"]):
        scheme_kind = taxonomy.types[name].default_scheme_kind or "CARD_NETWORK"
        # A split per cell of account type: one unit of rounding each.
        allowed = sizes[0] / max(int(by_scheme[index].sum()), 1)
        yield from _mix(f"scheme/{name}", by_scheme[index], words["scheme"], pack.scheme_share[scheme_kind], allowed)


def _devices(reader: _Reader, packs: Packs, words: Vocabularies, party_type: Codes) -> Iterator[Share]:
    pack = packs.device_count_priors
    sizes = len(words["party_type"]), len(words["device_type"]), len(words["os_family"])
    by_party, by_os = np.zeros(sizes[:2], np.int64), np.zeros(sizes[1:], np.int64)
    for party, kind, system in reader.rows("s4_device_base_6A", "primary_party_id", "device_type", "os_family"):
        by_party += cross(party_type[party - 1], kind, *sizes[:2])
        by_os += cross(kind, system, *sizes[1:])
    parties = np.bincount(party_type, minlength=sizes[0])
    regions = len(words["region"])
    for index, name in enumerate(words["party_type"]):
        total, held = int(by_party[index].sum()), int(parties[index])
        wanted = pack.devices_per_party[name] * pack.global_multiplier
        if held:
            yield Share(f"devices_per_party/{name}", total / held, wanted, held, regions / held)
        allowed = regions / max(total, 1)
        yield from _mix(f"device_mix/{name}", by_party[index], words["device_type"], pack.device_mix[name], allowed)
    for index, name in enumerate(words["device_type"]):
        rows = int(by_os[index].sum())
        for share in _mix(f"os/{name}", by_os[index], words["os_family"], pack.os_share[name], 0.0):
            yield Share(share.name, share.observed, share.prior, rows, _chance(share.prior, rows))


def _addresses(reader: _Reader, packs: Packs, words: Vocabularies) -> Iterator[Share]:
    """Links by address type in each region, and links per device; the policy names the gap in points."""
    pack, stride = packs.ip_count_priors, packs.device_count_priors.caps.max_devices_per_party + 1
    ip_type = reader.codes("s4_ip_base_6A", "ip_type")
    kind_of = np.zeros(1, np.uint8)
    place_of = np.zeros(1, np.uint8)
    devices = np.zeros(len(words["device_type"]), np.int64)
    for device, kind, region in reader.rows("s4_device_base_6A", "device_id", "device_type", "home_region_id"):
        if len(device) and int(device.max()) >= len(kind_of):
            more = int(device.max()) * 3 // 2 + stride - len(kind_of)
            kind_of = np.r_[kind_of, np.zeros(more, np.uint8)]
            place_of = np.r_[place_of, np.zeros(more, np.uint8)]
        kind_of[device], place_of[device] = kind, region
        devices += np.bincount(kind, minlength=len(devices))
    sizes = len(words["region"]), len(words["ip_type"])
    by_region, edges = np.zeros(sizes, np.int64), np.zeros(len(devices), np.int64)
    for ip, device in reader.rows("s4_ip_links_6A", "ip_id", "device_id"):
        by_region += cross(place_of[device], ip_type[ip - 1], *sizes)
        edges += np.bincount(kind_of[device], minlength=len(edges))
    for index, name in enumerate(words["region"]):
        for share in _mix(f"ip_type/{name}", by_region[index], words["ip_type"], pack.type_share_by_region[name], 0.0):
            allowed = packs.validation_policy.distribution.ip_prior_alignment.max_abs_error_pp / 100.0
            # Links of one device share an address less often than chance has it; rounding of small cells adds a unit.
            allowed = min(allowed, _chance(share.prior, share.rows) + 0.01)
            yield Share(share.name, share.observed, share.prior, share.rows, allowed)
    for index, name in enumerate(words["device_type"]):
        rows = int(devices[index])
        wanted = pack.edges_per_device_by_ip_group[packs.device_taxonomy.types[name].ip_group]
        if rows:
            yield Share(f"ips_per_device/{name}", int(edges[index]) / rows, wanted, rows, _chance(wanted % 1.0, rows))


def _roles(
    reader: _Reader, packs: Packs, words: Vocabularies, party_type: Codes, account_type: Codes
) -> Iterator[Share]:
    party, account = packs.party_role_priors, packs.account_role_priors
    ip = packs.ip_role_priors
    mapping = packs.validation_policy.role_mapping
    roles = reader.codes("s5_party_fraud_roles_6A", "fraud_role_party")
    table = cross(party_type, roles, len(words["party_type"]), len(words["party_role"]))
    for index, name in enumerate(words["party_type"]):
        yield from _role_mix("party", name, table[index], words, _expected(party, name, None, None, 0.0))
    risky_code = np.array([role in party.risky_roles for role in words["party_role"]])
    risky = np.r_[False, risky_code[roles]]

    owner = np.concatenate([part for (part,) in reader.rows("s2_account_base_6A", "owner_party_id")])
    drawn = reader.codes("s5_account_fraud_roles_6A", "fraud_role_account")
    kinds = len(words["account_type"])
    owned = cross(risky[owner].astype(np.int64) * kinds + account_type, drawn, 2 * kinds, len(words["account_role"]))
    for lifted in (0, 1):
        for index, name in enumerate(words["account_type"]):
            group = account.group_of_type.get(name, account.default_group)
            expected = _expected(account, group, None, account.owner_promotion, float(lifted))
            label = f"account/{'risky' if lifted else 'calm'} owner"
            yield from _role_mix(label, name, owned[lifted * kinds + index], words, expected, entity="account")

    yield from _device_roles(reader, packs, words, risky)
    sizes = len(words["ip_type"]), len(words["asn_class"])
    cells = reader.codes("s4_ip_base_6A", "ip_type") * np.uint8(sizes[1]) + reader.codes("s4_ip_base_6A", "asn_class")
    drawn = reader.codes("s5_ip_fraud_roles_6A", "fraud_role_ip")
    table = cross(cells, drawn, sizes[0] * sizes[1], len(words["ip_role"]))
    if ip.sharing_promotion.enabled:
        return
    for cell in np.flatnonzero(table.sum(axis=1)):
        kind, asn = words["ip_type"][int(cell) // sizes[1]], words["asn_class"][int(cell) % sizes[1]]
        expected = _expected(ip, ip.group_of(kind, asn), _names(mapping, "IP"), None, 0.0)
        yield from _role_mix("ip", f"{kind}/{asn}", table[cell], words, expected)


def _device_roles(reader: _Reader, packs: Packs, words: Vocabularies, risky: NDArray[np.bool_]) -> Iterator[Share]:
    device, stride = packs.device_role_priors, packs.device_count_priors.caps.max_devices_per_party + 1
    mapping = packs.validation_policy.role_mapping
    kind_of = np.zeros(len(risky) * stride, np.uint8)
    for ids, kind in reader.rows("s4_device_base_6A", "device_id", "device_type"):
        kind_of[ids] = kind
    kinds = len(words["device_type"])
    table = np.zeros((2 * kinds, len(words["device_role"])), np.int64)
    for ids, role in reader.rows("s5_device_fraud_roles_6A", "device_id", "fraud_role_device"):
        row = risky[ids // stride].astype(np.int64) * kinds + kind_of[ids]
        table += cross(row, role, 2 * kinds, len(words["device_role"]))
    for lifted in (0, 1):
        for index, name in enumerate(words["device_type"]):
            expected = _expected(
                device, device.group_of_type[name], _names(mapping, "DEVICE"), device.owner_promotion, float(lifted)
            )
            label = f"device/{'risky' if lifted else 'calm'} owner"
            yield from _role_mix(label, name, table[lifted * kinds + index], words, expected, entity="device")


def _names(mapping: RoleMapping, entity: str) -> Callable[[str], str]:
    """Published name of a raw role: its own, or the default."""
    names: Mapping[str, str] = getattr(mapping.raw_to_published, entity)
    default: str = getattr(mapping.defaults, entity)
    return lambda role: names.get(role, default)


def _expected(
    pack: RolePack, group: str, published: Callable[[str], str] | None, lift: Promotion | None, lifted: float
) -> dict[str, float]:
    """Published shares of a group whose owners are risky (``lifted`` 1) or not (0)."""
    mass = list(pack.tier_thresholds.mass)
    if lift is not None and lift.enabled and lifted:
        moved = [mass[step] * getattr(lift.probability, TIERS[step]) for step in range(3)]
        for step, part in enumerate(moved):
            mass[step] -= part
            mass[step + 1] += part
    expected: dict[str, float] = {}
    for part, tier in zip(mass, TIERS, strict=True):
        for role, share in pack.roles[group].of(tier).items():
            word = published(role) if published is not None else role
            expected[word] = expected.get(word, 0.0) + part * share
    return expected


def _role_mix(
    label: str,
    name: str,
    counts: NDArray[np.int64],
    words: Vocabularies,
    expected: Mapping[str, float],
    *,
    entity: str | None = None,
) -> Iterator[Share]:
    vocabulary = words[f"{entity or label}_role"]
    for share in _mix(f"role/{label}/{name}", counts, vocabulary, expected, 0.0):
        yield Share(share.name, share.observed, share.prior, share.rows, _chance(share.prior, share.rows))
